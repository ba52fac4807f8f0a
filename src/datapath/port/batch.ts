// What: FrameBatch, the frames of one burst. Why: a frame is an index into typed columns, never an object, so
// that the hot path allocates nothing. Who: ports fill it (receive) and read it (send); dp/execute.ts edits frames in
// their slots, and in copies (copy-rows.ts).
// Invariant: the memory of all frames is ONE byte array, the arena, allocated once; with native ports the addon
// owns it and JavaScript sees it as a view.
//
// A frame in the arena (`o` = offset[i], a multiple of 4 plus 2, so that the IP header is aligned):
//
//   o-HEADROOM ... o-10 ........ o ................ o+length[i]
//   room for tags  virtio_net_hdr  Ethernet frame    room up to the next slot
//
// The virtio_net_hdr (legacy layout, little endian, linux/virtio_net.h) is always there; all zero means "no
// offload: the checksum is complete, the frame is no longer than the MTU":
//
//   byte 0 flags  1 gso_type  2-3 hdr_len  4-5 gso_size  6-7 csum_start  8-9 csum_offset
//
// csum_start counts from the first byte of the Ethernet frame.

/** Size of the virtio_net_hdr in front of each frame, in bytes. */
export const VNET_HDR_LENGTH = 10;
/** Offsets of the fields in it that more than one file reads. */
export const VNET_GSO_SIZE = 4;
export const VNET_CSUM_START = 6;
export const VNET_CSUM_OFFSET = 8;
/** Bytes in front of the frame that belong to it: the vnet header and room for pushed tags. */
export const HEADROOM = 74;
/** Longest frame: a 65,535-byte IP packet, Ethernet and two VLAN tags. */
export const MAX_FRAME_LENGTH = 65_535 + 14 + 8;
/** Bytes from one slot to the next: not a power of two, so that frame starts spread over the cache sets. */
export const SLOT_LENGTH = 66_048;
/** Frames in one burst. */
export const BURST = 64;

// offload[] bits: what the vnet header of the frame asks of the next hop. 0 for most frames.
/** The transport checksum holds only the pseudo header; csum_start and csum_offset say where it goes. */
export const OFFLOAD_CSUM = 1;
/** A TCP super-frame over IPv4 (VIRTIO_NET_HDR_GSO_TCPV4). */
export const OFFLOAD_TSO4 = 2;
/** A TCP super-frame over IPv6 (VIRTIO_NET_HDR_GSO_TCPV6). */
export const OFFLOAD_TSO6 = 4;
/** A UDP super-frame (VIRTIO_NET_HDR_GSO_UDP_L4). */
export const OFFLOAD_USO = 8;
export const OFFLOAD_ALL = OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_USO;
/**
 * A super-frame whose IP header stands behind MPLS labels that the switch pushed. No port can carry it, since the
 * kernel would not find its way to that header: port/segment.ts cuts it.
 */
export const OFFLOAD_LABELLED = 16;

/** Columns for one burst. Rows [0, count) are the frames received; rows from BURST on are scratch (copy-rows.ts). */
export class FrameBatch {
  /** The arena. */
  readonly bytes: Uint8Array;
  /** Byte offset of each frame in the arena. */
  readonly offset: Int32Array;
  /** Length of each frame in bytes, without its vnet header. */
  readonly length: Int32Array;
  /** OFFLOAD_* bits of each frame. */
  readonly offload: Int32Array;
  /** Frames in the batch. */
  count = 0;

  /** `columns` are given when the addon shares them; else `rows` fresh ones are made. */
  constructor(
    arena: ArrayBuffer,
    columns: number | { offset: Int32Array; length: Int32Array; offload: Int32Array } = BURST,
  ) {
    this.bytes = new Uint8Array(arena);
    const own = typeof columns === 'number';
    this.offset = own ? new Int32Array(columns) : columns.offset;
    this.length = own ? new Int32Array(columns) : columns.length;
    this.offload = own ? new Int32Array(columns) : columns.offload;
  }
}
