// What: a match from and to the text of ovs-ofctl(8), "Flow Syntax". Why: it is the language that users of Open
// vSwitch speak; a dump can be fed back in. Who: ofproto/flow-text.ts. The order in print is that of Open vSwitch.
// Text that Open vSwitch would silently widen (a field without its prerequisite, a value cut to its width) is
// refused here: a flow that matches more than its author wrote is worse than an error.

import {
  ETH_TYPE_ARP,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_RARP,
  formatMac,
  parseMac,
} from '../wire/ethernet.ts';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../wire/ip-address.ts';
import { FIELD_BY_NAME, type Field, PREREQUISITES, SHORTHAND_BY_NAME, SHORTHANDS } from './fields.ts';
import {
  NW_FRAG_ANY,
  NW_FRAG_LATER,
  VLAN_PCP_MASK,
  VLAN_PCP_SHIFT,
  VLAN_PRESENT,
  VLAN_VID_MASK,
} from './key.ts';
import type { Match } from './match.ts';
import { formatPort, type PortResolver, parsePort } from './port-number.ts';
import { parseInteger, syntaxError, type Token, valueError } from './syntax.ts';

/** nw_frag by name: value and mask (ovs-fields(7), "ip_frag"). */
const FRAGMENTS: Record<string, readonly [number, number]> = {
  no: [0, NW_FRAG_ANY | NW_FRAG_LATER],
  yes: [NW_FRAG_ANY, NW_FRAG_ANY],
  first: [NW_FRAG_ANY, NW_FRAG_ANY | NW_FRAG_LATER],
  later: [NW_FRAG_ANY | NW_FRAG_LATER, NW_FRAG_ANY | NW_FRAG_LATER],
  not_later: [0, NW_FRAG_LATER],
};

const VLAN_PRESENT_BIT = FIELD_BY_NAME.get('dl_vlan')!.bit;
const DL_TYPE = FIELD_BY_NAME.get('dl_type')!;
const NW_PROTO = FIELD_BY_NAME.get('nw_proto')!;
const VLAN_TCI = FIELD_BY_NAME.get('vlan_tci')!;

/** A field that a text set, kept until all fields are known and its prerequisite can be checked. */
export interface FieldUse {
  field: Field;
  token: Token;
}

/**
 * Adds what a token of `text` asks for to the match. A later token overrides an earlier one for the same field, as
 * with ovs-ofctl. Returns the field, `shorthand`, or undefined when the key names neither. Throws SwitchError
 * invalid-argument.
 */
export function applyMatchToken(
  match: Match,
  text: string,
  token: Token,
  resolvePort: PortResolver,
): FieldUse | 'shorthand' | undefined {
  const shorthand = SHORTHAND_BY_NAME.get(token.key);
  if (shorthand && token.value === undefined) {
    setWhole(match, DL_TYPE, BigInt(shorthand.type));
    if (shorthand.proto !== undefined) setWhole(match, NW_PROTO, BigInt(shorthand.proto));
    return 'shorthand';
  }
  // Any Ethernet frame.
  if (token.key === 'eth' && token.value === undefined) return 'shorthand';
  const field = FIELD_BY_NAME.get(token.key);
  if (!field) return undefined;
  if (token.value === '*') match.setBits(field.bit, field.width, 0n, 0n);
  else applyValue(match, text, token, field, resolvePort);
  return { field, token };
}

/** Throws SwitchError invalid-argument for a field whose prerequisite the match does not ask for. */
export function checkPrerequisites(match: Match, text: string, uses: readonly FieldUse[]): void {
  const type = exactValue(match, DL_TYPE);
  const proto = exactValue(match, NW_PROTO);
  for (const { field, token } of uses) {
    if (field.prerequisite === undefined || token.value === '*') continue;
    const needed: { types: readonly number[]; protos?: readonly number[]; write: string } =
      PREREQUISITES[field.prerequisite];
    const met =
      needed.types.includes(type ?? -1) &&
      (needed.protos === undefined || needed.protos.includes(proto ?? -1));
    if (met) continue;
    const problem = `${token.key} means nothing unless the flow also matches ${needed.write}`;
    throw syntaxError(text, token.keyAt, token.key.length, problem, `${needed.write} beside it`);
  }
}

function applyValue(match: Match, text: string, token: Token, field: Field, resolvePort: PortResolver): void {
  const written = token.value ?? '';
  const full = (1n << BigInt(field.width)) - 1n;
  switch (field.syntax) {
    case 'port': {
      const port = parsePort(written, resolvePort);
      if (port === undefined) throw valueError(text, token, 'a port number 0 to 65279, LOCAL or a port name');
      setWhole(match, field, BigInt(port));
      return;
    }
    case 'vid': {
      const vid = parseInteger(written);
      if (vid === 0xffffn) {
        setWhole(match, VLAN_TCI, 0n);
        return;
      }
      if (vid === undefined || vid > VLAN_VID_MASK) {
        throw valueError(text, token, 'a VLAN number 0 to 4095, or 0xffff for frames without a tag');
      }
      setWhole(match, field, vid | BigInt(VLAN_PRESENT));
      return;
    }
    case 'pcp': {
      setWhole(match, field, parseNumber(text, token, written, full));
      match.setBits(VLAN_PRESENT_BIT, 1, 1n, 1n);
      return;
    }
    case 'dscp': {
      const tos = parseInteger(written);
      if (tos === undefined || tos > 0xffn || (tos & 3n) !== 0n) {
        throw valueError(text, token, 'a multiple of 4 from 0 to 252');
      }
      setWhole(match, field, tos >> 2n);
      return;
    }
    case 'frag': {
      const fragment = FRAGMENTS[written.toLowerCase()];
      if (!fragment) throw valueError(text, token, `one of ${Object.keys(FRAGMENTS).join(', ')}`);
      match.setBits(field.bit, field.width, BigInt(fragment[0]), BigInt(fragment[1]));
      return;
    }
    default:
      applyMaskedValue(match, text, token, field, written, full);
  }
}

function applyMaskedValue(
  match: Match,
  text: string,
  token: Token,
  field: Field,
  written: string,
  full: bigint,
): void {
  const slash = written.indexOf('/');
  const value = parseScalar(text, token, field, slash < 0 ? written : written.slice(0, slash), full);
  if (slash < 0) {
    setWhole(match, field, value);
    return;
  }
  const maskText = written.slice(slash + 1);
  const mask = parseMask(text, token, field, maskText, full);
  if (!field.maskable && mask !== full && mask !== 0n) {
    throw syntaxError(
      text,
      token.valueAt + slash,
      written.length - slash,
      `${token.key} takes no mask`,
      'a value',
    );
  }
  match.setBits(field.bit, field.width, value, mask);
}

function parseMask(text: string, token: Token, field: Field, written: string, full: bigint): bigint {
  const isAddress = field.syntax === 'ipv4' || field.syntax === 'ipv6';
  if (!isAddress || !/^[0-9]+$/.test(written)) return parseScalar(text, token, field, written, full);
  const bits = Number(written);
  if (bits > field.width)
    throw valueError(text, token, `a prefix length 0 to ${field.width} after the slash`);
  return full ^ (full >> BigInt(bits));
}

function parseScalar(text: string, token: Token, field: Field, written: string, full: bigint): bigint {
  switch (field.syntax) {
    case 'mac': {
      const mac = parseMac(written);
      if (mac === undefined) throw valueError(text, token, 'a MAC address such as 02:00:00:00:00:01');
      return BigInt(mac);
    }
    case 'ipv4': {
      const address = parseIpv4(written);
      if (address === undefined)
        throw valueError(text, token, 'an IPv4 address, or address/prefix or address/mask');
      return BigInt(address);
    }
    case 'ipv6': {
      const address = parseIpv6(written);
      if (address === undefined)
        throw valueError(text, token, 'an IPv6 address, or address/prefix or address/mask');
      return address;
    }
    default:
      return parseNumber(text, token, written, full);
  }
}

function parseNumber(text: string, token: Token, written: string, maximum: bigint): bigint {
  const value = parseInteger(written);
  if (value === undefined || value > maximum) throw valueError(text, token, `a number 0 to ${maximum}`);
  return value;
}

function setWhole(match: Match, field: Field, value: bigint): void {
  match.setBits(field.bit, field.width, value, (1n << BigInt(field.width)) - 1n);
}

/** The value of a field that the match asks for in all its bits. */
function exactValue(match: Match, field: Field): number | undefined {
  const full = (1n << BigInt(field.width)) - 1n;
  if (match.maskBits(field.bit, field.width) !== full) return undefined;
  return Number(match.valueBits(field.bit, field.width));
}

/** The match as Open vSwitch prints it, '' when it accepts all frames. */
export function formatMatch(match: Match): string {
  const parts: string[] = [];
  const type = exactValue(match, DL_TYPE);
  const proto = exactValue(match, NW_PROTO);
  const shorthand =
    SHORTHANDS.find((s) => s.type === type && s.proto !== undefined && s.proto === proto) ??
    SHORTHANDS.find((s) => s.type === type && s.proto === undefined);
  const isArp = type === ETH_TYPE_ARP || type === ETH_TYPE_RARP;
  const isIp = type === ETH_TYPE_IPV4 || type === ETH_TYPE_IPV6;
  const isIcmp = isIp && shorthand?.names[0]?.startsWith('icmp');
  const add = (name: string) => {
    const shown = formatField(match, FIELD_BY_NAME.get(name)!);
    if (shown !== '') parts.push(`${name}=${shown}`);
  };
  if (shorthand) parts.push(shorthand.names[0]!);
  add('in_port');
  formatVlan(match, parts);
  add('dl_src');
  add('dl_dst');
  if (!shorthand) add('dl_type');
  for (const name of type === ETH_TYPE_IPV6 ? ['ipv6_src', 'ipv6_dst'] : []) add(name);
  for (const name of isArp ? ['arp_spa', 'arp_tpa', 'arp_op', 'arp_sha', 'arp_tha'] : []) add(name);
  for (const name of type === ETH_TYPE_IPV4 ? ['nw_src', 'nw_dst'] : []) add(name);
  if (!isArp && shorthand?.proto === undefined) add('nw_proto');
  for (const name of isIp ? ['nw_tos', 'nw_ecn', 'nw_ttl', 'nw_frag'] : []) add(name);
  for (const name of isIcmp ? ['icmp_type', 'icmp_code'] : ['tp_src', 'tp_dst']) add(name);
  return parts.join(',');
}

/** The tag bits together, since their best name depends on which of them are asked for. */
function formatVlan(match: Match, parts: string[]): void {
  const mask = Number(match.maskBits(VLAN_TCI.bit, 16));
  const value = Number(match.valueBits(VLAN_TCI.bit, 16));
  if (mask === 0) return;
  const vid = mask & VLAN_VID_MASK;
  const pcp = mask & VLAN_PCP_MASK;
  const wholeParts = (vid === 0 || vid === VLAN_VID_MASK) && (pcp === 0 || pcp === VLAN_PCP_MASK);
  if (mask & value & VLAN_PRESENT && wholeParts && (vid || pcp)) {
    if (vid) parts.push(`dl_vlan=${value & VLAN_VID_MASK}`);
    if (pcp) parts.push(`dl_vlan_pcp=${(value & VLAN_PCP_MASK) >> VLAN_PCP_SHIFT}`);
    return;
  }
  const hex = (n: number) => `0x${n.toString(16).padStart(4, '0')}`;
  parts.push(mask === 0xffff ? `vlan_tci=${hex(value)}` : `vlan_tci=${hex(value)}/${hex(mask)}`);
}

/** Value and mask of one field, '' when the match does not ask for it. */
function formatField(match: Match, field: Field): string {
  const { bit, width, syntax } = field;
  const mask = match.maskBits(bit, width);
  const value = match.valueBits(bit, width);
  const full = (1n << BigInt(width)) - 1n;
  if (mask === 0n) return '';
  switch (syntax) {
    case 'port':
      return formatPort(Number(value));
    case 'frag':
      return formatFragment(Number(value), Number(mask));
    case 'dscp':
      return String(value << 2n);
    case 'mac': {
      const mac = formatMac(Number(value));
      return mask === full ? mac : `${mac}/${formatMac(Number(mask))}`;
    }
    case 'ipv4':
      return formatMaskedAddress(value, mask, width, (address) => formatIpv4(Number(address)));
    case 'ipv6':
      return formatMaskedAddress(value, mask, width, formatIpv6);
    case 'hex':
      return `0x${value.toString(16).padStart(4, '0')}`;
    default:
      return mask === full ? String(value) : `0x${value.toString(16)}/0x${mask.toString(16)}`;
  }
}

function formatFragment(value: number, mask: number): string {
  const entry = Object.entries(FRAGMENTS).find(([, [v, m]]) => v === value && m === mask);
  return entry ? entry[0] : 'no';
}

function formatMaskedAddress(
  value: bigint,
  mask: bigint,
  width: number,
  format: (address: bigint) => string,
): string {
  const full = (1n << BigInt(width)) - 1n;
  if (mask === full) return format(value);
  const hostBits = full ^ mask;
  // A prefix leaves ones at the low end only.
  const isPrefix = (hostBits & (hostBits + 1n)) === 0n;
  const prefix = width - hostBits.toString(2).length;
  return isPrefix ? `${format(value)}/${prefix}` : `${format(value)}/${format(mask)}`;
}
