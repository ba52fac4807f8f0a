// What: the contract that every port type fulfils. Why: the datapath forwards between ports without knowing what
// they are; test/contract runs one suite over all of them. Who: ofproto and dp see only this file and batch.ts;
// memory.ts, native-port.ts implement it.
// Ownership: frames in a batch are valid until the next receive() into that batch; send() copies or hands to the
// kernel before it returns.

import type { FrameBatch } from './batch.ts';

export type PortType = 'tap' | 'system' | 'internal' | 'memory';

/** What is known about the device behind a port. */
export interface LinkState {
  /** The device exists and the port is attached to it. */
  attached: boolean;
  /** Administratively up (IFF_UP). */
  adminUp: boolean;
  /** Up and with carrier (IFF_UP and IFF_LOWER_UP): frames can pass. */
  up: boolean;
  /** MAC address, `aa:bb:cc:dd:ee:ff`, or '' when unknown. */
  address: string;
  /** Maximum transmission unit in bytes, or 0 when unknown. */
  mtu: number;
  /** Kernel interface index, or 0. */
  ifindex: number;
  /** Why the port does not work, as one sentence, or '' when it does. */
  error: string;
}

/** A way in and out of the switch. */
export interface Port {
  readonly name: string;
  readonly type: PortType;
  /** Counters; indices in counters.ts. The datapath adds to rx; send() adds to tx and to the tx drop reasons. */
  readonly counters: Float64Array;
  /** OFFLOAD_* bits that send() can pass on. Frames that need more are finished in software by send(). */
  readonly offloads: number;
  readonly link: LinkState;
  /** False when the device is known to be down or absent: a flood leaves the port out. */
  readonly usable: boolean;
  /** True while the port stands in the ReadyList. Only ReadyList writes it. */
  ready: boolean;

  /**
   * Fills `batch` from row 0 with at most BURST waiting frames, sets batch.count, and returns it. Never blocks,
   * never throws for what comes in. Fewer than BURST means that nothing is left.
   */
  receive(batch: FrameBatch): number;

  /**
   * Sends the frames whose rows are in rows[0..count), in order. What cannot be sent is dropped and counted by
   * reason; each frame counts once, also when it leaves as several segments. Does not change the frames.
   */
  send(batch: FrameBatch, rows: Int32Array, count: number): void;

  /** Adds what the kernel counted since the last call to RX_KERNEL_DROPS. Called when counters are read. */
  refreshCounters(): void;

  /** Gives the device back. A second call does nothing. */
  close(): void;
}

/** How a port is to be opened. */
export interface PortOptions {
  /** Undefined: detect (tap if the device is a tap or absent, else system). */
  type?: PortType;
  /** For internal ports: the MAC address to give to the device. */
  address?: string;
  /** Accept that the device is absent now and attach when it appears (used when state is restored). */
  allowMissing?: boolean;
  /** OFFLOAD_* bits to use, default all that the kernel offers; 0 finishes all frames in software. */
  offloads?: number;
}

/** Opens ports of one world (the kernel, or memory) and knows which of them have work. */
export interface PortProvider {
  /** Memory in which the frames of these ports live; one FrameBatch is made over it. */
  readonly batch: FrameBatch;
  readonly ready: ReadyList;
  /** Grows whenever `usable` of some open port may have changed: who depends on it need look only then. */
  readonly linkChanges: number;
  /** Throws SwitchError: not-found, already-exists, permission-denied, failed-precondition. */
  open(name: string, options: PortOptions): Port;
}

/** The ports that may have frames waiting. Idle ports cost nothing. */
export class ReadyList {
  readonly ports: Port[] = [];

  /** Marks a port as having work. */
  add(port: Port): void {
    if (port.ready) return;
    port.ready = true;
    this.ports.push(port);
  }

  /** Takes a port out, when it is drained or closed. Order of the others is kept: service stays fair. */
  remove(port: Port): void {
    if (!port.ready) return;
    port.ready = false;
    this.ports.splice(this.ports.indexOf(port), 1);
  }
}
