// What: push and pop of VLAN tags and MPLS labels. Why: they are the edits that move bytes. Who: execute.ts.
// What stands in front of the new or old header moves by four bytes, into or out of the headroom: the vnet header, the MAC
// addresses, and for labels the tags. The offload header counts from the first byte of the frame and is kept true.
// Invariant: FrameLayout and the columns of the row agree with the bytes afterwards.

import { OFFLOAD_CSUM, OFFLOAD_LABELLED, VNET_CSUM_START, VNET_HDR_LENGTH } from '../port/batch.ts';
import { isMplsType, MPLS_ENTRY_LENGTH, VLAN_TAG_LENGTH } from '../wire/ethernet.ts';
import type { FrameLayout } from './edit-layout.ts';

/** Destination and source address. */
const MAC_ADDRESSES = 12;
/** Offset in the virtio_net_hdr. */
const VNET_HEADER_LENGTH = 2;
/** CFI or DEI, which Open vSwitch sends as 0 in the tags that it pushes. */
const VLAN_DEI = 0x1000;

/** Adds an outermost tag. False, and nothing done: the frame begins less than a tag behind `floor` and its vnet header. */
export function pushVlan(layout: FrameLayout, tpid: number, tci: number, floor: number): boolean {
  if (!pushRoom(layout, MAC_ADDRESSES, floor)) return false;
  const at = layout.start + MAC_ADDRESSES;
  layout.view.setInt32(at, (tpid << 16) | (tci & 0xffff & ~VLAN_DEI));
  layout.tags++;
  return true;
}

/** Takes the outermost tag away, if there is one. */
export function popVlan(layout: FrameLayout): void {
  if (!layout.isTagged()) return;
  popRoom(layout, MAC_ADDRESSES);
  layout.tags--;
}

/** Adds an outermost label stack entry, behind the tags. False: no room, as in pushVlan(). */
export function pushMpls(layout: FrameLayout, entry: number, ethType: number, floor: number): boolean {
  const typeAt = layout.typeAt();
  const stack = layout.labels === 0 ? layout.l3 : layout.labels;
  if (!pushRoom(layout, stack - layout.start, floor)) return false;
  layout.view.setInt32(stack - MPLS_ENTRY_LENGTH, entry);
  layout.view.setUint16(typeAt - MPLS_ENTRY_LENGTH, ethType);
  layout.forget();
  const { offload } = layout.batch;
  if ((offload[layout.row]! & ~OFFLOAD_CSUM) !== 0) offload[layout.row]! |= OFFLOAD_LABELLED;
  return true;
}

/** Takes the outermost label stack entry away, if there is one. */
export function popMpls(layout: FrameLayout, ethType: number): void {
  const typeAt = layout.typeAt();
  if (layout.labels === 0) return;
  popRoom(layout, layout.labels - layout.start);
  layout.view.setUint16(typeAt + MPLS_ENTRY_LENGTH, ethType);
  layout.forget();
  if (!isMplsType(ethType)) layout.batch.offload[layout.row]! &= ~OFFLOAD_LABELLED;
}

/** Moves the first `length` bytes of the frame, a multiple of 4 plus 2, and its vnet header 4 bytes down. */
function pushRoom(layout: FrameLayout, length: number, floor: number): boolean {
  const { view } = layout;
  const from = layout.start - VNET_HDR_LENGTH;
  if (from - VLAN_TAG_LENGTH < floor) return false;
  const end = layout.start + length;
  let at = from;
  for (; at + 4 <= end; at += 4) view.setInt32(at - VLAN_TAG_LENGTH, view.getInt32(at));
  if (at < end) view.setInt16(at - VLAN_TAG_LENGTH, view.getInt16(at));
  moveStart(layout, -VLAN_TAG_LENGTH);
  return true;
}

/** The same 4 bytes up, over the header that follows them. */
function popRoom(layout: FrameLayout, length: number): void {
  const { view } = layout;
  const from = layout.start - VNET_HDR_LENGTH;
  let at = layout.start + length;
  for (; at - 4 >= from; at -= 4) view.setInt32(at, view.getInt32(at - 4));
  if (at > from) view.setInt16(at + 2, view.getInt16(at - 2));
  moveStart(layout, VLAN_TAG_LENGTH);
}

/** The frame begins `by` bytes later. */
function moveStart(layout: FrameLayout, by: number): void {
  const { batch, row, view } = layout;
  const start = layout.start + by;
  layout.start = start;
  batch.offset[row] = start;
  batch.length[row]! -= by;
  if (batch.offload[row] === 0) return;
  const vnet = start - VNET_HDR_LENGTH;
  const headerLength = view.getUint16(vnet + VNET_HEADER_LENGTH, true);
  if (headerLength !== 0) view.setUint16(vnet + VNET_HEADER_LENGTH, headerLength - by, true);
  view.setUint16(vnet + VNET_CSUM_START, view.getUint16(vnet + VNET_CSUM_START, true) - by, true);
}
