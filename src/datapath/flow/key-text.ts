// What: a key as text, and a key from the argument of trace. Why: `Flow:`, `Final flow:` and `Megaflow:` of a trace
// and packet-in lines show keys as Open vSwitch does; a user of trace writes one as a flow. Who: ofproto/trace, control.

import type { SwitchError } from '../errors.ts';
import {
  ETH_TYPE_ARP,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_MPLS,
  ETH_TYPE_MPLS_MULTICAST,
  ETH_TYPE_RARP,
  ETH_TYPE_VLAN,
  MPLS_BOTTOM,
} from '../wire/ethernet.ts';
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  ND_ADVERT,
  ND_SOLICIT,
} from '../wire/ip-protocol.ts';
import { FIELD_BY_NAME, KEY_ONLY_FIELDS, SHORTHAND_BY_NAME } from './fields.ts';
import {
  FLOW_WORDS,
  KEY_ACTSET_OUTPUT,
  KEY_ARP_MAC,
  KEY_IN_PORT,
  KEY_INNER_VLAN,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MAC,
  KEY_METADATA,
  KEY_MPLS,
  KEY_ND_TARGET,
  KEY_NW,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_PKT_MARK,
  KEY_REG,
  KEY_SKB_PRIORITY,
  KEY_TP,
  KEY_TPID_TCP_FLAGS,
  KEY_TUN_ID,
  KEY_TYPE_VLAN,
  MPLS_ENTRIES,
  NO_ACTSET_OUTPUT,
  NW_FRAG_LATER,
  REGISTERS,
  VLAN_PRESENT,
} from './key.ts';
import { Match } from './match.ts';
import { formatFields } from './match-format.ts';
import { applyMatchToken, checkPrerequisites, type FieldUse } from './match-text.ts';
import { OFPORT_NONE, type PortNamer, type PortResolver } from './port-number.ts';
import { parseUnsigned, syntaxError, type Token, tokenize, unknownKey, valueError } from './syntax.ts';

/** IP protocols of whose header the key holds the first word. */
const PROTOS_WITH_TRANSPORT = [
  IPPROTO_ICMP,
  IPPROTO_IGMP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
];

/**
 * A key of FLOW_WORDS words (those behind the frame's own may be missing) as Open vSwitch shows it: all fields that
 * such a frame has, and those of the pipeline that are not 0. With a mask: what the mask asks for, as a megaflow.
 */
export function formatFlowKey(key: Int32Array, mask?: Int32Array, portName?: PortNamer): string {
  const value = new Int32Array(FLOW_WORDS);
  value.set(key.length > FLOW_WORDS ? key.subarray(0, FLOW_WORDS) : key);
  if (!mask) return formatFields(value, shownMask(value), value[KEY_IN_PORT]! >>> 16 !== 0, portName);
  const asked = new Int32Array(FLOW_WORDS);
  asked.set(mask.length > FLOW_WORDS ? mask.subarray(0, FLOW_WORDS) : mask);
  for (let i = 0; i < FLOW_WORDS; i++) value[i]! &= asked[i]!;
  return formatFields(value, asked, true, portName);
}

/** What Open vSwitch shows of a frame (flow_wildcards_init_for_packet, flow_format). */
function shownMask(key: Int32Array): Int32Array {
  const mask = new Int32Array(FLOW_WORDS);
  if (key[KEY_IN_PORT]! & 0xffff) mask[KEY_IN_PORT] = 0xffff;
  mask.fill(-1, KEY_MAC, KEY_MAC + 3);
  mask[KEY_TYPE_VLAN] = -1;
  if (key[KEY_TYPE_VLAN]! & 0xffff) mask[KEY_INNER_VLAN] = -1;
  for (const word of [KEY_PKT_MARK, KEY_SKB_PRIORITY]) if (key[word] !== 0) mask[word] = -1;
  for (const word of [KEY_TUN_ID, KEY_METADATA]) {
    if ((key[word]! | key[word + 1]!) !== 0) mask.fill(-1, word, word + 2);
  }
  for (let i = 0; i < REGISTERS; i++) if (key[KEY_REG + i] !== 0) mask[KEY_REG + i] = -1;
  showNetwork(key, mask);
  return mask;
}

function showNetwork(key: Int32Array, mask: Int32Array): void {
  switch (key[KEY_TYPE_VLAN]! >>> 16) {
    case ETH_TYPE_ARP:
    case ETH_TYPE_RARP:
      mask.fill(-1, KEY_NW_SRC, KEY_NW_DST + 1);
      mask[KEY_NW] = 0xff00_0000;
      mask.fill(-1, KEY_ARP_MAC, KEY_ARP_MAC + 3);
      break;
    case ETH_TYPE_MPLS:
    case ETH_TYPE_MPLS_MULTICAST:
      for (let i = 0; i < MPLS_ENTRIES; i++) {
        mask[KEY_MPLS + i] = -1;
        if (key[KEY_MPLS + i]! & MPLS_BOTTOM) break;
      }
      break;
    case ETH_TYPE_IPV4:
      mask.fill(-1, KEY_NW_SRC, KEY_NW_DST + 1);
      showTransport(key, mask);
      break;
    case ETH_TYPE_IPV6:
      mask.fill(-1, KEY_IPV6_SRC, KEY_IPV6_DST + 4);
      mask[KEY_IPV6_LABEL] = -1;
      showTransport(key, mask);
      // To find neighbor discovery Open vSwitch looks at the code, then at the type, of any fragment.
      if (key[KEY_NW]! >>> 24 === IPPROTO_ICMPV6) mask[KEY_TP]! |= key[KEY_TP]! & 0xffff ? 0xffff : -1;
      if (isNeighborDiscovery(key)) {
        mask.fill(-1, KEY_ARP_MAC, KEY_ARP_MAC + 3);
        mask.fill(-1, KEY_ND_TARGET, KEY_ND_TARGET + 4);
      }
  }
}

function showTransport(key: Int32Array, mask: Int32Array): void {
  mask[KEY_NW] = -1;
  const proto = key[KEY_NW]! >>> 24;
  if (key[KEY_NW]! & NW_FRAG_LATER || !PROTOS_WITH_TRANSPORT.includes(proto)) return;
  mask[KEY_TP] = -1;
  if (proto === IPPROTO_TCP) mask[KEY_TPID_TCP_FLAGS] = 0xfff;
}

/** A neighbor solicitation or advertisement. */
export function isNeighborDiscovery(key: Int32Array): boolean {
  const type = key[KEY_TP]! >>> 16;
  return (
    key[KEY_TYPE_VLAN]! >>> 16 === ETH_TYPE_IPV6 &&
    key[KEY_NW]! >>> 24 === IPPROTO_ICMPV6 &&
    (type === ND_SOLICIT || type === ND_ADVERT) &&
    (key[KEY_TP]! & 0xffff) === 0
  );
}

/**
 * The key of FLOW_WORDS words that `in_port=1,tcp,nw_dst=10.0.0.1` names: other fields are 0, in_port is OFPORT_NONE.
 * Throws SwitchError invalid-argument.
 */
export function parseFlowKey(text: string, resolvePort: PortResolver): Int32Array {
  const match = new Match();
  const uses: FieldUse[] = [];
  const key = new Int32Array(FLOW_WORDS);
  const seen = new Set<string>();
  for (const token of tokenize(text)) {
    if (applyKeyOnlyToken(key, text, token)) continue;
    const use = applyMatchToken(match, text, token, resolvePort);
    if (use === undefined) throw unknownField(text, token);
    const name = use === 'shorthand' ? 'the protocol' : use.field.name;
    if (seen.has(name) && token.key !== 'eth') {
      throw syntaxError(text, token.keyAt, token.key.length, `${name} is given twice`, 'it once');
    }
    seen.add(name);
    if (use === 'shorthand') continue;
    checkNoMask(match, text, use);
    uses.push(use);
  }
  checkPrerequisites(match, text, uses);
  for (let i = 0; i < FLOW_WORDS; i++) key[i]! |= match.value[i]!;
  if ((match.mask[KEY_IN_PORT]! & 0xffff) === 0) key[KEY_IN_PORT]! |= OFPORT_NONE;
  if (match.mask[KEY_ACTSET_OUTPUT] === 0) key[KEY_ACTSET_OUTPUT] = NO_ACTSET_OUTPUT;
  if (key[KEY_TYPE_VLAN]! & VLAN_PRESENT) key[KEY_TPID_TCP_FLAGS]! |= ETH_TYPE_VLAN << 16;
  return key;
}

/** recirc_id and its like, which no match has. */
function applyKeyOnlyToken(key: Int32Array, text: string, token: Token): boolean {
  const field = KEY_ONLY_FIELDS.find(({ name }) => name === token.key);
  if (!field) return false;
  const written = token.value ?? '';
  const value = parseUnsigned(written, 0, written.length);
  if (!(value < 2 ** field.width)) throw valueError(text, token, `a number 0 to ${2 ** field.width - 1}`);
  key[field.bit >> 5]! |= value << (32 - field.width - (field.bit & 31));
  return true;
}

/** A key has a value in each bit. */
function checkNoMask(match: Match, text: string, { field, token }: FieldUse): void {
  const bits = field.syntax === 'dscp' ? 0xfcn : (1n << BigInt(field.width)) - 1n;
  if ((match.maskBits(field.bit, field.width) & bits) === bits) return;
  const written = token.value ?? '';
  const problem = `${token.key}=${written} stands for many frames`;
  throw syntaxError(text, token.valueAt, Math.max(1, written.length), problem, 'the value of one frame');
}

function unknownField(text: string, token: Token): SwitchError {
  const names = [...FIELD_BY_NAME.keys(), ...SHORTHAND_BY_NAME.keys(), 'recirc_id', 'skb_priority'];
  return unknownKey(text, token, 'field', names, 'a field such as in_port, dl_dst, nw_src, tp_dst');
}
