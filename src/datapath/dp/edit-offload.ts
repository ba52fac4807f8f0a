// What: what carrying out a program needs to know of offloads: the length of the segments of a super-frame, and frames
// made complete. Why: a super-frame must be treated as the frames that it stands for. Who: execute.ts.

import { type FrameBatch, OFFLOAD_CSUM, VNET_GSO_SIZE, VNET_HDR_LENGTH } from '../port/batch.ts';
import { completeChecksum } from '../port/segment.ts';
import { IPPROTO_TCP, IPPROTO_UDP, UDP_HEADER_LENGTH } from '../wire/ip-protocol.ts';
import type { FrameLayout } from './edit-layout.ts';

/** Whether OFFLOAD_* bits are those of a frame that stands for several. */
export function isSuperFrame(offload: number): boolean {
  return (offload & ~OFFLOAD_CSUM) !== 0;
}

/** Length without padding of the longest frame that the frame stands for. */
export function segmentLength(layout: FrameLayout): number {
  layout.transportHeader();
  const { view, start, l4, protocol } = layout;
  const length = layout.end - start - layout.padding;
  if (!isSuperFrame(layout.batch.offload[layout.row]!) || l4 === 0) return length;
  let payload = l4 + UDP_HEADER_LENGTH;
  if (protocol === IPPROTO_TCP && layout.l4End - l4 >= 20) payload = l4 + (view.getUint8(l4 + 12) >>> 4) * 4;
  else if (protocol !== IPPROTO_UDP) return length;
  return Math.min(length, payload - start + view.getUint16(start - VNET_HDR_LENGTH + VNET_GSO_SIZE, true));
}

/** Completes the checksum of the frame in `row` and makes it one frame, in place. */
export function completeOffloads(batch: FrameBatch, view: DataView, row: number): void {
  const partial = (batch.offload[row]! & OFFLOAD_CSUM) !== 0;
  if (partial && completeChecksum(batch, view, row)) return;
  const at = batch.offset[row]!;
  batch.bytes.fill(0, at - VNET_HDR_LENGTH, at);
  batch.offload[row] = 0;
}
