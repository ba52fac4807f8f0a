// What: the value of one field to text, as set_field and dumps print it. Why: matches, actions, keys and megaflows show
// values alike. Who: match-format.ts and odp-text.ts with words; actions with bigints. field-text.ts reads values.

import {
  formatIpv4Word,
  formatIpv6Words,
  formatMacWords,
  prefixLength,
  prefixLength128,
} from '../wire/address-text.ts';
import { writeBits } from './bits.ts';
import { ALL_TCP_FLAGS, FRAGMENTS, TCP_FLAGS } from './field-text.ts';
import { type Field, fieldMask } from './fields.ts';
import { NW_FRAG_ANY, NW_FRAG_LATER } from './key.ts';
import { formatPort, type PortNamer } from './port-number.ts';

const WORDS = 4;
const MASK_OF_32 = 0xffff_ffff;
const scratch = new Int32Array(2 * WORDS);

/** A value as set_field prints it. */
export function formatFieldValue(field: Field, value: bigint, mask: bigint, portName?: PortNamer): string {
  const all = fieldMask(field);
  if (mask === 0n) return 'ANY';
  writeBits(scratch, 0, 128, value);
  writeBits(scratch, 128, 128, mask);
  const isWhole = (mask & all) === all;
  switch (field.syntax) {
    case 'port':
      if (!isWhole) return `${value}/${formatBigHex(mask)}`;
      return formatPort(Number(value & 0xffffn), portName);
    case 'mac':
      return formatMaskedMac(scratch[2]!, scratch[3]!, scratch[6]!, scratch[7]!);
    case 'ipv4':
      return formatMaskedIpv4(scratch[3]!, scratch[7]!);
    case 'ipv6':
      return formatMaskedIpv6(scratch, 0, scratch, WORDS);
    case 'frag':
      return formatFragment(scratch[3]!, scratch[7]!);
    case 'tcp_flags':
      return formatTcpFlags(scratch[3]!, scratch[7]!);
    case 'hex':
      return isWhole ? formatBigHex(value) : `${formatBigHex(value)}/${formatBigHex(mask)}`;
    default:
      return isWhole ? String(value) : `${value}/${formatBigHex(mask)}`;
  }
}

/** Hexadecimal with 0x, but for a plain 0. */
export function formatBigHex(value: bigint): string {
  return value === 0n ? '0' : `0x${value.toString(16)}`;
}

/** The same for 32 bits. */
export function formatHex(word: number): string {
  return word === 0 ? '0' : `0x${(word >>> 0).toString(16)}`;
}

/** A MAC address of 16 and 32 bits, with its mask unless that is whole. */
export function formatMaskedMac(high: number, low: number, maskHigh: number, maskLow: number): string {
  const mac = formatMacWords(high, low);
  if ((maskHigh & 0xffff) === 0xffff && maskLow >>> 0 === MASK_OF_32) return mac;
  return `${mac}/${formatMacWords(maskHigh, maskLow)}`;
}

function formatMaskedIpv4(address: number, mask: number): string {
  if (mask === -1) return formatIpv4Word(address);
  const prefix = prefixLength(mask);
  return `${formatIpv4Word(address)}/${prefix >= 0 ? prefix : formatIpv4Word(mask)}`;
}

export function formatMaskedIpv6(
  value: Int32Array,
  valueAt: number,
  mask: Int32Array,
  maskAt: number,
): string {
  const address = formatIpv6Words(value, valueAt);
  const prefix = prefixLength128(mask, maskAt);
  if (prefix === 128) return address;
  return `${address}/${prefix >= 0 ? prefix : formatIpv6Words(mask, maskAt)}`;
}

/** nw_frag by name, as far as the mask asks for it. */
export function formatFragment(value: number, mask: number): string {
  for (const name in FRAGMENTS) {
    const fragment = FRAGMENTS[name]!;
    if (fragment[0] === (value & mask) && fragment[1] === mask) return name;
  }
  // Bits that no name stands for: a later fragment is one; no fragment at all.
  if (mask === NW_FRAG_ANY) return 'no';
  return mask === NW_FRAG_LATER ? 'later' : '<error>';
}

export function formatTcpFlags(value: number, mask: number): string {
  const isWhole = mask === ALL_TCP_FLAGS;
  let text = '';
  for (const [bit, name] of TCP_FLAGS.entries()) {
    if (!isWhole && mask & (1 << bit)) text += `${value & (1 << bit) ? '+' : '-'}${name}`;
    if (isWhole && value & (1 << bit)) text += text === '' ? name : `|${name}`;
  }
  return text === '' ? '0' : text;
}
