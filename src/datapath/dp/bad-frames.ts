// What: BadFrames, the frames of a burst that cannot be looked at, and why. Why: they are rare, so the hot loops only
// ask whether there are any. Who: forwarder.ts.
// Invariant: between bursts all frames are good.

import { DROP } from '../drop.ts';
import {
  BURST,
  type FrameBatch,
  OFFLOAD_CSUM,
  VNET_CSUM_OFFSET,
  VNET_CSUM_START,
  VNET_GSO_SIZE,
  VNET_HDR_LENGTH,
} from '../port/batch.ts';
import { ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts';

/** In place of a drop reason: the frame is in order. */
export const GOOD = -1;

export class BadFrames {
  /** Bad frames in the burst. */
  count = 0;
  private readonly reasons = new Int32Array(BURST).fill(GOOD);
  private readonly batch: FrameBatch;
  private readonly view: DataView;

  constructor(batch: FrameBatch, view: DataView) {
    this.batch = batch;
    this.view = view;
  }

  /** Notes which of the frames in rows 0..rows-1 are bad. */
  judge(rows: number): void {
    for (let row = 0; row < rows; row++) {
      this.reasons[row] = this.reasonOf(row);
      if (this.reasons[row] !== GOOD) this.count++;
    }
  }

  /** Takes the candidates of bad frames in rows from..to-1 away. */
  exclude(candidates: Int32Array, from: number, to: number): void {
    for (let row = from; row < to; row++) if (this.reasons[row] !== GOOD) candidates[row] = 0;
  }

  /** Why the frame is bad, or GOOD; the note of it goes. */
  take(row: number): number {
    const reason = this.reasons[row]!;
    this.reasons[row] = GOOD;
    return reason;
  }

  private reasonOf(row: number): number {
    const { length, offload, offset } = this.batch;
    if (length[row]! < ETHERNET_HEADER_LENGTH) return DROP['rx-too-short'];
    if (offload[row] === 0 || this.offloadIsSane(offset[row]!, length[row]!, offload[row]!)) return GOOD;
    return DROP['rx-bad-offload'];
  }

  /** Whether checksum and segment size in the vnet header of a frame make sense (virtio 1.2, 5.1.6.4). */
  private offloadIsSane(offset: number, length: number, offload: number): boolean {
    const header = offset - VNET_HDR_LENGTH;
    if ((offload & OFFLOAD_CSUM) !== 0) {
      const start = this.view.getUint16(header + VNET_CSUM_START, true);
      const checksum = start + this.view.getUint16(header + VNET_CSUM_OFFSET, true);
      if (start < ETHERNET_HEADER_LENGTH || checksum + 2 > length) return false;
    }
    return (offload & ~OFFLOAD_CSUM) === 0 || this.view.getUint16(header + VNET_GSO_SIZE, true) !== 0;
  }
}
