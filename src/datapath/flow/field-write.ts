// What: the value of one field of a flow, with its name in front and a comma behind it, into a TextWriter; nothing when
// the mask does not ask for it. Why: match-format.ts says which fields come in which order, this how each kind of field
// reads. Who: match-format.ts. Allocates nothing, but for IPv6 addresses and names of ports.

import { prefixLength } from '../wire/address-text.ts';
import { formatMaskedIpv6 } from './field-format.ts';
import { formatPort, OFPORT_MAX, type PortNamer } from './port-number.ts';
import type { TextWriter } from './text-writer.ts';

const COMMA = 44;
const SLASH = 47;

/** A MAC address that starts with word `at`, if the mask asks for it. */
export function writeFirstMac(
  out: TextWriter,
  name: string,
  value: Int32Array,
  mask: Int32Array,
  at: number,
): void {
  if ((mask[at]! | (mask[at + 1]! >>> 16)) === 0) return;
  const low = (value[at]! << 16) | (value[at + 1]! >>> 16);
  const maskLow = (mask[at]! << 16) | (mask[at + 1]! >>> 16);
  writeMaskedMac(out, name, value[at]! >>> 16, low, mask[at]! >>> 16, maskLow);
}

/** The one behind it, which starts in the middle of a word. */
export function writeSecondMac(
  out: TextWriter,
  name: string,
  value: Int32Array,
  mask: Int32Array,
  at: number,
): void {
  if ((mask[at + 2]! | (mask[at + 1]! & 0xffff)) === 0) return;
  writeMaskedMac(out, name, value[at + 1]! & 0xffff, value[at + 2]!, mask[at + 1]! & 0xffff, mask[at + 2]!);
}

function writeMaskedMac(
  out: TextWriter,
  name: string,
  high: number,
  low: number,
  maskHigh: number,
  maskLow: number,
): void {
  out.text(name);
  out.mac(high, low);
  if (maskHigh !== 0xffff || maskLow !== -1) {
    out.char(SLASH);
    out.mac(maskHigh, maskLow);
  }
  out.char(COMMA);
}

/** An IPv4 address, if the mask asks for it. */
export function writeMaskedIpv4(out: TextWriter, name: string, address: number, mask: number): void {
  if (mask === 0) return;
  out.text(name);
  out.ipv4(address);
  if (mask !== -1) {
    out.char(SLASH);
    const prefix = prefixLength(mask);
    if (prefix >= 0) out.decimal(prefix);
    else out.ipv4(mask);
  }
  out.char(COMMA);
}

/** An IPv6 address, if the mask asks for it. */
export function writeMaskedIpv6(
  out: TextWriter,
  name: string,
  value: Int32Array,
  mask: Int32Array,
  at: number,
): void {
  if ((mask[at]! | mask[at + 1]! | mask[at + 2]! | mask[at + 3]!) === 0) return;
  out.text(name);
  out.text(formatMaskedIpv6(value, at, mask, at));
  out.char(COMMA);
}

export function writeDecimal(out: TextWriter, name: string, number: number): void {
  out.text(name);
  out.decimal(number);
  out.char(COMMA);
}

export function writeHex(out: TextWriter, name: string, word: number): void {
  out.text(name);
  writeShortHex(out, word);
  out.char(COMMA);
}

/** Hexadecimal with 0x, but for a plain 0. */
function writeShortHex(out: TextWriter, word: number): void {
  if (word !== 0) out.text('0x');
  out.hex(word);
}

export function writePort(
  out: TextWriter,
  name: string,
  port: number,
  portName: PortNamer | undefined,
): void {
  out.text(name);
  if (portName === undefined && port <= OFPORT_MAX) out.decimal(port);
  else out.text(formatPort(port, portName));
  out.char(COMMA);
}

/** A transport port, if the mask asks for it. */
export function writeMasked16(out: TextWriter, name: string, value: number, mask: number): void {
  if (mask === 0) return;
  if (mask === 0xffff) {
    writeDecimal(out, name, value);
    return;
  }
  out.text(name);
  out.text('0x');
  out.hex(value);
  out.text('/0x');
  out.hex(mask);
  out.char(COMMA);
}

export function writeMasked32(
  out: TextWriter,
  name: string,
  value: Int32Array,
  mask: Int32Array,
  word: number,
): void {
  out.text(name);
  writeShortHex(out, value[word]!);
  if (mask[word] !== -1) {
    out.char(SLASH);
    writeShortHex(out, mask[word]!);
  }
  out.char(COMMA);
}

/** 64 bits from two words. */
export function writeMasked64(
  out: TextWriter,
  name: string,
  value: Int32Array,
  mask: Int32Array,
  word: number,
): void {
  out.text(name);
  writeShortHex64(out, value[word]!, value[word + 1]!);
  if ((mask[word]! & mask[word + 1]!) !== -1) {
    out.char(SLASH);
    writeShortHex64(out, mask[word]!, mask[word + 1]!);
  }
  out.char(COMMA);
}

function writeShortHex64(out: TextWriter, high: number, low: number): void {
  writeShortHex(out, high === 0 ? low : high);
  if (high !== 0) out.hex(low, 8);
}
