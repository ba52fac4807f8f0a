// What: PortWorld, a port under test with a wire on its other side. Why: the contract suite says the same of every
// port type and must not know what is behind it. Who: port.contract.ts uses it; memory-world.ts and
// kernel-world.ts make it.

import type { FrameBatch } from '../../src/datapath/port/batch.ts';
import type { LinkState, Port, PortOptions, PortType, ReadyList } from '../../src/datapath/port/port.ts';
import { readRow, type WireFrame } from './wire-frame.ts';

/** Times that collect() waits in vain before it takes the wire for silent. */
const IDLE_WAITS = 5;

export interface PortWorld {
  readonly port: Port;
  /** What the port's provider shares out. */
  readonly batch: FrameBatch;
  readonly ready: ReadyList;
  /** What the provider has counted of links that came up or went down. */
  linkChanges(): number;
  /** Waits until frames or device events come, at most a moment. */
  wait(): void;
  /** Puts frames on the wire, towards the port, in order. */
  put(frames: readonly WireFrame[]): void;
  /** Takes `count` frames that left through the port off the wire, or fewer when no more come. */
  take(count: number): WireFrame[];
  /** Sets the device administratively up or down. */
  setUp(up: boolean): void;
  /** Closes the port, and the world around it. */
  close(): void;
}

/** The life of a kernel device; memory ports have none. */
export interface DeviceWorld extends PortWorld {
  removeDevice(): void;
  createDevice(): void;
}

/** A port type and what is peculiar to it. */
export interface PortKind {
  readonly type: PortType;
  open(options?: Omit<PortOptions, 'type'>): PortWorld;
  /** The device takes no frame longer than its MTU. A tap does: what is written to it is received by the host. */
  readonly limitsLength: boolean;
  /** A frame that is no frame (0 to 13 bytes) can be put on the wire. */
  readonly carriesRunts: boolean;
}

/** Receives through `port` until `count` frames have come, or none comes any more. */
export function collect(port: Port, batch: FrameBatch, wait: () => void, count: number): WireFrame[] {
  const frames: WireFrame[] = [];
  let idle = 0;
  while (frames.length < count && idle < IDLE_WAITS) {
    const received = port.receive(batch);
    for (let row = 0; row < received; row++) frames.push(readRow(batch, row));
    if (received > 0) continue;
    idle++;
    wait();
  }
  return frames;
}

/** Lets events come in until the link is as `wanted` says; gives up after a while. Returns the link. */
export function awaitLink(world: PortWorld, wanted: Partial<LinkState>): LinkState {
  const agrees = () =>
    Object.entries(wanted).every(([key, value]) => world.port.link[key as keyof LinkState] === value);
  for (let i = 0; i < 20 && !agrees(); i++) world.wait();
  return world.port.link;
}
