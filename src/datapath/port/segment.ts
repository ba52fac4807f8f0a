// What: Finisher, which does in software what an output port cannot carry: it completes partial checksums and cuts
// TCP and UDP super-frames into segments, then hands all to the port in order. Why: offloads stay attached to a
// frame on its way through the switch, and only here, at a port that lacks them, their price is paid. Who: send()
// of every port type calls send() below and gets its frames back through RawSender; segment-frame.ts does the
// cutting.
// Invariants: frames are shared between output ports and never change: what is finished is a copy in the scratch
// part of the arena. Order is kept. Every frame of send() is counted once: as sent when the port took all of its
// segments, else as one drop. Allocates nothing per frame.

import assert from 'node:assert/strict';
import { DROP } from '../drop.ts';
import { sumView } from '../wire/checksum.ts';
import { crc32c } from '../wire/crc32c.ts';
import { ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts';
import { SCTP_CHECKSUM } from '../wire/ip-protocol.ts';
import {
  BURST,
  type FrameBatch,
  MAX_FRAME_LENGTH,
  OFFLOAD_CSUM,
  SLOT_LENGTH,
  VNET_CSUM_OFFSET,
  VNET_CSUM_START,
  VNET_HDR_LENGTH,
} from './batch.ts';
import { DROPS, TX_BYTES, TX_PACKETS } from './counters.ts';
import { SuperFrame } from './segment-frame.ts';

/** Rows above BURST that a batch should have for segments. */
const SCRATCH_ROWS = 128;
/** Bytes of scratch behind the slots: a 64 KiB super-frame in segments of 536 bytes fits at once. */
const SCRATCH_LENGTH = 256 * 1024;
/** Rows and bytes for a batch over which a Finisher works. */
export const FINISHING_ROWS = BURST + SCRATCH_ROWS;
export const FINISHING_ARENA_LENGTH = BURST * SLOT_LENGTH + SCRATCH_LENGTH;
/** Most rows that one transmit() gets. */
export const TRANSMIT_MAX = FINISHING_ROWS;

/** In the status column of transmit(): the port took the frame. Any other value is a DROP index. */
export const TAKEN = 0;

/**
 * Completes the partial checksum of the frame in `row`, in place. False, and nothing done, when the vnet header points
 * outside of the frame.
 */
export function completeChecksum(batch: FrameBatch, view: DataView, row: number): boolean {
  const at = batch.offset[row]!;
  const length = batch.length[row]!;
  const vnet = at - VNET_HDR_LENGTH;
  const start = view.getUint16(vnet + VNET_CSUM_START, true);
  const checksumOffset = view.getUint16(vnet + VNET_CSUM_OFFSET, true);
  const checksumAt = start + checksumOffset;
  if (start < ETHERNET_HEADER_LENGTH || checksumAt + (checksumOffset === SCTP_CHECKSUM ? 4 : 2) > length)
    return false;
  if (checksumOffset === SCTP_CHECKSUM) {
    view.setUint32(at + checksumAt, 0);
    view.setUint32(at + checksumAt, crc32c(batch.bytes, at + start, length - start), true);
  } else {
    // The field holds the sum of the pseudo header, and so brings it into the sum.
    const checksum = ~sumView(view, at + start, length - start) & 0xffff;
    // In UDP 0 would mean "no checksum"; elsewhere both forms of zero are equal.
    view.setUint16(at + checksumAt, checksum === 0 ? 0xffff : checksum);
  }
  batch.bytes.fill(0, vnet, at);
  batch.offload[row] = 0;
  return true;
}

/** A port below its send(): it passes frames on as they are. */
export interface RawSender {
  /** OFFLOAD_* bits that transmit() can pass on. */
  readonly offloads: number;
  /** Port counters (counters.ts); the Finisher adds to tx and to the tx drop reasons, transmit() does not. */
  readonly counters: Float64Array;

  /**
   * Passes on the frames in rows[0..count), in order; count is 1..TRANSMIT_MAX. Their OFFLOAD_* bits are within
   * `offloads`; each has its vnet header in front. The frames are copied or handed to the kernel on return.
   * Returns how many were taken; when fewer than `count`, status[0..count) says TAKEN or the DROP index for each.
   */
  transmit(batch: FrameBatch, rows: Int32Array, count: number, status: Int32Array): number;
}

/** Finishes frames for the ports of one batch. One for all ports: the scratch is used only inside send(). */
export class Finisher {
  private readonly batch: FrameBatch;
  private readonly view: DataView;
  private readonly superFrame: SuperFrame;
  private readonly scratchStart: number;
  private readonly scratchEnd: number;
  /** First free byte and first free row of the scratch. */
  private scratchAt: number;
  private scratchRow: number = BURST;
  /** The row behind the last of the scratch. */
  private readonly scratchRows: number;

  /** What goes to the next transmit(): the row, and the index into send()'s rows of the frame it stands for. */
  private readonly rows = new Int32Array(TRANSMIT_MAX);
  private readonly owners = new Int32Array(TRANSMIT_MAX);
  private readonly status = new Int32Array(TRANSMIT_MAX);
  private pending = 0;
  /** The frame whose segments are being counted (-1: none), and the first reason why one of them was not taken. */
  private owner = -1;
  private ownerReason = TAKEN;

  /**
   * `scratchOffset` and `scratchLength` name a part of batch.bytes that no slot uses, at least one longest frame
   * long; the rows of the batch from BURST to FINISHING_ROWS are used as well.
   */
  constructor(batch: FrameBatch, scratchOffset = BURST * SLOT_LENGTH, scratchLength = SCRATCH_LENGTH) {
    const end = scratchOffset + scratchLength;
    assert(scratchOffset >= 0 && end <= batch.bytes.length, 'scratch outside of the arena');
    assert(scratchLength >= MAX_FRAME_LENGTH + VNET_HDR_LENGTH + 4, 'scratch shorter than a frame');
    assert(batch.offset.length > BURST, 'no rows for scratch');
    this.batch = batch;
    this.view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
    this.superFrame = new SuperFrame(batch, this.view);
    this.scratchStart = scratchOffset;
    this.scratchAt = scratchOffset;
    this.scratchEnd = end;
    this.scratchRows = Math.min(batch.offset.length, FINISHING_ROWS);
  }

  /**
   * Sends the frames in rows[0..count), in order, through `sender`, finishing those that ask for more than
   * sender.offloads. A frame that cannot be finished is dropped as tx-not-segmentable.
   */
  send(sender: RawSender, rows: Int32Array, count: number): void {
    const { offload, length } = this.batch;
    const missing = ~sender.offloads;
    let unfinished = 0;
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      unfinished |= offload[rows[i]!]! & missing;
      bytes += length[rows[i]!]!;
    }
    if (unfinished === 0 && count <= TRANSMIT_MAX) {
      if (count > 0) this.sendAsTheyAre(sender, rows, count, bytes);
      return;
    }
    this.owner = -1;
    for (let i = 0; i < count; i++) {
      const row = rows[i]!;
      const wanted = offload[row]!;
      let done = true;
      if ((wanted & missing) === 0) this.push(sender, rows, row, i);
      else if ((wanted & ~OFFLOAD_CSUM) === 0) done = this.complete(sender, rows, i);
      else done = this.cut(sender, rows, i);
      if (!done) sender.counters[DROPS + DROP['tx-not-segmentable']]! += 1;
    }
    this.flush(sender, rows);
    this.settle(sender, rows);
  }

  /** `bytes`: the lengths of all frames. */
  private sendAsTheyAre(sender: RawSender, rows: Int32Array, count: number, bytes: number): void {
    const { length } = this.batch;
    const { counters } = sender;
    const status = this.status;
    const taken = sender.transmit(this.batch, rows, count, status);
    counters[TX_PACKETS]! += taken;
    counters[TX_BYTES]! += bytes;
    if (taken === count) return;
    for (let i = 0; i < count; i++) {
      if (status[i] === TAKEN) continue;
      counters[TX_BYTES]! -= length[rows[i]!]!;
      counters[DROPS + status[i]!]! += 1;
    }
  }

  /** Copies frame `index` and completes its checksum. False when the vnet header points outside of the frame. */
  private complete(sender: RawSender, rows: Int32Array, index: number): boolean {
    const batch = this.batch;
    const row = rows[index]!;
    const from = batch.offset[row]!;
    const length = batch.length[row]!;
    const scratch = this.place(sender, rows, length);
    const to = batch.offset[scratch]!;
    batch.bytes.copyWithin(to - VNET_HDR_LENGTH, from - VNET_HDR_LENGTH, from + length);
    if (!completeChecksum(batch, this.view, scratch)) {
      this.takeBack(scratch);
      return false;
    }
    this.push(sender, rows, scratch, index);
    return true;
  }

  /** Cuts frame `index` into segments. False when its headers do not allow that. */
  private cut(sender: RawSender, rows: Int32Array, index: number): boolean {
    const batch = this.batch;
    const superFrame = this.superFrame;
    if (!superFrame.parse(rows[index]!)) return false;
    const offload = sender.offloads & OFFLOAD_CSUM;
    for (let i = 0; i < superFrame.segments; i++) {
      const scratch = this.place(sender, rows, superFrame.segmentLength(i));
      batch.offload[scratch] = offload;
      superFrame.write(i, batch.offset[scratch]!, offload !== 0);
      this.push(sender, rows, scratch, index);
    }
    return true;
  }

  /** Takes a scratch row and room for `length` bytes and a vnet header; sends what is pending when there is none. */
  private place(sender: RawSender, rows: Int32Array, length: number): number {
    const batch = this.batch;
    // As in a slot, frames start at a multiple of 4 plus 2.
    let offset = ((this.scratchAt + VNET_HDR_LENGTH + 1) & ~3) + 2;
    if (offset + length > this.scratchEnd || this.scratchRow === this.scratchRows) {
      this.flush(sender, rows);
      offset = ((this.scratchAt + VNET_HDR_LENGTH + 1) & ~3) + 2;
      assert(offset + length <= this.scratchEnd, 'a frame longer than MAX_FRAME_LENGTH');
    }
    const row = this.scratchRow++;
    batch.offset[row] = offset;
    batch.length[row] = length;
    this.scratchAt = offset + length;
    return row;
  }

  /** Gives back the row and the room that place() gave last. */
  private takeBack(row: number): void {
    this.scratchRow = row;
    this.scratchAt = this.batch.offset[row]! - VNET_HDR_LENGTH;
  }

  /** Puts `row`, which stands for frame `index` of send(), behind what is pending. */
  private push(sender: RawSender, rows: Int32Array, row: number, index: number): void {
    this.rows[this.pending] = row;
    this.owners[this.pending] = index;
    this.pending++;
    if (this.pending === TRANSMIT_MAX) this.flush(sender, rows);
  }

  /** Transmits what is pending, counts the frames that are complete with it, and frees the scratch. */
  private flush(sender: RawSender, rows: Int32Array): void {
    const count = this.pending;
    this.pending = 0;
    this.scratchAt = this.scratchStart;
    this.scratchRow = BURST;
    if (count === 0) return;
    const status = this.status;
    if (sender.transmit(this.batch, this.rows, count, status) === count) status.fill(TAKEN, 0, count);
    for (let i = 0; i < count; i++) {
      const owner = this.owners[i]!;
      if (owner !== this.owner) {
        this.settle(sender, rows);
        this.owner = owner;
        this.ownerReason = TAKEN;
      }
      if (this.ownerReason === TAKEN) this.ownerReason = status[i]!;
    }
  }

  /** Counts the frame whose last segment has been transmitted. */
  private settle(sender: RawSender, rows: Int32Array): void {
    if (this.owner < 0) return;
    if (this.ownerReason === TAKEN) {
      sender.counters[TX_PACKETS]! += 1;
      sender.counters[TX_BYTES]! += this.batch.length[rows[this.owner]!]!;
    } else {
      sender.counters[DROPS + this.ownerReason]! += 1;
    }
    this.owner = -1;
  }
}
