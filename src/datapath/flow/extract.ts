// What: extractKey, from the bytes of a frame to its flow key. Why: it is the one place that reads untrusted
// headers; it checks each length once, and nothing after it can go wrong on a malformed frame. Who: dp, for each
// frame received; tests. The rules for broken headers are those of Open vSwitch: fields of a header that is cut off
// or lies about its length stay 0, and the frame is still forwarded by what can be read.
// Invariant: writes key[at, at + words) and nothing else, never throws, reads only bytes of the frame.

import {
  ARP_LENGTH,
  ETH_TYPE_ARP,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_MIN,
  ETH_TYPE_MPLS,
  ETH_TYPE_MPLS_MULTICAST,
  ETH_TYPE_NONE,
  ETH_TYPE_QINQ,
  ETH_TYPE_RARP,
  ETH_TYPE_VLAN,
  ETHERNET_HEADER_LENGTH,
  MPLS_BOTTOM,
  SNAP_LENGTH,
  VLAN_TAG_LENGTH,
} from '../wire/ethernet.ts';
import {
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_ICMPV6,
  IPPROTO_ROUTING,
  IPPROTO_TCP,
  IPV4_HEADER_LENGTH,
  IPV6_HEADER_LENGTH,
} from '../wire/ip-protocol.ts';
import { extractNeighborDiscovery, extractTcpFlags, transportWord } from './extract-l4.ts';
import {
  KEY_ARP_MAC,
  KEY_IN_PORT,
  KEY_INNER_VLAN,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MAC,
  KEY_MPLS,
  KEY_NW,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TPID_TCP_FLAGS,
  KEY_TYPE_VLAN,
  KEY_WORDS,
  MPLS_ENTRIES,
  NW_FRAG_ANY,
  NW_FRAG_LATER,
  VLAN_PRESENT,
} from './key.ts';

/** Words from here on are of fields that most frames do not have: 0 unless such a field is found. */
const FIRST_RARE_WORD = KEY_IPV6_SRC;

/** 802.1Q tags that are looked at unless told otherwise, as Open vSwitch does (other_config:vlan-limit). */
const DEFAULT_VLAN_LIMIT = 1;

/**
 * Writes the KEY_WORDS words of the key of the frame at view[offset, offset + length),
 * which is at least ETHERNET_HEADER_LENGTH long. `inPort` becomes word KEY_IN_PORT, whatever stands above the port. At most `vlanLimit` (0 to 2) tags are looked
 * at: the type of a frame with more is that of the next tag, and nothing behind it is read.
 */
export function extractKey(
  view: DataView,
  offset: number,
  length: number,
  inPort: number,
  key: Int32Array,
  at: number,
  vlanLimit = DEFAULT_VLAN_LIMIT,
): void {
  const end = offset + length;
  key[at + KEY_IN_PORT] = inPort;
  key[at + KEY_MAC] = view.getInt32(offset);
  key[at + KEY_MAC + 1] = view.getInt32(offset + 4);
  key[at + KEY_MAC + 2] = view.getInt32(offset + 8);
  key[at + KEY_NW_SRC] = 0;
  key[at + KEY_NW_DST] = 0;
  key[at + KEY_NW] = 0;
  key[at + KEY_TP] = 0;
  for (let i = FIRST_RARE_WORD; i < KEY_WORDS; i++) key[at + i] = 0;
  let type = view.getUint16(offset + 12);
  let l3 = offset + ETHERNET_HEADER_LENGTH;
  if (type === ETH_TYPE_VLAN || type === ETH_TYPE_QINQ || type < ETH_TYPE_MIN) {
    l3 = extractRareType(view, l3, end, vlanLimit, key, at);
    type = key[at + KEY_TYPE_VLAN]! >>> 16;
  } else {
    key[at + KEY_TYPE_VLAN] = type << 16;
  }
  if (type === ETH_TYPE_IPV4) extractIpv4(view, l3, end, key, at);
  else if (type === ETH_TYPE_IPV6) extractIpv6(view, l3, end, key, at);
  else if (type === ETH_TYPE_ARP || type === ETH_TYPE_RARP) extractArp(view, l3, end, key, at);
  else if (type === ETH_TYPE_MPLS || type === ETH_TYPE_MPLS_MULTICAST) {
    extractMpls(view, l3, end, key, at);
  }
}

/**
 * Type and tags of frames that have a tag, or a length (802.3) in place of a type. `behindType` follows the first
 * type. Returns where the network header starts.
 */
function extractRareType(
  view: DataView,
  behindType: number,
  end: number,
  vlanLimit: number,
  key: Int32Array,
  at: number,
): number {
  let l3 = behindType;
  let type = view.getUint16(l3 - 2);
  let outerTci = 0;
  for (let tag = 0; tag < vlanLimit && (type === ETH_TYPE_VLAN || type === ETH_TYPE_QINQ); tag++) {
    if (end - l3 < VLAN_TAG_LENGTH) break;
    const tci = view.getUint16(l3) | VLAN_PRESENT;
    if (tag === 0) outerTci = tci;
    if (tag === 0) key[at + KEY_TPID_TCP_FLAGS] = type << 16;
    else key[at + KEY_INNER_VLAN] = (type << 16) | tci;
    type = view.getUint16(l3 + 2);
    l3 += VLAN_TAG_LENGTH;
  }
  if (type < ETH_TYPE_MIN) {
    type = snapType(view, l3, end);
    if (type !== ETH_TYPE_NONE) l3 += SNAP_LENGTH;
  }
  key[at + KEY_TYPE_VLAN] = (type << 16) | outerTci;
  return l3;
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
    if (proto === IPPROTO_TCP) {
      extractTcpFlags(view, l3 + headerLength, l3 + totalLength, key, at);
    }
  }
}

function extractIpv6(view: DataView, l3: number, end: number, key: Int32Array, at: number): void {
  if (end - l3 < IPV6_HEADER_LENGTH) return;
  const payloadEnd = l3 + IPV6_HEADER_LENGTH + view.getUint16(l3 + 4);
  if (payloadEnd > end) return;
  for (let i = 0; i < 4; i++) {
    key[at + KEY_IPV6_SRC + i] = view.getInt32(l3 + 8 + 4 * i);
    key[at + KEY_IPV6_DST + i] = view.getInt32(l3 + 24 + 4 * i);
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
  const first = view.getInt32(l3);
  key[at + KEY_NW] = (proto << 24) | (((first >>> 20) & 0xff) << 16) | (view.getUint8(l3 + 7) << 8) | frag;
  key[at + KEY_IPV6_LABEL] = first & 0xf_ffff;
  if (frag & NW_FRAG_LATER) return;
  key[at + KEY_TP] = transportWord(view, next, payloadEnd, proto);
  if (proto === IPPROTO_TCP) extractTcpFlags(view, next, payloadEnd, key, at);
  else if (proto === IPPROTO_ICMPV6) extractNeighborDiscovery(view, next, payloadEnd, key, at);
}

/** Label stack entries (RFC 3032, 2.1) up to the bottom of the stack; what is behind them has no type. */
function extractMpls(view: DataView, l3: number, end: number, key: Int32Array, at: number): void {
  let entry = l3;
  for (let i = 0; i < MPLS_ENTRIES && end - entry >= 4; i++) {
    const word = view.getInt32(entry);
    key[at + KEY_MPLS + i] = word;
    if (word & MPLS_BOTTOM) return;
    entry += 4;
  }
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

function extractArp(view: DataView, l3: number, end: number, key: Int32Array, at: number): void {
  if (end - l3 < ARP_LENGTH) return;
  // Ethernet (1), IPv4 (0x0800), addresses of 6 and 4 bytes.
  if (view.getInt32(l3) !== 0x0001_0800 || view.getUint16(l3 + 4) !== 0x0604) return;
  const operation = view.getUint16(l3 + 6);
  if (operation <= 0xff) key[at + KEY_NW] = operation << 24;
  key[at + KEY_NW_SRC] = view.getInt32(l3 + 14);
  key[at + KEY_NW_DST] = view.getInt32(l3 + 24);
  key[at + KEY_ARP_MAC] = view.getInt32(l3 + 8);
  key[at + KEY_ARP_MAC + 1] = (view.getUint16(l3 + 12) << 16) | view.getUint16(l3 + 18);
  key[at + KEY_ARP_MAC + 2] = view.getInt32(l3 + 20);
}
