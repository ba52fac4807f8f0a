// What: WireFrame, a frame with its vnet header outside of any batch, and the copying of it into and out of a row.
// Why: tests compare what went in with what came out, and a batch is only valid until the next receive. Who: the
// contract suite and its worlds.

import {
  type FrameBatch,
  HEADROOM,
  OFFLOAD_CSUM,
  OFFLOAD_TSO4,
  OFFLOAD_TSO6,
  OFFLOAD_USO,
  SLOT_LENGTH,
  VNET_HDR_LENGTH,
} from '../../src/datapath/port/batch.ts';

export interface WireFrame {
  frame: Uint8Array;
  vnetHeader: Uint8Array;
}

/** A frame that asks for no offload. */
export function plain(frame: Uint8Array): WireFrame {
  return { frame, vnetHeader: new Uint8Array(VNET_HDR_LENGTH) };
}

/** Puts a frame where a receive would have put it. Row `row` of the slots, or any row with a slot of its own. */
export function fillRow(batch: FrameBatch, row: number, { frame, vnetHeader }: WireFrame): void {
  const offset = row * SLOT_LENGTH + HEADROOM;
  batch.bytes.set(vnetHeader, offset - VNET_HDR_LENGTH);
  batch.bytes.set(frame, offset);
  batch.offset[row] = offset;
  batch.length[row] = frame.length;
  batch.offload[row] = offloadBits(vnetHeader);
}

/** A copy of what stands in `row`. */
export function readRow(batch: FrameBatch, row: number): WireFrame {
  const offset = batch.offset[row]!;
  return {
    frame: batch.bytes.slice(offset, offset + batch.length[row]!),
    vnetHeader: batch.bytes.slice(offset - VNET_HDR_LENGTH, offset),
  };
}

/** What a vnet header asks for, by linux/virtio_net.h. */
export function offloadBits(vnetHeader: Uint8Array): number {
  const kinds: Record<number, number> = { 1: OFFLOAD_TSO4, 4: OFFLOAD_TSO6, 5: OFFLOAD_USO };
  return (vnetHeader[0]! & 1 ? OFFLOAD_CSUM : 0) | (kinds[vnetHeader[1]! & 0x7f] ?? 0);
}
