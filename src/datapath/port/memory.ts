// What: MemoryProvider and MemoryPort, ports that live in this process only. Why: the same Switch object that
// forwards between kernel devices runs in tests without root, threads or real time, and in the benchmark of the
// datapath alone. Who: tests inject() frames and look at `sent`; bench/datapath.ts play()s preloaded frames.
// Invariant: what inject() takes is a copy, what `sent` holds is a copy; the arena belongs to the provider.
//
// The arena: receive slots, scratch and copies as in every arena, then frames preloaded for play(). Those are sent from
// where they lie, so they never change: outside of its own slot a frame is copied before it is edited (copy-rows.ts).

import { DROP } from '../drop.ts';
import { SwitchError } from '../errors.ts';
import { ETHERNET_HEADER_LENGTH, VLAN_TAG_LENGTH } from '../wire/ethernet.ts';
import {
  BURST,
  FrameBatch,
  HEADROOM,
  MAX_FRAME_LENGTH,
  OFFLOAD_ALL,
  OFFLOAD_CSUM,
  OFFLOAD_TSO4,
  OFFLOAD_TSO6,
  OFFLOAD_USO,
  SLOT_LENGTH,
  VNET_HDR_LENGTH,
} from './batch.ts';
import { ARENA_LENGTH, ARENA_ROWS } from './copy-rows.ts';
import { DROPS, newPortCounters, RX_BYTES, RX_PACKETS } from './counters.ts';
import { type LinkState, type Port, type PortOptions, type PortProvider, ReadyList } from './port.ts';
import { Finisher, type RawSender, TAKEN } from './segment.ts';

/** Bytes from one preloaded frame to the next, beyond its length: headroom, rounded so that alignment stays. */
const PRELOAD_ALIGN = 64;

/** A frame that a memory port sent: copies of what was in the arena. */
export interface SentFrame {
  frame: Uint8Array;
  /** The virtio_net_hdr that went with it, VNET_HDR_LENGTH bytes. */
  vnetHeader: Uint8Array;
}

export interface MemoryPortOptions extends PortOptions {
  /** Maximum transmission unit in bytes, default 1500. */
  mtu?: number;
}

interface QueuedFrame {
  frame: Uint8Array;
  vnetHeader: Uint8Array | undefined;
}

export class MemoryPort implements Port, RawSender {
  readonly name: string;
  readonly type = 'memory';
  readonly counters = newPortCounters();
  readonly offloads: number;
  readonly link: LinkState;
  ready = false;
  /** What left through this port, oldest first; the owner may empty it. */
  readonly sent: SentFrame[] = [];
  /** False: frames that are sent are counted but not kept. */
  keepSent = true;

  private readonly provider: MemoryProvider;
  private queue: QueuedFrame[] = [];
  private playOffset = new Int32Array(0);
  private playLength = new Int32Array(0);
  private playNext = 0;
  private playLeft = 0;

  constructor(provider: MemoryProvider, name: string, options: MemoryPortOptions) {
    this.provider = provider;
    this.name = name;
    this.offloads = options.offloads ?? OFFLOAD_ALL;
    this.link = {
      attached: true,
      adminUp: true,
      up: true,
      address: options.address ?? '',
      mtu: options.mtu ?? 1500,
      ifindex: 0,
      error: '',
    };
  }

  /**
   * Queues a copy of a frame (from its destination MAC on) as if it had come in. Returns false, and loses the
   * frame uncounted, when the link is down: a device that is down hears nothing.
   */
  inject(frame: Uint8Array, vnetHeader?: Uint8Array): boolean {
    if (!this.link.up) return false;
    this.queue.push({ frame: frame.slice(), vnetHeader: vnetHeader?.slice() });
    this.provider.ready.add(this);
    return true;
  }

  /** Makes the port receive `count` frames by going round `frames`, without copying or allocating per frame. */
  play(frames: readonly Uint8Array[], count: number): void {
    this.playOffset = Int32Array.from(frames, (frame) => this.provider.preload(frame));
    this.playLength = Int32Array.from(frames, (frame) => frame.length);
    this.playNext = 0;
    this.replay(count);
  }

  /** Goes on with the frames of play() for `count` more. */
  replay(count: number): void {
    this.playLeft = count;
    if (count > 0) this.provider.ready.add(this);
  }

  /** Pulls or plugs the cable. Frames that wait are lost when it is pulled. */
  setLink(up: boolean): void {
    this.link.adminUp = up;
    this.link.up = up;
    this.provider.linkChanges++;
    if (up) return;
    this.queue = [];
    this.playLeft = 0;
  }

  get usable(): boolean {
    return this.link.up;
  }

  receive(batch: FrameBatch): number {
    if (this.playLeft > 0) return this.receivePlayed(batch);
    let row = 0;
    let taken = 0;
    while (row < BURST && taken < this.queue.length) {
      const { frame, vnetHeader } = this.queue[taken++]!;
      if (frame.length > MAX_FRAME_LENGTH) this.dropTooLong(frame.length);
      else fillRow(batch, row++, frame, vnetHeader);
    }
    this.queue.splice(0, taken);
    batch.count = row;
    return row;
  }

  send(_batch: FrameBatch, rows: Int32Array, count: number): void {
    this.provider.finisher.send(this, rows, count);
  }

  /** Called by the Finisher with frames that need no more than `offloads`. */
  transmit(batch: FrameBatch, rows: Int32Array, count: number, status: Int32Array): number {
    if (!this.keepSent && this.link.up && this.allFit(batch, rows, count)) return count;
    let taken = 0;
    for (let i = 0; i < count; i++) {
      const row = rows[i]!;
      status[i] = this.refusal(batch, row);
      if (status[i] !== TAKEN) continue;
      taken++;
      if (this.keepSent) this.keep(batch, row);
    }
    return taken;
  }

  /** Whether no frame is longer than a device takes in any case. */
  private allFit(batch: FrameBatch, rows: Int32Array, count: number): boolean {
    const { length } = batch;
    let longest = 0;
    for (let i = 0; i < count; i++) longest = Math.max(longest, length[rows[i]!]!);
    return longest <= this.link.mtu + ETHERNET_HEADER_LENGTH;
  }

  /** Memory has no kernel that could lose frames. */
  refreshCounters(): void {}

  close(): void {
    this.setLink(false);
    this.link.attached = false;
    this.provider.closed(this);
  }

  /** Why a device would not take the frame: TAKEN or a DROP index. A super-frame is cut further on. */
  private refusal(batch: FrameBatch, row: number): number {
    if (!this.link.up) return DROP['tx-link-down'];
    const length = batch.length[row]!;
    const isSuperFrame = (batch.offload[row]! & ~OFFLOAD_CSUM) !== 0;
    if (length <= this.link.mtu + ETHERNET_HEADER_LENGTH || isSuperFrame) return TAKEN;
    return length > this.longestFrame(batch, row) ? DROP['tx-too-long'] : TAKEN;
  }

  /** Kernel devices let one VLAN tag pass beyond the MTU. */
  private longestFrame(batch: FrameBatch, row: number): number {
    const at = batch.offset[row]! + 12;
    const tpid = (batch.bytes[at]! << 8) | batch.bytes[at + 1]!;
    const tag = tpid === 0x8100 || tpid === 0x88a8 ? VLAN_TAG_LENGTH : 0;
    return this.link.mtu + ETHERNET_HEADER_LENGTH + tag;
  }

  private keep(batch: FrameBatch, row: number): void {
    const at = batch.offset[row]!;
    this.sent.push({
      frame: batch.bytes.slice(at, at + batch.length[row]!),
      vnetHeader: batch.bytes.slice(at - VNET_HDR_LENGTH, at),
    });
  }

  private receivePlayed(batch: FrameBatch): number {
    const { playOffset, playLength } = this;
    const { offset, length, offload } = batch;
    const frames = playOffset.length;
    const count = Math.min(this.playLeft, BURST);
    let next = this.playNext;
    for (let i = 0; i < count; i++) {
      offset[i] = playOffset[next]!;
      length[i] = playLength[next]!;
      offload[i] = 0;
      next = next + 1 === frames ? 0 : next + 1;
    }
    this.playNext = next;
    this.playLeft -= count;
    batch.count = count;
    return count;
  }

  private dropTooLong(lengthBytes: number): void {
    this.counters[RX_PACKETS]!++;
    this.counters[RX_BYTES]! += lengthBytes;
    this.counters[DROPS + DROP['rx-too-long']]!++;
  }
}

export class MemoryProvider implements PortProvider {
  readonly batch: FrameBatch;
  readonly ready = new ReadyList();
  linkChanges = 0;
  /** For ports: does in software what they do not carry. */
  readonly finisher: Finisher;
  private readonly ports = new Map<string, MemoryPort>();
  private preloadEnd = ARENA_LENGTH;

  /** `preloadBytes`: room for the frames of play(), their lengths rounded up by up to 192 bytes each. */
  constructor(options: { preloadBytes?: number } = {}) {
    const arena = new ArrayBuffer(this.preloadEnd + (options.preloadBytes ?? 0));
    this.batch = new FrameBatch(arena, ARENA_ROWS);
    this.finisher = new Finisher(this.batch);
  }

  /** Makes a port. Throws SwitchError already-exists when one of that name is open. */
  open(name: string, options: MemoryPortOptions): MemoryPort {
    if (this.ports.has(name))
      throw new SwitchError('already-exists', `The memory port ${name} is open already.`);
    const port = new MemoryPort(this, name, options);
    this.ports.set(name, port);
    return port;
  }

  /** The open port of that name. Throws SwitchError not-found. */
  port(name: string): MemoryPort {
    const port = this.ports.get(name);
    if (!port) throw new SwitchError('not-found', `There is no memory port ${name}; open it first.`);
    return port;
  }

  /** Puts a frame into the arena for good and returns its offset. Throws SwitchError resource-exhausted. */
  preload(frame: Uint8Array): number {
    const slot = this.preloadEnd;
    const end = slot + Math.ceil((HEADROOM + frame.length) / PRELOAD_ALIGN) * PRELOAD_ALIGN;
    if (end > this.batch.bytes.length) {
      throw new SwitchError(
        'resource-exhausted',
        'The arena is full: make the provider with more preloadBytes.',
      );
    }
    this.batch.bytes.set(frame, slot + HEADROOM);
    this.preloadEnd = end;
    return slot + HEADROOM;
  }

  /** For ports: the name is free again. */
  closed(port: MemoryPort): void {
    this.ready.remove(port);
    if (this.ports.get(port.name) === port) this.ports.delete(port.name);
  }
}

function fillRow(
  batch: FrameBatch,
  row: number,
  frame: Uint8Array,
  vnetHeader: Uint8Array | undefined,
): void {
  const at = row * SLOT_LENGTH + HEADROOM;
  batch.bytes.fill(0, at - VNET_HDR_LENGTH, at);
  if (vnetHeader) batch.bytes.set(vnetHeader.subarray(0, VNET_HDR_LENGTH), at - VNET_HDR_LENGTH);
  batch.bytes.set(frame, at);
  batch.offset[row] = at;
  batch.length[row] = frame.length;
  batch.offload[row] = vnetHeader ? offloadBits(vnetHeader) : 0;
}

/** The OFFLOAD_* bits that a virtio_net_hdr stands for (linux/virtio_net.h). */
function offloadBits(vnetHeader: Uint8Array): number {
  const csum = vnetHeader[0]! & 1 ? OFFLOAD_CSUM : 0;
  // 0x80 marks a TCP super-frame with ECN; the type stays.
  const gsoType = vnetHeader[1]! & 0x7f;
  if (gsoType === 1) return csum | OFFLOAD_TSO4;
  if (gsoType === 4) return csum | OFFLOAD_TSO6;
  if (gsoType === 5) return csum | OFFLOAD_USO;
  return csum;
}
