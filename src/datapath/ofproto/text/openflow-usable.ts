// What: which protocols can say a flow: a match on a register takes NXM or OpenFlow 1.2, a meter takes OpenFlow 1.3, and
// strip_vlan of frames that may have no tag is only said by OpenFlow 1.0. Why: the first line of ovs-ofctl parse-flow,
// and the choice of the protocol in which it prints the flow. Who: flow-file.ts.
// It depends on the words of the text, not only on what they mean: `dl_vlan=5` is said by all, `vlan_tci=0x1005/0x1fff` is not.

import type { Action } from '../../actions/action.ts';
import { KnownFrame } from '../../actions/known-frame.ts';
import { parseSubfield } from '../../actions/subfield.ts';
import { FIELD_BY_NAME, type Field, fieldMask } from '../../flow/fields.ts';
import { KEY_NW, KEY_TP, KEY_TYPE_VLAN } from '../../flow/key.ts';
import type { Match } from '../../flow/match.ts';
import { parseFieldValue } from '../../flow/match-text.ts';
import type { PortResolver } from '../../flow/port-number.ts';
import { parseInteger, type Token, tokenize } from '../../flow/syntax.ts';
import { ETH_TYPE_IPV6 } from '../../wire/ethernet.ts';
import {
  ALL_TABLES,
  FLAG_NO_BYTE_COUNTS,
  FLAG_NO_PACKET_COUNTS,
  FLAG_RESET_COUNTS,
  type FlowMod,
} from '../entries/flow-mod.ts';
import {
  ANY_PROTOCOL,
  NXM,
  OPENFLOW11_UP,
  OPENFLOW12_UP,
  OPENFLOW13_UP,
  VERSION10,
  WITH_TABLE,
} from './openflow-protocols.ts';

const NXM_OXM = NXM | OPENFLOW12_UP;
const NXM_OPENFLOW11_UP = NXM | OPENFLOW11_UP;

/** Protocols that can match a field: the whole of it, a prefix of its bits, any of its bits. */
type FieldProtocols = readonly [whole: number, prefix: number, bits: number];

/** Fields that older protocols know; all others take NXM or OpenFlow 1.2. */
const FIELD_PROTOCOLS: ReadonlyMap<string, FieldProtocols> = new Map([
  ...rows('eth_src eth_dst', [ANY_PROTOCOL, NXM_OPENFLOW11_UP, NXM_OPENFLOW11_UP]),
  ...rows('ip_src ip_dst arp_spa arp_tpa', [ANY_PROTOCOL, ANY_PROTOCOL, NXM_OPENFLOW11_UP]),
  ...rows(
    'in_port eth_type vlan_tci dl_vlan vlan_vid dl_vlan_pcp vlan_pcp nw_proto nw_tos ip_dscp arp_op ' +
      'tcp_src tcp_dst udp_src udp_dst icmp_type icmp_code',
    [ANY_PROTOCOL, NXM_OXM, NXM_OXM],
  ),
  ...rows('sctp_src sctp_dst', [NXM_OPENFLOW11_UP, NXM_OXM, NXM_OXM]),
  ...rows('metadata in_port_oxm mpls_label mpls_tc nw_ecn', [
    NXM_OPENFLOW11_UP,
    NXM_OPENFLOW11_UP,
    NXM_OPENFLOW11_UP,
  ]),
]);

function rows(names: string, protocols: FieldProtocols): [string, FieldProtocols][] {
  return names.split(' ').map((name) => [name, protocols]);
}

/** The protocols that can say `mod`, which was read from `text`. Its keys end at `keysEnd`. */
export function usableProtocols(
  text: string,
  keysEnd: number,
  mod: FlowMod,
  resolvePort: PortResolver,
): number {
  let usable = ofFlags(mod.flags) & ofActions(mod.actions, ANY_PROTOCOL) & ofMatch(mod.match);
  if (!isStrict(mod.actions, new KnownFrame(mod.match))) usable &= VERSION10;
  if (mod.cookieMask !== 0n) usable &= NXM_OPENFLOW11_UP;
  for (const token of tokenize(text, 0, keysEnd)) usable &= ofToken(text, token, resolvePort);
  return usable;
}

function ofFlags(flags: number): number {
  if (flags & (FLAG_NO_PACKET_COUNTS | FLAG_NO_BYTE_COUNTS)) return OPENFLOW13_UP;
  return flags & FLAG_RESET_COUNTS ? OPENFLOW12_UP : ANY_PROTOCOL;
}

/** Protocols and ports inside of IPv6 take more than their fields do elsewhere. */
function ofMatch({ value, mask }: Match): number {
  const isIpv6 = value[KEY_TYPE_VLAN]! >>> 16 === ETH_TYPE_IPV6;
  const asksMore = (mask[KEY_NW]! & 0xffff_0000) !== 0 || mask[KEY_TP] !== 0;
  return isIpv6 && asksMore ? NXM_OXM : ANY_PROTOCOL;
}

function ofToken(text: string, token: Token, resolvePort: PortResolver): number {
  if (token.key === 'table') return Number(token.value) === ALL_TABLES ? ANY_PROTOCOL : WITH_TABLE;
  if (token.key === 'out_group') return OPENFLOW11_UP;
  const field = FIELD_BY_NAME.get(token.key);
  if (field !== undefined) {
    // Asks for nothing.
    if (token.value === '*') return ANY_PROTOCOL;
    return ofField(field, maskOf(text, token, field, resolvePort));
  }
  if (!token.key.includes('[')) return ANY_PROTOCOL;
  const { field: part, offset, width } = parseSubfield(text, { word: token.key, at: token.keyAt });
  return ofField(part, ((1n << BigInt(width)) - 1n) << BigInt(offset));
}

function maskOf(text: string, token: Token, field: Field, resolvePort: PortResolver): bigint {
  const written = token.value!;
  const slash = written.indexOf('/');
  // The mask of 13 bits is no whole one here, since the field has 16 on the wire.
  if (field.syntax === 'vid_present' && slash >= 0) {
    const mask = parseInteger(written.slice(slash + 1)) ?? 0n;
    return mask === 0xffffn ? fieldMask(field) : mask === 0n ? 0n : 1n;
  }
  // dl_vlan=0xffff, frames without a tag, is no number of a tag.
  if (field.syntax === 'vid') return fieldMask(field);
  return parseFieldValue(text, token, field, resolvePort).mask;
}

function ofField(field: Field, mask: bigint): number {
  if (mask === 0n) return ANY_PROTOCOL;
  const all = fieldMask(field);
  const [whole, prefix, bits] = FIELD_PROTOCOLS.get(field.name) ?? [NXM_OXM, NXM_OXM, NXM_OXM];
  if ((mask & all) === all) return whole;
  const rest = all & ~mask;
  return (rest & (rest + 1n)) === 0n ? prefix : bits;
}

/** The protocols of `usable` that have these actions. */
function ofActions(actions: readonly Action[], usable: number): number {
  let left = usable;
  for (const action of actions) {
    switch (action.type) {
      case 'push_vlan':
        left &= OPENFLOW11_UP;
        break;
      case 'meter':
        left &= OPENFLOW13_UP;
        break;
      case 'write_metadata':
        left &= NXM_OPENFLOW11_UP;
        break;
      case 'set_field':
        left &= ofField(action.field, fieldMask(action.field));
        break;
      case 'write_actions':
        left = ofActions(action.actions, left);
        break;
      case 'clone':
        // Open vSwitch forgets at a clone what stands before it.
        left = ofActions(action.actions, ANY_PROTOCOL);
        break;
      default:
    }
  }
  return left;
}

/** Whether OpenFlow 1.1 and later take the actions with this match; nobody knows the frames of an action set. */
function isStrict(actions: readonly Action[], frame: KnownFrame): boolean {
  return actions.every((action) => {
    if (frame.lacks(action) !== undefined) return false;
    if (action.type === 'clone' && !isStrict(action.actions, frame.inner())) return false;
    frame.pass(action);
    return true;
  });
}
