// What: setWord, which writes bits of a word of the key (flow/key.ts) into the frame. Why: a translation speaks of keys;
// here each word finds its bytes, and the checksums that cover them are kept true. Who: execute.ts.
// Invariants: a word whose header the frame lacks is left alone; checksums are updated by what changed (RFC 1624), so one
// that was wrong stays wrong, and one that is partial (OFFLOAD_CSUM) gets only the change of the pseudo header.
//
// As Open vSwitch does, but for three cases in which its userspace datapath (3.1) damages packets, and its kernel datapath
// and this switch do not: an address of a later IPv4 fragment (no checksum is in there to update), of an IPv6 packet with
// a fragment header that is no fragment, and the source of one with an active routing header (both need the update).

import {
  KEY_ARP_MAC,
  KEY_INNER_VLAN,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MAC,
  KEY_MPLS,
  KEY_ND_TARGET,
  KEY_NW,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TPID_TCP_FLAGS,
  KEY_TYPE_VLAN,
  MPLS_ENTRIES,
  VLAN_PRESENT,
} from '../flow/key.ts';
import { updateChecksum, updateChecksum32 } from '../wire/checksum.ts';
import { crc32cChange } from '../wire/crc32c.ts';
import { isVlanType, MPLS_ENTRY_LENGTH } from '../wire/ethernet.ts';
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  ND_ADVERT,
  ND_LENGTH,
  ND_OPTION_SOURCE,
  ND_OPTION_TARGET,
  ND_SOLICIT,
  SCTP_CHECKSUM,
} from '../wire/ip-protocol.ts';
import type { FrameLayout } from './edit-layout.ts';

/** Where the first EtherType or TPID stands in a frame. */
const TYPE_OFFSET = 12;
const IPV4_CHECKSUM = 10;
const ICMP_CHECKSUM = 2;

const ND_TARGET_OFFSET = 8;
const ND_OPTION_UNIT = 8;

/** Writes the bits of `mask` of `value` into what word `word` of the key stands for. */
export function setWord(layout: FrameLayout, word: number, value: number, mask: number): void {
  if (word < KEY_TYPE_VLAN) {
    if (word >= KEY_MAC) setBytes(layout, layout.start + 4 * (word - KEY_MAC), value, mask);
  } else if (word === KEY_TYPE_VLAN) {
    setTag(layout, 0, 0, 0, value, mask);
  } else if (word === KEY_TPID_TCP_FLAGS) {
    setTag(layout, 0, value >>> 16, mask >>> 16, 0, 0);
  } else if (word === KEY_INNER_VLAN) {
    setTag(layout, 1, value >>> 16, mask >>> 16, value, mask);
  } else if (word >= KEY_MPLS) {
    if (word < KEY_MPLS + MPLS_ENTRIES) setLabel(layout, word - KEY_MPLS, value, mask);
  } else {
    layout.transportHeader();
    if (layout.ipv4) setInIpv4(layout, word, value, mask);
    else if (layout.ipv6) setInIpv6(layout, word, value, mask);
    else if (layout.arp) setInArp(layout, word, value, mask);
  }
}

function setBytes(layout: FrameLayout, at: number, value: number, mask: number): void {
  const { view } = layout;
  view.setInt32(at, (view.getInt32(at) & ~mask) | (value & mask));
}

/** TPID and TCI of the outermost tag (0) or of the next (1). Like a tag that is pushed, it is sent with DEI 0. */
function setTag(
  layout: FrameLayout,
  tag: number,
  tpid: number,
  tpidMask: number,
  tci: number,
  tciMask: number,
): void {
  const { view } = layout;
  const at = layout.start + TYPE_OFFSET + 4 * tag;
  if (!layout.isTagged() || layout.end - at < 6) return;
  const oldTpid = view.getUint16(at);
  if (!isVlanType(oldTpid)) return;
  view.setUint16(at, (oldTpid & ~tpidMask) | (tpid & tpidMask));
  const bits = tciMask & 0xffff;
  view.setUint16(at + 2, ((view.getUint16(at + 2) & ~bits) | (tci & bits)) & ~VLAN_PRESENT);
}

function setLabel(layout: FrameLayout, entry: number, value: number, mask: number): void {
  layout.networkHeader();
  if (layout.labels === 0) return;
  const at = layout.labels + MPLS_ENTRY_LENGTH * entry;
  if (at + MPLS_ENTRY_LENGTH <= layout.l3) setBytes(layout, at, value, mask);
}

function setInIpv4(layout: FrameLayout, word: number, value: number, mask: number): void {
  const { view, l3 } = layout;
  if (word === KEY_NW) {
    const tosMask = (mask >>> 16) & 0xff;
    const ttlMask = (mask >>> 8) & 0xff;
    // ToS is the low byte of its 16-bit word, TTL the high one.
    if (tosMask !== 0) setIpv4Half(layout, l3, tosMask, value >>> 16);
    if (ttlMask !== 0) setIpv4Half(layout, l3 + 8, ttlMask << 8, value);
  } else if (word === KEY_NW_SRC || word === KEY_NW_DST) {
    const at = l3 + (word === KEY_NW_SRC ? 12 : 16);
    const before = view.getInt32(at);
    const after = (before & ~mask) | (value & mask);
    if (before === after) return;
    updatePseudo(layout, before, after);
    const checksumAt = l3 + IPV4_CHECKSUM;
    view.setUint16(checksumAt, updateChecksum32(view.getUint16(checksumAt), before, after));
    view.setInt32(at, after);
  } else if (word === KEY_TP) {
    setTransport(layout, value, mask);
  }
}

/** Sets bits of a 16-bit word of the IPv4 header. */
function setIpv4Half(layout: FrameLayout, at: number, mask: number, value: number): void {
  const { view } = layout;
  const before = view.getUint16(at);
  const after = (before & ~mask) | (value & mask);
  if (before === after) return;
  const checksumAt = layout.l3 + IPV4_CHECKSUM;
  view.setUint16(checksumAt, updateChecksum(view.getUint16(checksumAt), before, after));
  view.setUint16(at, after);
}

function setInIpv6(layout: FrameLayout, word: number, value: number, mask: number): void {
  const { view, l3 } = layout;
  if (word === KEY_NW) {
    const tosMask = (mask >>> 16) & 0xff;
    const ttlMask = (mask >>> 8) & 0xff;
    if (tosMask !== 0) setBytes(layout, l3, ((value >>> 16) & 0xff) << 20, tosMask << 20);
    if (ttlMask !== 0) {
      view.setUint8(l3 + 7, (view.getUint8(l3 + 7) & ~ttlMask) | ((value >>> 8) & ttlMask));
    }
  } else if (word >= KEY_IPV6_SRC && word < KEY_IPV6_DST + 4) {
    // Source and destination follow each other in the key as in the header.
    const at = l3 + 8 + 4 * (word - KEY_IPV6_SRC);
    const before = view.getInt32(at);
    const after = (before & ~mask) | (value & mask);
    if (before === after) return;
    if (word < KEY_IPV6_DST || !layout.routed) updatePseudo(layout, before, after);
    view.setInt32(at, after);
  } else if (word === KEY_IPV6_LABEL) {
    setBytes(layout, l3, value, mask & 0xf_ffff);
  } else if (word === KEY_TP) {
    setTransport(layout, value, mask);
  } else if (word >= KEY_ND_TARGET && word < KEY_ND_TARGET + 4) {
    if (isNeighbourDiscovery(layout)) {
      setCovered(layout, layout.l4 + ND_TARGET_OFFSET + 4 * (word - KEY_ND_TARGET), value, mask);
    }
  } else if (word >= KEY_ARP_MAC && word < KEY_ND_TARGET) {
    if (isNeighbourDiscovery(layout)) setNeighbourMac(layout, word - KEY_ARP_MAC, value, mask);
  }
}

function isNeighbourDiscovery(layout: FrameLayout): boolean {
  const { l4, view } = layout;
  if (l4 === 0 || layout.protocol !== IPPROTO_ICMPV6 || layout.l4End - l4 < ND_LENGTH) return false;
  const type = view.getUint8(l4);
  return (type === ND_SOLICIT || type === ND_ADVERT) && view.getUint8(l4 + 1) === 0;
}

/** Word `index` of source and target link-layer address, in the first option that is one of the two. */
function setNeighbourMac(layout: FrameLayout, index: number, value: number, mask: number): void {
  const { view, l4End } = layout;
  let at = layout.l4 + ND_LENGTH;
  while (l4End - at >= ND_OPTION_UNIT) {
    const type = view.getUint8(at);
    const units = view.getUint8(at + 1);
    if (units === 0 || at + units * ND_OPTION_UNIT > l4End) return;
    const mac = at + 2;
    if (units === 1 && type === ND_OPTION_SOURCE) {
      if (index === 0) setCovered(layout, mac, value, mask);
      else if (index === 1) setCoveredHalf(layout, mac + 4, value >>> 16, mask >>> 16);
      return;
    }
    if (units === 1 && type === ND_OPTION_TARGET) {
      if (index === 1) setCoveredHalf(layout, mac, value & 0xffff, mask & 0xffff);
      else if (index === 2) setCovered(layout, mac + 2, value, mask);
      return;
    }
    at += units * ND_OPTION_UNIT;
  }
}

/** Sets bits of a word of the ICMPv6 message, which its checksum covers. */
function setCovered(layout: FrameLayout, at: number, value: number, mask: number): void {
  const { view } = layout;
  const before = view.getInt32(at);
  const after = (before & ~mask) | (value & mask);
  if (before === after) return;
  view.setInt32(at, after);
  if (layout.partial) return;
  const checksumAt = layout.l4 + ICMP_CHECKSUM;
  view.setUint16(checksumAt, updateChecksum32(view.getUint16(checksumAt), before, after));
}

function setCoveredHalf(layout: FrameLayout, at: number, value: number, mask: number): void {
  const { view } = layout;
  const before = view.getUint16(at);
  const after = (before & ~mask) | (value & mask);
  if (before === after) return;
  view.setUint16(at, after);
  if (layout.partial) return;
  const checksumAt = layout.l4 + ICMP_CHECKSUM;
  view.setUint16(checksumAt, updateChecksum(view.getUint16(checksumAt), before, after));
}

function setInArp(layout: FrameLayout, word: number, value: number, mask: number): void {
  const { view, l3 } = layout;
  if (word === KEY_NW) {
    const bits = mask >>> 24;
    view.setUint8(l3 + 7, (view.getUint8(l3 + 7) & ~bits) | ((value >>> 24) & bits));
  } else if (word === KEY_NW_SRC) {
    setBytes(layout, l3 + 14, value, mask);
  } else if (word === KEY_NW_DST) {
    setBytes(layout, l3 + 24, value, mask);
  } else if (word === KEY_ARP_MAC) {
    setBytes(layout, l3 + 8, value, mask);
  } else if (word === KEY_ARP_MAC + 1) {
    const source = mask >>> 16;
    const target = mask & 0xffff;
    view.setUint16(l3 + 12, (view.getUint16(l3 + 12) & ~source) | ((value >>> 16) & source));
    view.setUint16(l3 + 18, (view.getUint16(l3 + 18) & ~target) | (value & target));
  } else if (word === KEY_ARP_MAC + 2) {
    setBytes(layout, l3 + 20, value, mask);
  }
}

/** Ports, or type and code. */
function setTransport(layout: FrameLayout, value: number, mask: number): void {
  const { view, l4, protocol } = layout;
  const length = layout.l4End - l4;
  if (l4 === 0) return;
  if (protocol === IPPROTO_TCP) {
    const headerLength = length >= 20 ? (view.getUint8(l4 + 12) >>> 4) * 4 : 0;
    if (headerLength >= 20 && headerLength <= length) setPorts(layout, l4 + 16, value, mask);
  } else if (protocol === IPPROTO_UDP) {
    if (length >= 8) setPorts(layout, l4 + 6, value, mask);
  } else if (protocol === IPPROTO_SCTP) {
    if (length >= 12) setSctpPorts(layout, length, value, mask);
  } else if (protocol === (layout.ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) && length >= 8) {
    // In the key, type and code have 16 bits each.
    const bits = ((mask >>> 8) & 0xff00) | (mask & 0xff);
    setCoveredHalf(layout, l4, ((value >>> 8) & 0xff00) | (value & 0xff), bits);
  }
}

function setPorts(layout: FrameLayout, checksumAt: number, value: number, mask: number): void {
  const { view, l4 } = layout;
  const before = view.getInt32(l4);
  const after = (before & ~mask) | (value & mask);
  if (before === after) return;
  view.setInt32(l4, after);
  if (layout.partial) return;
  const old = view.getUint16(checksumAt);
  const udp = layout.protocol === IPPROTO_UDP;
  if (udp && old === 0) return;
  // A port that stays is not taken through the sum: it would turn one form of zero into the other.
  let checksum = old;
  if ((before ^ after) >>> 16 !== 0) checksum = updateChecksum(checksum, before >>> 16, after >>> 16);
  if (((before ^ after) & 0xffff) !== 0) checksum = updateChecksum(checksum, before & 0xffff, after & 0xffff);
  view.setUint16(checksumAt, udp && checksum === 0 ? 0xffff : checksum);
}

function setSctpPorts(layout: FrameLayout, length: number, value: number, mask: number): void {
  const { view, l4 } = layout;
  const before = view.getInt32(l4);
  const after = (before & ~mask) | (value & mask);
  if (before === after) return;
  view.setInt32(l4, after);
  if (layout.partial) return;
  const checksumAt = l4 + SCTP_CHECKSUM;
  view.setInt32(checksumAt, view.getInt32(checksumAt, true) ^ crc32cChange(before ^ after, length), true);
}

/** Takes the change of a word of the pseudo header into the checksum that covers it. */
function updatePseudo(layout: FrameLayout, before: number, after: number): void {
  const { view, pseudoChecksum } = layout;
  if (pseudoChecksum === 0) return;
  const old = view.getUint16(pseudoChecksum);
  if (layout.partial) {
    // A sum, not yet complemented.
    view.setUint16(pseudoChecksum, ~updateChecksum32(~old & 0xffff, before, after));
    return;
  }
  const udp = layout.protocol === IPPROTO_UDP;
  if (udp && old === 0) return;
  const checksum = updateChecksum32(old, before, after);
  view.setUint16(pseudoChecksum, udp && checksum === 0 ? 0xffff : checksum);
}
