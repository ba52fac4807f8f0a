// What: CopyRows, rows and slots of a FrameBatch for copies of frames, and the note of which rows must not change. Why: a
// frame that waits to be sent, or that an outer program still needs, must stay as it is while the rest of its program edits
// it; so the edit gets a copy. Who: dp/execute.ts.
// Invariant: rows are FIRST_COPY_ROW and on, each with a slot of its own, so that a copy of any frame has full headroom.
//
// The arena:  BURST receive slots | scratch of segment.ts | COPY_ROWS slots
// The rows:   0 .. BURST          | .. FINISHING_ROWS     | .. ARENA_ROWS

import assert from 'node:assert/strict';
import { BURST, type FrameBatch, HEADROOM, MAX_FRAME_LENGTH, SLOT_LENGTH, VNET_HDR_LENGTH } from './batch.ts';
import { FINISHING_ARENA_LENGTH, FINISHING_ROWS } from './segment.ts';

/** Copies that can wait at once: one for each frame of a burst. */
const COPY_ROWS = BURST;
const FIRST_COPY_ROW = FINISHING_ROWS;
/** Rows and bytes of the batch of a provider. */
export const ARENA_ROWS = FINISHING_ROWS + COPY_ROWS;
export const ARENA_LENGTH = FINISHING_ARENA_LENGTH + COPY_ROWS * SLOT_LENGTH;

// Bits of CopyRows.state; the first three forbid to change the frame.
/** The frame waits to be sent. */
export const ROW_QUEUED = 1;
/** An outer program goes on with the frame as it is. */
export const ROW_KEPT = 2;
/** The bytes of the frame do not lie in the slot of its row. */
const ROW_BORROWED = 4;
/** A program works on the frame. */
export const ROW_LIVE = 8;
export const ROW_LOCKED = ROW_QUEUED | ROW_KEPT | ROW_BORROWED;

/** Frames up to this length are copied word by word: a call of copyWithin() costs as much as that. */
const SHORT = 128;

export class CopyRows {
  /** ROW_* bits of each row. A copy row that has none is free. */
  readonly state = new Uint8Array(ARENA_ROWS);
  private readonly batch: FrameBatch;
  private readonly view: DataView;
  private next = FIRST_COPY_ROW;

  constructor(batch: FrameBatch, view: DataView) {
    assert(
      batch.offset.length >= ARENA_ROWS && batch.bytes.length >= ARENA_LENGTH,
      'a batch without room for copies',
    );
    this.batch = batch;
    this.view = view;
  }

  /** Where the slot of a row of a burst or of a copy begins. */
  slotStart(row: number): number {
    return row < BURST ? row * SLOT_LENGTH : FINISHING_ARENA_LENGTH + (row - FIRST_COPY_ROW) * SLOT_LENGTH;
  }

  /** Begins with a row of a burst, or a copy that an outer program made. */
  begin(row: number): void {
    const { offset, length } = this.batch;
    const inSlot = offset[row]! - this.slotStart(row);
    const own = inSlot >= VNET_HDR_LENGTH && inSlot + length[row]! <= SLOT_LENGTH;
    this.state[row] = own ? ROW_LIVE : ROW_LIVE | ROW_BORROWED;
  }

  /** Copies the first `maxLength` bytes of the frame in `row`, and its vnet header. Returns the row of the copy, live, or -1 when none is free. */
  copy(row: number, maxLength: number): number {
    const to = this.take();
    if (to < 0) return -1;
    const { offset, length, offload } = this.batch;
    const source = offset[row]!;
    const target = this.slotStart(to) + HEADROOM;
    const bytes = Math.min(length[row]!, maxLength, MAX_COPY_LENGTH);
    offset[to] = target;
    length[to] = bytes;
    offload[to] = offload[row]!;
    this.move(source - VNET_HDR_LENGTH, target - VNET_HDR_LENGTH, bytes + VNET_HDR_LENGTH);
    return to;
  }

  /** Notes that all that was queued has been sent. */
  flushed(): void {
    const { state } = this;
    for (let row = FIRST_COPY_ROW; row < ARENA_ROWS; row++) state[row]! &= ~ROW_QUEUED;
    this.next = FIRST_COPY_ROW;
  }

  /** A free row, live from now on, or -1. */
  private take(): number {
    const { state } = this;
    for (let row = this.next; row < ARENA_ROWS; row++) {
      if (state[row] !== 0) continue;
      state[row] = ROW_LIVE;
      this.next = row + 1;
      return row;
    }
    for (let row = FIRST_COPY_ROW; row < this.next; row++) {
      if (state[row] !== 0) continue;
      state[row] = ROW_LIVE;
      this.next = row + 1;
      return row;
    }
    return -1;
  }

  private move(source: number, target: number, length: number): void {
    if (length > SHORT) {
      this.batch.bytes.copyWithin(target, source, source + length);
      return;
    }
    const { view } = this;
    let at = 0;
    for (; at + 4 <= length; at += 4) view.setInt32(target + at, view.getInt32(source + at));
    for (; at < length; at++) view.setUint8(target + at, view.getUint8(source + at));
  }
}

/** Longer than any frame that is received and anything that headroom adds. */
const MAX_COPY_LENGTH = MAX_FRAME_LENGTH + HEADROOM;
