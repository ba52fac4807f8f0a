// What: the value of one field from text: `10.0.0.0/8`, `0x5/0xff`, `+syn-ack`, `LOCAL`. Why: matches and
// actions (set_field, load) write values alike. Who: match-text.ts, which reads into words; actions, with bigints.
// field-format.ts has the other direction.
// The reader leaves its result in module variables, since a file of 100,000 flows has a million values.
// Text that Open vSwitch would silently cut to the width of the field is refused.

import { parseIpv4Text, parseIpv6Text, parseMacText } from '../wire/address-text.ts';
import { readBits, writeBits } from './bits.ts';
import { type Field, fieldMask } from './fields.ts';
import { NW_FRAG_ANY, NW_FRAG_LATER, VLAN_PRESENT, VLAN_VID_MASK } from './key.ts';
import { type PortResolver, parseAnyPort } from './port-number.ts';
import { parseUnsigned, syntaxError, valueError } from './syntax.ts';

/** The value of a token, and where it stands, for errors. */
export interface ValueToken {
  key: string;
  value: string | undefined;
  valueAt: number;
  keyAt?: number;
}

/** The value read last, and its mask, right-aligned: the last word holds the lowest 32 bits. */
export const readValue = new Int32Array(4);
export const readMask = new Int32Array(4);
const WORDS = 4;
const LOW = WORDS - 1;

/** nw_frag by name: value and mask (ovs-fields(7), "ip_frag"). */
export const FRAGMENTS: Readonly<Record<string, readonly [number, number]>> = {
  no: [0, NW_FRAG_ANY | NW_FRAG_LATER],
  yes: [NW_FRAG_ANY, NW_FRAG_ANY],
  first: [NW_FRAG_ANY, NW_FRAG_ANY | NW_FRAG_LATER],
  later: [NW_FRAG_ANY | NW_FRAG_LATER, NW_FRAG_ANY | NW_FRAG_LATER],
  not_later: [0, NW_FRAG_LATER],
};

/** TCP flags, lowest bit first (RFC 9293, 3.1); the last three have no name. */
export const TCP_FLAGS = 'fin syn rst psh ack urg ece cwr ns [200] [400] [800]'.split(' ');
export const ALL_TCP_FLAGS = 0xfff;

/**
 * Reads a value and perhaps a mask into readValue and readMask; the value has no bit outside of the mask. dl_vlan and
 * vlan_vid give 13 bits, with VLAN_PRESENT. Throws SwitchError invalid-argument that points into `text`.
 */
export function readFieldText(
  text: string,
  token: ValueToken,
  field: Field,
  resolvePort: PortResolver,
): void {
  const written = token.value ?? '';
  readValue.fill(0);
  readMask.fill(0);
  switch (field.syntax) {
    case 'mac':
      readMac(text, token, field, written);
      break;
    case 'ipv4':
      readIpv4(text, token, field, written);
      break;
    case 'ipv6':
      readIpv6(text, token, field, written);
      break;
    case 'port':
      readPort(text, token, field, written, resolvePort);
      break;
    case 'frag':
      readFragment(text, token, written);
      break;
    case 'tcp_flags':
      readTcpFlags(text, token, field, written);
      break;
    default:
      readNumbers(text, token, field, written);
  }
  for (let i = 0; i < WORDS; i++) readValue[i]! &= readMask[i]!;
}

function readMac(text: string, token: ValueToken, field: Field, written: string): void {
  const slash = written.indexOf('/');
  const valid =
    parseMacText(written, 0, slash < 0 ? written.length : slash, readValue, 2) &&
    (slash < 0 || parseMacText(written, slash + 1, written.length, readMask, 2));
  if (!valid) {
    throw valueError(text, token, 'a MAC address such as 02:00:00:00:00:01, or address/mask');
  }
  if (slash < 0) setWholeMask(field);
}

function readIpv4(text: string, token: ValueToken, field: Field, written: string): void {
  const slash = written.indexOf('/');
  const address = parseIpv4Text(written, 0, slash < 0 ? written.length : slash);
  if (Number.isNaN(address)) throw addressError(text, token, field, 'IPv4');
  readValue[LOW] = address;
  if (slash < 0) {
    readMask[LOW] = -1;
    return;
  }
  const prefix = parseUnsigned(written, slash + 1, written.length);
  if (prefix <= 32) {
    readMask[LOW] = prefix === 0 ? 0 : -1 << (32 - prefix);
    return;
  }
  const mask = parseIpv4Text(written, slash + 1, written.length);
  if (Number.isNaN(mask)) throw addressError(text, token, field, 'IPv4');
  readMask[LOW] = mask;
}

function readIpv6(text: string, token: ValueToken, field: Field, written: string): void {
  const slash = written.indexOf('/');
  if (!parseIpv6Text(written, 0, slash < 0 ? written.length : slash, readValue)) {
    throw addressError(text, token, field, 'IPv6');
  }
  const prefix = slash < 0 ? 128 : parseUnsigned(written, slash + 1, written.length);
  if (prefix <= 128) {
    for (let i = 0; i < WORDS; i++) {
      const bits = Math.min(32, Math.max(0, prefix - 32 * i));
      readMask[i] = bits === 0 ? 0 : -1 << (32 - bits);
    }
  } else if (!parseIpv6Text(written, slash + 1, written.length, readMask)) {
    throw addressError(text, token, field, 'IPv6');
  }
}

function addressError(text: string, token: ValueToken, field: Field, family: string) {
  const forms = 'address/mask or address/prefix with a prefix length';
  return valueError(text, token, `an ${family} address, or ${forms} 0 to ${field.width}`);
}

function readPort(
  text: string,
  token: ValueToken,
  field: Field,
  written: string,
  resolvePort: PortResolver,
): void {
  const port = parseAnyPort(written, resolvePort);
  if (port === undefined) throw valueError(text, token, 'a port number 0 to 65279, LOCAL or a port name');
  readValue[LOW] = port;
  setWholeMask(field);
}

function readFragment(text: string, token: ValueToken, written: string): void {
  const fragment = FRAGMENTS[written.toLowerCase()];
  if (!fragment) throw valueError(text, token, `one of ${Object.keys(FRAGMENTS).join(', ')}`);
  readValue[LOW] = fragment[0];
  readMask[LOW] = fragment[1];
}

/** `+syn-ack`, `syn|ack` (and no others), `2/0x12` or `2`. */
function readTcpFlags(text: string, token: ValueToken, field: Field, written: string): void {
  const first = written.charCodeAt(0);
  if (first >= 48 && first <= 57 && !written.includes('|')) {
    readNumbers(text, token, field, written);
    return;
  }
  const isSigned = first === 43 || first === 45;
  let value = 0;
  let mask = isSigned ? 0 : ALL_TCP_FLAGS;
  const parts = written.match(isSigned ? /[+-][^+-]*/g : /[^|]+/g) ?? [];
  for (const part of parts) {
    const flag = tcpFlag(isSigned ? part.slice(1) : part);
    if (Number.isNaN(flag) || (isSigned && mask & flag)) {
      throw valueError(
        text,
        token,
        'flags such as +syn-ack (set, not set), or syn|ack (these only), each once, of fin, syn, rst, psh, ack, urg, ece, cwr, ns',
      );
    }
    if (isSigned) mask |= flag;
    if (!isSigned || part.startsWith('+')) value |= flag;
  }
  if (parts.length === 0) throw valueError(text, token, 'flags such as +syn-ack');
  readValue[LOW] = value;
  readMask[LOW] = mask;
}

function tcpFlag(name: string): number {
  const index = TCP_FLAGS.indexOf(name);
  if (index >= 0) return 1 << index;
  const number = parseUnsigned(name, 0, name.length);
  return number <= ALL_TCP_FLAGS ? number : Number.NaN;
}

function readNumbers(text: string, token: ValueToken, field: Field, written: string): void {
  const slash = written.indexOf('/');
  readNumber(text, token, field, written, 0, slash < 0 ? written.length : slash, readValue);
  if (slash < 0) {
    setWholeMask(field);
    return;
  }
  // A mask of whole bytes stands for one of all bits of the field.
  const bytes = Math.ceil(field.width / 8);
  const mask = parseUnsigned(written, slash + 1, written.length);
  if (field.width <= 32 && mask === 2 ** (8 * bytes) - 1) {
    setWholeMask(field);
    return;
  }
  readNumber(text, token, field, written, slash + 1, written.length, readMask);
  if (field.maskable || isZero(readMask) || isWholeMask(field)) return;
  throw syntaxError(
    text,
    token.valueAt + slash,
    written.length - slash,
    `${token.key} takes no mask`,
    'a value',
  );
}

function readNumber(
  text: string,
  token: ValueToken,
  field: Field,
  written: string,
  from: number,
  to: number,
  into: Int32Array,
): void {
  const number = parseUnsigned(written, from, to);
  const isMask = into === readMask;
  if (!(number <= largest(field))) throw numberError(text, token, field);
  if (field.syntax === 'dscp' && !isMask && (number & 3) !== 0) throw numberError(text, token, field);
  if (field.syntax === 'vid') {
    into[LOW] = number | VLAN_PRESENT;
  } else if (number <= Number.MAX_SAFE_INTEGER) {
    into[LOW - 1] = Math.floor(number / 2 ** 32);
    into[LOW] = number;
  } else {
    const big = BigInt(written.slice(from, to));
    if (big >> BigInt(field.width) !== 0n) throw numberError(text, token, field);
    writeBits(into, 0, 32 * WORDS, big);
  }
}

/** The largest number of so many bits. */
const LARGEST = Array.from({ length: 129 }, (_, width) => 2 ** width - 1);

/** The largest number that may be written for a field; inexact above 2^53. */
function largest(field: Field): number {
  return field.syntax === 'vid_present' ? 0x1fff : LARGEST[field.width]!;
}

function numberError(text: string, token: ValueToken, field: Field) {
  const bits = fieldMask(field);
  switch (field.syntax) {
    case 'dscp':
      return valueError(text, token, 'a multiple of 4 from 0 to 252');
    case 'vid':
      return valueError(text, token, 'a VLAN number 0 to 4095, or 0xffff for frames without a tag');
    case 'vid_present':
      return valueError(text, token, 'a VLAN number plus 0x1000, or value/mask of these 13 bits');
    default:
      return valueError(text, token, `a number 0 to ${field.width > 32 ? `0x${bits.toString(16)}` : bits}`);
  }
}

function setWholeMask(field: Field): void {
  if (field.width <= 32) readMask[LOW] = wholeMask(field);
  else readMask.fill(-1, WORDS - (field.width >>> 5));
  // The upper 16 of 48 bits.
  if (field.width === 48) readMask[LOW - 1] = 0xffff;
}

function isWholeMask(field: Field): boolean {
  return field.width > 32 ? false : readMask[LOW] === wholeMask(field);
}

/** All bits that the value of a field of up to 32 bits may have. */
function wholeMask(field: Field): number {
  if (field.syntax === 'vid' || field.syntax === 'vid_present') return VLAN_PRESENT | VLAN_VID_MASK;
  if (field.syntax === 'dscp') return 0xfc;
  return field.width === 32 ? -1 : (1 << field.width) - 1;
}

function isZero(words: Int32Array): boolean {
  return (words[0]! | words[1]! | words[2]! | words[3]!) === 0;
}

/**
 * Value and mask of a field from text, lowest bit first. vlan_vid and dl_vlan have VLAN_PRESENT above their 12 bits.
 * The mask is whole when the text has none. Throws SwitchError invalid-argument.
 */
export function parseFieldValue(
  text: string,
  token: ValueToken,
  field: Field,
  resolvePort: PortResolver,
): { value: bigint; mask: bigint } {
  readFieldText(text, token, field, resolvePort);
  return { value: readBits(readValue, 0, 32 * WORDS), mask: readBits(readMask, 0, 32 * WORDS) };
}
