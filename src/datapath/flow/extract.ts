// What: extractKey, from the bytes of a frame to its flow key. Why: it is the one place that reads untrusted
// headers; it checks each length once, and nothing after it can go wrong on a malformed frame. Who: dp, for each
// frame received; tests. The rules for broken headers are those of Open vSwitch: fields of a header that is cut off
// or lies about its length stay 0, and the frame is still forwarded by what can be read.
// Invariant: writes key[at, at + words) and nothing else, never throws, reads only bytes of the frame.

import {
  ETH_TYPE_ARP,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_MIN,
  ETH_TYPE_NONE,
  ETH_TYPE_QINQ,
  ETH_TYPE_RARP,
  ETH_TYPE_VLAN,
  ETHERNET_HEADER_LENGTH,
} from '../wire/ethernet.ts';
import {
  KEY_ARP_MAC,
  KEY_IN_PORT,
  KEY_IPV6_DST,
  KEY_IPV6_SRC,
  KEY_L4_WORDS,
  KEY_MAC,
  KEY_NW,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TYPE_VLAN,
  NW_FRAG_ANY,
  NW_FRAG_LATER,
  VLAN_PRESENT,
} from './key.ts';

const VLAN_TAG_LENGTH = 4;
/** LLC and SNAP headers (RFC 1042). */
const SNAP_LENGTH = 8;
const IPV4_HEADER_LENGTH = 20;
const IPV6_HEADER_LENGTH = 40;
/** ARP for IPv4 over Ethernet (RFC 826). */
const ARP_LENGTH = 28;

const IPPROTO_HOPOPTS = 0;
const IPPROTO_ICMP = 1;
const IPPROTO_IGMP = 2;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_ROUTING = 43;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_AH = 51;
const IPPROTO_ICMPV6 = 58;
const IPPROTO_DSTOPTS = 60;
const IPPROTO_SCTP = 132;

/**
 * Writes the first `words` (KEY_L4_WORDS or KEY_WORDS) words of the key of the frame at view[offset, offset + length),
 * which is at least ETHERNET_HEADER_LENGTH long and came in on `inPort`.
 */
export function extractKey(
  view: DataView,
  offset: number,
  length: number,
  inPort: number,
  words: number,
  key: Int32Array,
  at: number,
): void {
  const end = offset + length;
  const typeVlan = extractTypeVlan(view, offset, length);
  key[at + KEY_IN_PORT] = inPort;
  key[at + KEY_MAC] = view.getInt32(offset);
  key[at + KEY_MAC + 1] = view.getInt32(offset + 4);
  key[at + KEY_MAC + 2] = view.getInt32(offset + 8);
  key[at + KEY_TYPE_VLAN] = typeVlan;
  key[at + KEY_NW_SRC] = 0;
  key[at + KEY_NW_DST] = 0;
  key[at + KEY_NW] = 0;
  key[at + KEY_TP] = 0;
  for (let i = KEY_L4_WORDS; i < words; i++) key[at + i] = 0;
  const type = typeVlan >>> 16;
  let l3 = offset + ETHERNET_HEADER_LENGTH + (typeVlan & VLAN_PRESENT ? VLAN_TAG_LENGTH : 0);
  // The type stood behind LLC and SNAP headers.
  if (view.getUint16(l3 - 2) !== type) l3 += SNAP_LENGTH;
  if (type === ETH_TYPE_IPV4) extractIpv4(view, l3, end, key, at);
  else if (type === ETH_TYPE_IPV6) extractIpv6(view, l3, end, words, key, at);
  else if (type === ETH_TYPE_ARP || type === ETH_TYPE_RARP) extractArp(view, l3, end, words, key, at);
}

/** Word KEY_TYPE_VLAN of the key. One tag is looked at, as Open vSwitch does by default. */
export function extractTypeVlan(view: DataView, offset: number, length: number): number {
  const type = view.getUint16(offset + 12);
  if (type >= ETH_TYPE_MIN && type !== ETH_TYPE_VLAN && type !== ETH_TYPE_QINQ) return type << 16;
  return typeVlanOfRare(view, offset, offset + length, type);
}

/** The same for frames with a tag, and for those of 802.3 that have a length in place of a type. */
function typeVlanOfRare(view: DataView, offset: number, end: number, outerType: number): number {
  let typeAt = offset + 12;
  let type = outerType;
  let tci = 0;
  if (type >= ETH_TYPE_MIN && end - typeAt >= VLAN_TAG_LENGTH + 2) {
    tci = view.getUint16(typeAt + 2) | VLAN_PRESENT;
    typeAt += VLAN_TAG_LENGTH;
    type = view.getUint16(typeAt);
  }
  if (type < ETH_TYPE_MIN) type = snapType(view, typeAt + 2, end);
  return (type << 16) | tci;
}

/** The EtherType in the LLC and SNAP headers of an 802.3 frame (RFC 1042), ETH_TYPE_NONE when there is none. */
function snapType(view: DataView, at: number, end: number): number {
  if (end - at < SNAP_LENGTH) return ETH_TYPE_NONE;
  // DSAP, SSAP, control and an organisation code of zero.
  if (view.getInt32(at) !== (0xaaaa_0300 | 0) || view.getUint16(at + 4) !== 0) return ETH_TYPE_NONE;
  const type = view.getUint16(at + 6);
  return type >= ETH_TYPE_MIN ? type : ETH_TYPE_NONE;
}

function extractIpv4(view: DataView, l3: number, end: number, key: Int32Array, at: number): void {
  const available = end - l3;
  if (available < IPV4_HEADER_LENGTH) return;
  // Whole words, since this is the way of most frames: version, IHL, ToS, length; id, fragment; TTL, protocol.
  const first = view.getInt32(l3);
  const headerLength = ((first >>> 24) & 0xf) * 4;
  const totalLength = first & 0xffff;
  if (headerLength < IPV4_HEADER_LENGTH || headerLength > totalLength || totalLength > available) return;
  const fragment = view.getInt32(l3 + 4);
  const ttlProto = view.getInt32(l3 + 8);
  const proto = (ttlProto >>> 16) & 0xff;
  key[at + KEY_NW_SRC] = view.getInt32(l3 + 12);
  key[at + KEY_NW_DST] = view.getInt32(l3 + 16);
  let frag = 0;
  // More fragments, or an offset (RFC 791).
  if ((fragment & 0x3fff) !== 0) frag = (fragment & 0x1fff) === 0 ? NW_FRAG_ANY : NW_FRAG_ANY | NW_FRAG_LATER;
  key[at + KEY_NW] = (proto << 24) | (first & 0xff_0000) | ((ttlProto >>> 16) & 0xff00) | frag;
  // What follows totalLength is padding.
  if ((frag & NW_FRAG_LATER) === 0) {
    key[at + KEY_TP] = transportWord(view, l3 + headerLength, l3 + totalLength, proto);
  }
}

function extractIpv6(
  view: DataView,
  l3: number,
  end: number,
  words: number,
  key: Int32Array,
  at: number,
): void {
  if (end - l3 < IPV6_HEADER_LENGTH) return;
  const payloadEnd = l3 + IPV6_HEADER_LENGTH + view.getUint16(l3 + 4);
  if (payloadEnd > end) return;
  if (words > KEY_L4_WORDS) {
    for (let i = 0; i < 4; i++) {
      key[at + KEY_IPV6_SRC + i] = view.getInt32(l3 + 8 + 4 * i);
      key[at + KEY_IPV6_DST + i] = view.getInt32(l3 + 24 + 4 * i);
    }
  }
  let proto = view.getUint8(l3 + 6);
  let next = l3 + IPV6_HEADER_LENGTH;
  let frag = 0;
  while ((frag & NW_FRAG_LATER) === 0 && isExtensionHeader(proto)) {
    if (payloadEnd - next < 8) return;
    const header = proto;
    proto = view.getUint8(next);
    if (header === IPPROTO_FRAGMENT) {
      const offsetAndMore = view.getUint16(next + 2);
      if (offsetAndMore !== 0) frag = NW_FRAG_ANY;
      if ((offsetAndMore & 0xfff8) !== 0) {
        frag |= NW_FRAG_LATER;
        proto = IPPROTO_FRAGMENT;
      }
      next += 8;
    } else if (header === IPPROTO_AH) {
      next += (view.getUint8(next + 1) + 2) * 4;
    } else {
      next += (view.getUint8(next + 1) + 1) * 8;
    }
    if (next > payloadEnd) return;
  }
  const trafficClass = (view.getUint16(l3) >>> 4) & 0xff;
  key[at + KEY_NW] = (proto << 24) | (trafficClass << 16) | (view.getUint8(l3 + 7) << 8) | frag;
  if ((frag & NW_FRAG_LATER) === 0) key[at + KEY_TP] = transportWord(view, next, payloadEnd, proto);
}

/** Headers that stand between IPv6 and the transport header (RFC 8200, 4.1). */
function isExtensionHeader(proto: number): boolean {
  return (
    proto === IPPROTO_HOPOPTS ||
    proto === IPPROTO_ROUTING ||
    proto === IPPROTO_DSTOPTS ||
    proto === IPPROTO_AH ||
    proto === IPPROTO_FRAGMENT
  );
}

function extractArp(
  view: DataView,
  l3: number,
  end: number,
  words: number,
  key: Int32Array,
  at: number,
): void {
  if (end - l3 < ARP_LENGTH) return;
  // Ethernet (1), IPv4 (0x0800), addresses of 6 and 4 bytes.
  if (view.getInt32(l3) !== 0x0001_0800 || view.getUint16(l3 + 4) !== 0x0604) return;
  const operation = view.getUint16(l3 + 6);
  if (operation <= 0xff) key[at + KEY_NW] = operation << 24;
  key[at + KEY_NW_SRC] = view.getInt32(l3 + 14);
  key[at + KEY_NW_DST] = view.getInt32(l3 + 24);
  if (words <= KEY_L4_WORDS) return;
  key[at + KEY_ARP_MAC] = view.getInt32(l3 + 8);
  key[at + KEY_ARP_MAC + 1] = (view.getUint16(l3 + 12) << 16) | view.getUint16(l3 + 18);
  key[at + KEY_ARP_MAC + 2] = view.getInt32(l3 + 20);
}

/** Source and destination port, or type and code, of the transport header at [l4, end); 0 when it is cut off. */
function transportWord(view: DataView, l4: number, end: number, proto: number): number {
  const length = end - l4;
  if (proto === IPPROTO_TCP) return length >= 20 ? view.getInt32(l4) : 0;
  if (proto === IPPROTO_UDP) return length >= 8 ? view.getInt32(l4) : 0;
  if (proto === IPPROTO_SCTP) return length >= 12 ? view.getInt32(l4) : 0;
  if (proto === IPPROTO_ICMP || proto === IPPROTO_IGMP || proto === IPPROTO_ICMPV6) {
    return length >= 8 ? (view.getUint8(l4) << 16) | view.getUint8(l4 + 1) : 0;
  }
  return 0;
}
