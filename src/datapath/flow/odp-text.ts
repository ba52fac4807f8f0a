// What: key and mask of a megaflow in the text of datapath flows: `recirc_id(0),in_port(1),eth(…),eth_type(0x0800),
// ipv4(…)`. Why: people read and scripts take apart dpif/dump-flows of Open vSwitch. Who: the dump of datapath flows.
// Fields that the mask does not ask for are left out, as Open vSwitch does without -m; but EtherTypes always stand there,
// whether they were looked at or not.

import { formatIpv4Word, formatIpv6Words } from '../wire/address-text.ts';
import {
  ETH_TYPE_ARP,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_MIN,
  ETH_TYPE_MPLS,
  ETH_TYPE_MPLS_MULTICAST,
  ETH_TYPE_RARP,
  ETH_TYPE_VLAN,
  isVlanType,
  MPLS_BOTTOM,
} from '../wire/ethernet.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/ip-protocol.ts';
import { formatHex, formatMaskedMac, formatTcpFlags } from './field-format.ts';
import {
  FLOW_WORDS,
  IPV6_LABEL_MASK,
  KEY_ARP_MAC,
  KEY_IN_PORT,
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
  KEY_PKT_MARK,
  KEY_SKB_PRIORITY,
  KEY_TP,
  KEY_TPID_TCP_FLAGS,
  KEY_TYPE_VLAN,
  MPLS_ENTRIES,
  NW_FRAG_ANY,
  NW_FRAG_LATER,
  VLAN_PRESENT,
  VLAN_VID_MASK,
} from './key.ts';
import { isNeighborDiscovery } from './key-text.ts';

/** Key and mask, each of KEY_WORDS words or more, as dpif/dump-flows shows them; `portText` shows in_port. */
export function formatDatapathKey(
  key: Int32Array,
  mask: Int32Array,
  portText: (ofport: number) => string | number = (ofport) => ofport,
): string {
  const k = widened(key);
  const m = widened(mask);
  const parts = [`recirc_id(${formatHex(k[KEY_IN_PORT]! >>> 16)})`];
  if (m[KEY_SKB_PRIORITY] !== 0) parts.push(`skb_priority(${masked32(k, m, KEY_SKB_PRIORITY)})`);
  parts.push(`in_port(${portText(k[KEY_IN_PORT]! & 0xffff)})`);
  if (m[KEY_PKT_MARK] !== 0) parts.push(`skb_mark(${masked32(k, m, KEY_PKT_MARK)})`);
  parts.push('packet_type(ns=0,id=0)');
  const ethernet = [
    mac('src', k[KEY_MAC + 1]!, k[KEY_MAC + 2]!, m[KEY_MAC + 1]!, m[KEY_MAC + 2]!),
    firstMac('dst', k, m, KEY_MAC),
  ];
  pushAttribute(parts, 'eth', ethernet);
  pushTagged(parts, k, m);
  return parts.join(',');
}

function widened(words: Int32Array): Int32Array {
  if (words.length >= FLOW_WORDS) return words;
  const all = new Int32Array(FLOW_WORDS);
  all.set(words);
  return all;
}

/** Adds `name(…)` with the terms that are not ''. */
function pushAttribute(parts: string[], name: string, terms: readonly string[]): void {
  const shown = terms.filter((term) => term !== '').join(',');
  if (shown !== '') parts.push(`${name}(${shown})`);
}

/** Tags, each with what is behind it in encap(). */
function pushTagged(parts: string[], k: Int32Array, m: Int32Array): void {
  const type = k[KEY_TYPE_VLAN]! >>> 16;
  const tci = k[KEY_TYPE_VLAN]! & 0xffff;
  const tpid = k[KEY_TPID_TCP_FLAGS]! >>> 16;
  if (tci === 0 && tpid === 0 && isVlanType(type)) {
    // A tag that is cut off.
    pushTag(parts, type, tci, m[KEY_TYPE_VLAN]! & 0xffff);
    parts.push('encap()');
    return;
  }
  if (tci === 0 && tpid === 0) {
    parts.push(...untagged(k, m));
    // A frame without EtherType: there is no value to show, but that it has none was looked at.
    if (type < ETH_TYPE_MIN) parts.push('eth_type(0/0xffff)');
    return;
  }
  pushTag(parts, tpid || ETH_TYPE_VLAN, tci, m[KEY_TYPE_VLAN]! & 0xffff);
  const inner: string[] = [];
  const innerTci = k[KEY_INNER_VLAN]! & 0xffff;
  if (innerTci !== 0) {
    pushTag(inner, k[KEY_INNER_VLAN]! >>> 16, innerTci, m[KEY_INNER_VLAN]! & 0xffff);
    inner.push(`encap(${untagged(k, m).join(',')})`);
  } else {
    inner.push(...untagged(k, m));
  }
  parts.push(`encap(${inner.join(',')})`);
}

function pushTag(parts: string[], tpid: number, tci: number, mask: number): void {
  parts.push(`eth_type(${hex4(tpid)})`);
  if (mask === 0) return;
  const vidMask = mask & VLAN_VID_MASK;
  const pcpMask = mask >>> 13;
  const terms: string[] = [];
  if ((tci & VLAN_VID_MASK) !== 0 || vidMask !== 0) {
    terms.push(`vid=${tci & VLAN_VID_MASK}${vidMask === VLAN_VID_MASK ? '' : `/0x${vidMask.toString(16)}`}`);
  }
  if (tci >>> 13 !== 0 || pcpMask !== 0) {
    terms.push(`pcp=${tci >>> 13}${pcpMask === 7 ? '' : `/0x${pcpMask.toString(16)}`}`);
  }
  if ((tci & VLAN_PRESENT) === 0) terms.push('cfi=0');
  parts.push(`vlan(${terms.join(',')})`);
}

function hex4(number: number): string {
  return `0x${number.toString(16).padStart(4, '0')}`;
}

/** The type, and what is behind it. */
function untagged(k: Int32Array, m: Int32Array): string[] {
  const type = k[KEY_TYPE_VLAN]! >>> 16;
  if (type < ETH_TYPE_MIN) return [];
  const parts = [`eth_type(${hex4(type)})`];
  switch (type) {
    case ETH_TYPE_IPV4:
      pushAttribute(parts, 'ipv4', [
        ipv4('src', k, m, KEY_NW_SRC),
        ipv4('dst', k, m, KEY_NW_DST),
        ...network(k, m, 'tos', 'ttl'),
      ]);
      pushTransport(parts, k, m);
      break;
    case ETH_TYPE_IPV6:
      pushAttribute(parts, 'ipv6', [
        ipv6('src', k, m, KEY_IPV6_SRC),
        ipv6('dst', k, m, KEY_IPV6_DST),
        ipv6Label(k, m),
        ...network(k, m, 'tclass', 'hlimit'),
      ]);
      pushTransport(parts, k, m);
      break;
    case ETH_TYPE_ARP:
    case ETH_TYPE_RARP:
      pushAttribute(parts, 'arp', [
        ipv4('sip', k, m, KEY_NW_SRC),
        ipv4('tip', k, m, KEY_NW_DST),
        decimal('op', k[KEY_NW]! >>> 24, m[KEY_NW]! >>> 24, 0xff),
        firstMac('sha', k, m, KEY_ARP_MAC),
        secondMac('tha', k, m),
      ]);
      break;
    case ETH_TYPE_MPLS:
    case ETH_TYPE_MPLS_MULTICAST:
      pushMpls(parts, k, m);
  }
  return parts;
}

/** Protocol, ToS, TTL and fragment of IPv4 and IPv6. */
function network(k: Int32Array, m: Int32Array, tos: string, ttl: string): string[] {
  const nw = k[KEY_NW]!;
  const mask = m[KEY_NW]!;
  const tosMask = (mask >>> 16) & 0xff;
  const tosText = `${tos}=${formatHex((nw >>> 16) & 0xff)}`;
  const frag = nw & NW_FRAG_LATER ? 'later' : nw & NW_FRAG_ANY ? 'first' : 'no';
  return [
    decimal('proto', nw >>> 24, mask >>> 24, 0xff),
    tosMask === 0 ? '' : tosMask === 0xff ? tosText : `${tosText}/${formatHex(tosMask)}`,
    decimal(ttl, (nw >>> 8) & 0xff, (mask >>> 8) & 0xff, 0xff),
    mask & 3 ? `frag=${frag}` : '',
  ];
}

function pushTransport(parts: string[], k: Int32Array, m: Int32Array): void {
  if (k[KEY_NW]! & NW_FRAG_LATER) return;
  const proto = k[KEY_NW]! >>> 24;
  const isIpv4 = k[KEY_TYPE_VLAN]! >>> 16 === ETH_TYPE_IPV4;
  const name = { [IPPROTO_TCP]: 'tcp', [IPPROTO_UDP]: 'udp', [IPPROTO_SCTP]: 'sctp' }[proto];
  if (name) {
    pushAttribute(parts, name, transport(k, m, 'src', 'dst', 0xffff));
    const flags = m[KEY_TPID_TCP_FLAGS]! & 0xfff;
    if (proto !== IPPROTO_TCP || flags === 0) return;
    parts.push(`tcp_flags(${formatTcpFlags(k[KEY_TPID_TCP_FLAGS]! & 0xfff, flags)})`);
  } else if (proto === (isIpv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
    pushAttribute(parts, isIpv4 ? 'icmp' : 'icmpv6', transport(k, m, 'type', 'code', 0xff));
    if (isNeighborDiscovery(k) && ((m[KEY_TP]! >>> 16) & 0xff) === 0xff) {
      const target = ipv6('target', k, m, KEY_ND_TARGET);
      pushAttribute(parts, 'nd', [target, firstMac('sll', k, m, KEY_ARP_MAC), secondMac('tll', k, m)]);
    }
  }
}

function transport(k: Int32Array, m: Int32Array, first: string, second: string, all: number): string[] {
  return [
    decimal(first, k[KEY_TP]! >>> 16, (m[KEY_TP]! >>> 16) & all, all),
    decimal(second, k[KEY_TP]! & 0xffff, m[KEY_TP]! & all, all),
  ];
}

function pushMpls(parts: string[], k: Int32Array, m: Int32Array): void {
  let count = 0;
  while (count < MPLS_ENTRIES) {
    if (k[KEY_MPLS + count]! & MPLS_BOTTOM) break;
    count++;
  }
  const entries = [KEY_MPLS, KEY_MPLS + 1, KEY_MPLS + 2].slice(0, Math.min(count + 1, MPLS_ENTRIES));
  if (entries.every((word) => m[word] === 0)) return;
  const isExact = entries.every((word) => m[word] === -1);
  const texts = entries.map((word) => mplsEntry(k[word]!, isExact ? undefined : m[word]!));
  parts.push(`mpls(${texts.join(',')})`);
}

function mplsEntry(entry: number, mask: number | undefined): string {
  const label = entry >>> 12;
  const tc = (entry >>> 9) & 7;
  const ttl = entry & 0xff;
  const bos = (entry >>> 8) & 1;
  if (mask === undefined) return `label=${label},tc=${tc},ttl=${ttl},bos=${bos}`;
  const hex = (shift: number, bits: number) => ((mask >>> shift) & bits).toString(16);
  return `label=${label}/0x${hex(12, 0xf_ffff)},tc=${tc}/${hex(9, 7)},ttl=${ttl}/0x${hex(0, 0xff)},bos=${bos}/${hex(8, 1)}`;
}

function decimal(name: string, value: number, mask: number, all: number): string {
  if (mask === 0) return '';
  return mask === all ? `${name}=${value}` : `${name}=${value}/${formatHex(mask)}`;
}

function masked32(k: Int32Array, m: Int32Array, word: number): string {
  return m[word] === -1 ? formatHex(k[word]!) : `${formatHex(k[word]!)}/${formatHex(m[word]!)}`;
}

function mac(name: string, high: number, low: number, maskHigh: number, maskLow: number): string {
  if (((maskHigh & 0xffff) | maskLow) === 0) return '';
  return `${name}=${formatMaskedMac(high, low, maskHigh, maskLow)}`;
}

/** The MAC address that starts with word `at`. */
function firstMac(name: string, k: Int32Array, m: Int32Array, at: number): string {
  const maskLow = (m[at]! << 16) | (m[at + 1]! >>> 16);
  return mac(name, k[at]! >>> 16, (k[at]! << 16) | (k[at + 1]! >>> 16), m[at]! >>> 16, maskLow);
}

/** arp_tha or nd_tll. */
function secondMac(name: string, k: Int32Array, m: Int32Array): string {
  return mac(name, k[KEY_ARP_MAC + 1]!, k[KEY_ARP_MAC + 2]!, m[KEY_ARP_MAC + 1]!, m[KEY_ARP_MAC + 2]!);
}

function ipv4(name: string, k: Int32Array, m: Int32Array, word: number): string {
  if (m[word] === 0) return '';
  const address = `${name}=${formatIpv4Word(k[word]!)}`;
  return m[word] === -1 ? address : `${address}/${formatIpv4Word(m[word]!)}`;
}

function ipv6(name: string, k: Int32Array, m: Int32Array, word: number): string {
  if ((m[word]! | m[word + 1]! | m[word + 2]! | m[word + 3]!) === 0) return '';
  const address = `${name}=${formatIpv6Words(k, word)}`;
  const isExact = (m[word]! & m[word + 1]! & m[word + 2]! & m[word + 3]!) === -1;
  return isExact ? address : `${address}/${formatIpv6Words(m, word)}`;
}

function ipv6Label(k: Int32Array, m: Int32Array): string {
  const mask = m[KEY_IPV6_LABEL]! & IPV6_LABEL_MASK;
  if (mask === 0) return '';
  const label = `label=${formatHex(k[KEY_IPV6_LABEL]!)}`;
  return mask === IPV6_LABEL_MASK ? label : `${label}/${formatHex(mask)}`;
}
