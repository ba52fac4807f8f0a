// What: the text of sets of a datapath program, `set(ipv4(src=10.0.0.1,ttl=63))`. Why: a program sets words of the key,
// Open vSwitch prints one set for each header. Who: format-program.ts.

import { readBits } from '../flow/bits.ts';
import { formatHex } from '../flow/field-format.ts';
import {
  FLOW_WORDS,
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
  KEY_PKT_MARK,
  KEY_SKB_PRIORITY,
  KEY_TP,
  KEY_TPID_TCP_FLAGS,
  KEY_TYPE_VLAN,
  MPLS_ENTRIES,
} from '../flow/key.ts';
import { formatIpv4Word, formatIpv6Words, formatMac } from '../wire/address-text.ts';
import { ETH_TYPE_ARP, ETH_TYPE_IPV6, ETH_TYPE_RARP } from '../wire/ethernet.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_UDP } from '../wire/ip-protocol.ts';

/** The sets gathered so far, and what the frame is. */
export interface SetContext {
  type: number;
  readonly key: Int32Array | undefined;
  readonly values: Int32Array;
  readonly masks: Int32Array;
}

/** Of the flow with this key; without one, of IPv4 and TCP. */
export function setContext(key: Int32Array | undefined): SetContext {
  const type = key ? key[KEY_TYPE_VLAN]! >>> 16 : 0;
  return { type, key, values: new Int32Array(FLOW_WORDS), masks: new Int32Array(FLOW_WORDS) };
}

/** Takes in a set of a word. */
export function gatherSet({ values, masks }: SetContext, word: number, value: number, mask: number): void {
  values[word] = (values[word]! & ~mask) | (value & mask);
  masks[word]! |= mask;
}

/** The texts of what was gathered, in the order in which Open vSwitch sets headers; gathers anew. */
export function formatSets(context: SetContext): string[] {
  const { type, values, masks } = context;
  if (masks.every((mask) => mask === 0)) return [];
  const bits = new SetBits(values, masks);
  const texts = [
    header('eth', bits.mac('src', KEY_MAC * 32 + 48), bits.mac('dst', KEY_MAC * 32)),
    ...formatNetwork(type, bits),
    formatTransport(context, bits),
    ...formatLabels(context),
    formatTag('vlan', bits, KEY_TPID_TCP_FLAGS * 32, KEY_TYPE_VLAN * 32 + 16),
    formatTag('inner_vlan', bits, KEY_INNER_VLAN * 32, KEY_INNER_VLAN * 32 + 16),
    scalar('skb_priority', bits, KEY_SKB_PRIORITY),
    scalar('skb_mark', bits, KEY_PKT_MARK),
  ];
  values.fill(0);
  masks.fill(0);
  return texts.filter((text) => text !== '').map((text) => `set(${text})`);
}

function header(name: string, ...fields: string[]): string {
  const present = fields.filter((field) => field !== '');
  return present.length === 0 ? '' : `${name}(${present.join(',')})`;
}

function scalar(name: string, bits: SetBits, word: number): string {
  return bits.number('', word * 32, 32, formatHex, formatHex).replace(/^=(.*)$/, `${name}($1)`);
}

function formatNetwork(type: number, bits: SetBits): string[] {
  const tos = KEY_NW * 32 + 8;
  const ttl = KEY_NW * 32 + 16;
  if (type === ETH_TYPE_ARP || type === ETH_TYPE_RARP) {
    const sip = bits.number('sip', KEY_NW_SRC * 32, 32, formatIpv4Word, formatIpv4Word);
    const tip = bits.number('tip', KEY_NW_DST * 32, 32, formatIpv4Word, formatIpv4Word);
    const op = bits.number('op', KEY_NW * 32, 8, String, formatHex);
    return [header('arp', sip, tip, op, ...arpMacs(bits, 'sha', 'tha'))];
  }
  if (type === ETH_TYPE_IPV6) {
    const addresses = [bits.ipv6('src', KEY_IPV6_SRC), bits.ipv6('dst', KEY_IPV6_DST)];
    const label = bits.number('label', KEY_IPV6_LABEL * 32 + 12, 20, formatHex, formatHex);
    const rest = [
      bits.number('tclass', tos, 8, formatHex, formatHex),
      bits.number('hlimit', ttl, 8, String, formatHex),
    ];
    return [
      header('ipv6', ...addresses, label, ...rest),
      header('nd', bits.ipv6('target', KEY_ND_TARGET), ...arpMacs(bits, 'sll', 'tll')),
    ];
  }
  const src = bits.number('src', KEY_NW_SRC * 32, 32, formatIpv4Word, formatIpv4Word);
  const dst = bits.number('dst', KEY_NW_DST * 32, 32, formatIpv4Word, formatIpv4Word);
  return [
    header(
      'ipv4',
      src,
      dst,
      bits.number('tos', tos, 8, formatHex, formatHex),
      bits.number('ttl', ttl, 8, String, formatHex),
    ),
  ];
}

function arpMacs(bits: SetBits, source: string, target: string): string[] {
  return [bits.mac(source, KEY_ARP_MAC * 32), bits.mac(target, KEY_ARP_MAC * 32 + 48)];
}

function formatTransport({ key }: SetContext, bits: SetBits): string {
  const protocol = key ? key[KEY_NW]! >>> 24 : 0;
  if (protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6) {
    if (bits.masks[KEY_TP] === 0) return '';
    // The datapath of Open vSwitch sets both or none.
    const word = (key![KEY_TP]! & ~bits.masks[KEY_TP]!) | bits.values[KEY_TP]!;
    return `${protocol === IPPROTO_ICMP ? 'icmp' : 'icmpv6'}(type=${word >>> 16},code=${word & 0xffff})`;
  }
  let name = 'tcp';
  if (protocol === IPPROTO_UDP) name = 'udp';
  else if (protocol === IPPROTO_SCTP) name = 'sctp';
  const src = bits.number('src', KEY_TP * 32, 16, String, formatHex);
  const dst = bits.number('dst', KEY_TP * 32 + 16, 16, String, formatHex);
  return header(name, src, dst);
}

/** Open vSwitch sets a whole entry. */
function formatLabels({ key, values, masks }: SetContext): string[] {
  const texts: string[] = [];
  for (let word = KEY_MPLS; word < KEY_MPLS + MPLS_ENTRIES; word++) {
    if (masks[word] === 0) continue;
    const entry = ((key?.[word] ?? 0) & ~masks[word]!) | values[word]!;
    const parts = [`label=${entry >>> 12}`, `tc=${(entry >>> 9) & 7}`, `ttl=${entry & 0xff}`];
    texts.push(`mpls(${parts.join(',')},bos=${(entry >>> 8) & 1})`);
  }
  return texts;
}

function formatTag(name: string, bits: SetBits, tpid: number, tci: number): string {
  return header(
    name,
    bits.number('tpid', tpid, 16, formatHex, formatHex),
    bits.number('vid', tci + 4, 12, String, formatHex),
    bits.number('pcp', tci, 3, String, formatHex),
  );
}

/** Fields of the words that are set; '' for one of which no bit is. */
class SetBits {
  readonly values: Int32Array;
  readonly masks: Int32Array;

  constructor(values: Int32Array, masks: Int32Array) {
    this.values = values;
    this.masks = masks;
  }

  number(
    name: string,
    bit: number,
    width: number,
    format: (value: number) => string,
    formatMask: (mask: number) => string,
  ): string {
    const mask = Number(readBits(this.masks, bit, width));
    if (mask === 0) return '';
    const value = format(Number(readBits(this.values, bit, width)));
    return mask === 2 ** width - 1 ? `${name}=${value}` : `${name}=${value}/${formatMask(mask)}`;
  }

  mac(name: string, bit: number): string {
    return this.number(name, bit, 48, formatMac, formatMac);
  }

  ipv6(name: string, word: number): string {
    const mask = readBits(this.masks, word * 32, 128);
    if (mask === 0n) return '';
    const value = formatIpv6Words(this.values, word);
    const isWhole = mask === (1n << 128n) - 1n;
    return isWhole ? `${name}=${value}` : `${name}=${value}/${formatIpv6Words(this.masks, word)}`;
  }
}
