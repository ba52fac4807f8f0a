// What: SuperFrame, one TCP or UDP frame that is to leave as several: its headers checked once, then each segment
// written on demand. Why: an output port without segmentation offload (TSO, USO) needs what a NIC would do done in
// software. Who: segment.ts owns one and drives it; wire/checksum.ts sums.
// Invariants: nothing that the vnet header claims is believed before the frame itself confirms it; after parse()
// said yes, no read or write leaves the frame or the room that the caller made. Allocates nothing after the
// constructor.
//
//   frame:    | Ethernet, VLAN tags | IPv4 or IPv6, extension headers | TCP or UDP | payload               |
//             0                     l3                                l4           headerLength     IP end
//   segment:  | the same headers, changed where below                              | gsoSize bytes or less |
//
//   IPv4  total length and checksum set; identification counts up from the original (RFC 791: unique per datagram)
//   IPv6  payload length set
//   TCP   sequence number advanced; FIN and PSH only on the last, CWR only on the first segment (RFC 3168, 6.1.2)
//   UDP   length set; a computed checksum of 0 goes out as 0xffff (RFC 768)

import { foldSum, pseudoSumIpv4, pseudoSumIpv6, sumBytes, sumView } from '../wire/checksum.ts';
import {
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_MPLS,
  ETH_TYPE_MPLS_MULTICAST,
  ETH_TYPE_QINQ,
  ETH_TYPE_VLAN,
  ETHERNET_HEADER_LENGTH,
  MPLS_BOTTOM,
  MPLS_ENTRY_LENGTH,
  VLAN_TAG_LENGTH,
} from '../wire/ethernet.ts';
import {
  IPPROTO_DSTOPTS,
  IPPROTO_HOPOPTS,
  IPPROTO_ROUTING,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4_HEADER_LENGTH,
  IPV6_HEADER_LENGTH,
  TCP_CHECKSUM,
  TCP_HEADER_LENGTH,
  UDP_CHECKSUM,
  UDP_HEADER_LENGTH,
} from '../wire/ip-protocol.ts';
import {
  type FrameBatch,
  OFFLOAD_CSUM,
  OFFLOAD_LABELLED,
  OFFLOAD_TSO4,
  OFFLOAD_TSO6,
  OFFLOAD_USO,
  VNET_CSUM_OFFSET,
  VNET_CSUM_START,
  VNET_GSO_SIZE,
  VNET_HDR_LENGTH,
} from './batch.ts';

/**
 * Most segments of one super-frame: 64 KiB in pieces of 8 bytes, the smallest size that Linux allows for TCP. The
 * bound keeps a sender that asks for 1-byte segments from buying 65,535 frames with one.
 */
const MAX_SEGMENTS = 8192;

/** virtio_net_hdr flag VIRTIO_NET_HDR_F_NEEDS_CSUM. */
const FLAG_NEEDS_CSUM = 1;
const TCP_FIN_PSH = 0x09;
const TCP_CWR = 0x80;

/** A super-frame being cut. parse() first; write() only after parse() returned true. */
export class SuperFrame {
  /** Segments that parse() found. */
  segments = 0;

  private readonly batch: FrameBatch;
  private readonly view: DataView;
  /** Arena offset of the Ethernet frame; the other positions count from it. */
  private start = 0;
  private l3 = 0;
  private l4 = 0;
  private headerLength = 0;
  private payloadLength = 0;
  private gsoSize = 0;
  private ipv4 = false;
  private tcp = false;
  /** Sum of the pseudo header without the length of the segment. */
  private pseudoSum = 0;
  /** Sum of the IPv4 header without total length, identification and checksum. */
  private ipv4Sum = 0;
  private identification = 0;

  constructor(batch: FrameBatch, view: DataView) {
    this.batch = batch;
    this.view = view;
  }

  /**
   * Checks the frame in `row` and keeps where its headers are. False: its headers do not allow to cut it, because
   * they are truncated, disagree with the vnet header, are fragments, carry IPv6 extension headers that hide the
   * transport header or its destination (fragment, authentication, a routing header not yet used up), or ask for
   * more than MAX_SEGMENTS.
   */
  parse(row: number): boolean {
    const batch = this.batch;
    const view = this.view;
    const start = batch.offset[row]!;
    const length = batch.length[row]!;
    const kind = batch.offload[row]! & ~(OFFLOAD_CSUM | OFFLOAD_LABELLED);
    this.start = start;
    if (kind !== OFFLOAD_TSO4 && kind !== OFFLOAD_TSO6 && kind !== OFFLOAD_USO) return false;
    this.tcp = kind !== OFFLOAD_USO;

    let l3 = ETHERNET_HEADER_LENGTH;
    if (length < l3) return false;
    let etherType = view.getUint16(start + l3 - 2);
    while (etherType === ETH_TYPE_VLAN || etherType === ETH_TYPE_QINQ) {
      l3 += VLAN_TAG_LENGTH;
      if (length < l3) return false;
      etherType = view.getUint16(start + l3 - 2);
    }
    if (etherType === ETH_TYPE_MPLS || etherType === ETH_TYPE_MPLS_MULTICAST) {
      let bottom = 0;
      while (bottom === 0) {
        if (length < l3 + MPLS_ENTRY_LENGTH + 1) return false;
        bottom = view.getInt32(start + l3) & MPLS_BOTTOM;
        l3 += MPLS_ENTRY_LENGTH;
      }
      // Labels do not say what follows; the version of IP does.
      etherType = view.getUint8(start + l3) >> 4 === 6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4;
    }
    this.l3 = l3;

    let end = 0;
    if (etherType === ETH_TYPE_IPV4 && kind !== OFFLOAD_TSO6) end = this.parseIpv4(length);
    else if (etherType === ETH_TYPE_IPV6 && kind !== OFFLOAD_TSO4) end = this.parseIpv6(length);
    return end > 0 && this.parseTransport(row, end);
  }

  /** Length in bytes of segment `index`. */
  segmentLength(index: number): number {
    return this.headerLength + this.payloadOf(index);
  }

  /**
   * Writes segment `index` with its vnet header in front to arena offset `at`. With `partial`, the transport
   * checksum is left to the port: pseudo header only, and the vnet header says so.
   */
  write(index: number, at: number, partial: boolean): void {
    const bytes = this.batch.bytes;
    const view = this.view;
    const start = this.start;
    const headerLength = this.headerLength;
    const payload = this.payloadOf(index);
    const from = start + headerLength + index * this.gsoSize;
    bytes.copyWithin(at, start, start + headerLength);
    bytes.copyWithin(at + headerLength, from, from + payload);

    const ip = at + this.l3;
    const l4 = at + this.l4;
    const l4Length = headerLength - this.l4 + payload;
    if (this.ipv4) {
      const totalLength = this.l4 - this.l3 + l4Length;
      const identification = (this.identification + index) & 0xffff;
      view.setUint16(ip + 2, totalLength);
      view.setUint16(ip + 4, identification);
      view.setUint16(ip + 10, ~foldSum(this.ipv4Sum + totalLength + identification));
    } else {
      view.setUint16(ip + 4, this.l4 - this.l3 - IPV6_HEADER_LENGTH + l4Length);
    }

    let checksumAt = l4 + TCP_CHECKSUM;
    if (this.tcp) {
      view.setUint32(l4 + 4, view.getUint32(l4 + 4) + index * this.gsoSize);
      let clear = 0;
      if (index > 0) clear = TCP_CWR;
      if (index < this.segments - 1) clear |= TCP_FIN_PSH;
      bytes[l4 + 13]! &= ~clear;
    } else {
      view.setUint16(l4 + 4, l4Length);
      checksumAt = l4 + UDP_CHECKSUM;
    }

    bytes.fill(0, at - VNET_HDR_LENGTH, at);
    const pseudoSum = foldSum(this.pseudoSum + l4Length);
    if (partial) {
      view.setUint16(checksumAt, pseudoSum);
      bytes[at - VNET_HDR_LENGTH] = FLAG_NEEDS_CSUM;
      view.setUint16(at - VNET_HDR_LENGTH + VNET_CSUM_START, this.l4, true);
      view.setUint16(at - VNET_HDR_LENGTH + VNET_CSUM_OFFSET, checksumAt - l4, true);
      return;
    }
    view.setUint16(checksumAt, 0);
    const checksum = ~sumView(view, l4, l4Length, pseudoSum) & 0xffff;
    view.setUint16(checksumAt, checksum === 0 && !this.tcp ? 0xffff : checksum);
  }

  private payloadOf(index: number): number {
    return Math.min(this.gsoSize, this.payloadLength - index * this.gsoSize);
  }

  /** Reads the IPv4 header. Returns where the datagram ends, 0 when it cannot be cut. */
  private parseIpv4(length: number): number {
    const view = this.view;
    const l3 = this.l3;
    if (length < l3 + IPV4_HEADER_LENGTH) return 0;
    const ip = this.start + l3;
    const versionAndLength = view.getUint8(ip);
    const headerLength = (versionAndLength & 0x0f) * 4;
    const totalLength = view.getUint16(ip + 2);
    if (versionAndLength >> 4 !== 4 || headerLength < IPV4_HEADER_LENGTH) return 0;
    if (totalLength < headerLength || l3 + totalLength > length) return 0;
    if ((view.getUint16(ip + 6) & 0x3fff) !== 0) return 0;
    const protocol = this.tcp ? IPPROTO_TCP : IPPROTO_UDP;
    if (view.getUint8(ip + 9) !== protocol) return 0;

    this.ipv4 = true;
    this.l4 = l3 + headerLength;
    this.identification = view.getUint16(ip + 4);
    const bytes = this.batch.bytes;
    // First and fourth word, then time to live to the end without the checksum.
    const fixed = view.getUint16(ip) + view.getUint16(ip + 6) + view.getUint16(ip + 8);
    this.ipv4Sum = sumBytes(bytes, ip + 12, headerLength - 12, fixed);
    this.pseudoSum = pseudoSumIpv4(bytes, ip, protocol, 0);
    return l3 + totalLength;
  }

  /** Reads the IPv6 header and its extension headers. Returns where the packet ends, 0 when it cannot be cut. */
  private parseIpv6(length: number): number {
    const view = this.view;
    const l3 = this.l3;
    if (length < l3 + IPV6_HEADER_LENGTH) return 0;
    const ip = this.start + l3;
    const end = l3 + IPV6_HEADER_LENGTH + view.getUint16(ip + 4);
    if (view.getUint8(ip) >> 4 !== 6 || end > length) return 0;

    let next = view.getUint8(ip + 6);
    let at = l3 + IPV6_HEADER_LENGTH;
    while (next === IPPROTO_HOPOPTS || next === IPPROTO_ROUTING || next === IPPROTO_DSTOPTS) {
      if (at + 8 > end) return 0;
      const header = this.start + at;
      // With segments left, the checksum covers a destination that stands elsewhere.
      if (next === IPPROTO_ROUTING && view.getUint8(header + 3) !== 0) return 0;
      next = view.getUint8(header);
      at += (view.getUint8(header + 1) + 1) * 8;
    }
    const protocol = this.tcp ? IPPROTO_TCP : IPPROTO_UDP;
    if (next !== protocol) return 0;

    this.ipv4 = false;
    this.l4 = at;
    this.pseudoSum = pseudoSumIpv6(this.batch.bytes, ip, protocol, 0);
    return end;
  }

  /** Checks the transport header against the vnet header, and the number of segments. `end`: of the IP packet. */
  private parseTransport(row: number, end: number): boolean {
    const view = this.view;
    const l4 = this.l4;
    const vnet = this.start - VNET_HDR_LENGTH;
    if (this.batch.offload[row]! & OFFLOAD_CSUM) {
      const checksumOffset = this.tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
      if (
        view.getUint16(vnet + VNET_CSUM_START, true) !== l4 ||
        view.getUint16(vnet + VNET_CSUM_OFFSET, true) !== checksumOffset
      )
        return false;
    }
    if (l4 + (this.tcp ? TCP_HEADER_LENGTH : UDP_HEADER_LENGTH) > end) return false;
    let transportLength = UDP_HEADER_LENGTH;
    if (this.tcp) {
      transportLength = (view.getUint8(this.start + l4 + 12) >> 4) * 4;
      if (transportLength < TCP_HEADER_LENGTH || l4 + transportLength > end) return false;
    }
    const gsoSize = view.getUint16(vnet + VNET_GSO_SIZE, true);
    const payloadLength = end - l4 - transportLength;
    if (gsoSize === 0) return false;
    this.headerLength = l4 + transportLength;
    this.payloadLength = payloadLength;
    this.gsoSize = gsoSize;
    this.segments = Math.max(1, Math.ceil(payloadLength / gsoSize));
    return this.segments <= MAX_SEGMENTS;
  }
}
