// What: MAC, IPv4 and IPv6 addresses from and to text, as words, and MAC addresses as 48-bit integers too. Why: keys and
// fields hold addresses as words, the MAC table and actions as integers. Flow files hold many addresses, so that nothing
// is allocated but the result. Who: the parsers and printers of flow/ and actions/, the MAC table. Pure. The text is what
// inet_ntop(3) prints, because flow dumps are compared with those of Open vSwitch.

const COLON = 58;
const DOT = 46;

/** Value of a hexadecimal digit, by its character code; 16 for other characters. */
export function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : 16;
}

/** `a.b.c.d` in text[from, to) as 0..2^32-1; NaN when it is none. */
export function parseIpv4Text(text: string, from: number, to: number): number {
  let address = 0;
  let byte = 0;
  let digits = 0;
  let dots = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code >= 48 && code <= 57 && digits < 3) {
      byte = byte * 10 + code - 48;
      digits++;
    } else if (code === DOT && digits > 0 && byte < 256 && dots < 3) {
      address = address * 256 + byte;
      byte = 0;
      digits = 0;
      dots++;
    } else {
      return Number.NaN;
    }
  }
  return dots === 3 && digits > 0 && byte < 256 ? address * 256 + byte : Number.NaN;
}

/** `aa:bb:cc:dd:ee:ff` in text[from, to), bytes of one or two digits, into two words: 16 bits, then 32. */
export function parseMacText(text: string, from: number, to: number, words: Int32Array, at: number): boolean {
  let high = 0;
  let low = 0;
  let byte = 0;
  let digits = 0;
  let bytes = 0;
  for (let i = from; i <= to; i++) {
    const code = i < to ? text.charCodeAt(i) : COLON;
    const digit = hexDigit(code);
    if (digit < 16 && digits < 2) {
      byte = byte * 16 + digit;
      digits++;
    } else if (code === COLON && digits > 0 && bytes < 6) {
      if (bytes < 2) high = (high << 8) | byte;
      else low = (low << 8) | byte;
      byte = 0;
      digits = 0;
      bytes++;
    } else {
      return false;
    }
  }
  words[at] = high;
  words[at + 1] = low;
  return bytes === 6;
}

const macWords = new Int32Array(2);

/** `aa:bb:cc:dd:ee:ff` as a 48-bit integer; undefined when the text is no MAC address. */
export function parseMac(text: string): number | undefined {
  if (!parseMacText(text, 0, text.length, macWords, 0)) return undefined;
  return macWords[0]! * 2 ** 32 + (macWords[1]! >>> 0);
}

const groups = new Uint16Array(8);

/** An IPv6 address (RFC 4291, 2.2) in text[from, to) into four words. */
export function parseIpv6Text(text: string, from: number, to: number, words: Int32Array): boolean {
  let count = 0;
  /** Groups before the "::". */
  let gap = -1;
  let at = from;
  if (to - from >= 2 && text.charCodeAt(from) === COLON) {
    if (text.charCodeAt(from + 1) !== COLON) return false;
    gap = 0;
    at += 2;
  }
  while (at < to) {
    const start = at;
    let group = 0;
    while (at < to && at - start < 4 && hexDigit(text.charCodeAt(at)) < 16) {
      group = group * 16 + hexDigit(text.charCodeAt(at));
      at++;
    }
    if (at === start) return false;
    if (at < to && text.charCodeAt(at) === DOT) {
      const ipv4 = parseIpv4Text(text, start, to);
      if (Number.isNaN(ipv4) || count > 6) return false;
      groups[count++] = ipv4 >>> 16;
      groups[count++] = ipv4 & 0xffff;
      at = to;
      break;
    }
    if (count === 8) return false;
    groups[count++] = group;
    if (at === to) break;
    if (text.charCodeAt(at) !== COLON) return false;
    at++;
    if (at < to && text.charCodeAt(at) === COLON) {
      if (gap >= 0) return false;
      gap = count;
      at++;
    } else if (at === to) {
      return false;
    }
  }
  if (gap < 0 ? count !== 8 : count > 7) return false;
  if (gap >= 0) {
    groups.copyWithin(8 - (count - gap), gap, count);
    groups.fill(0, gap, 8 - (count - gap));
  }
  for (let i = 0; i < 4; i++) words[i] = (groups[2 * i]! << 16) | groups[2 * i + 1]!;
  return true;
}

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The MAC address with these 16 and 32 bits. */
export function formatMacWords(high: number, low: number): string {
  return `${HEX_BYTES[(high >>> 8) & 0xff]}:${HEX_BYTES[high & 0xff]}:${HEX_BYTES[low >>> 24]}:${
    HEX_BYTES[(low >>> 16) & 0xff]
  }:${HEX_BYTES[(low >>> 8) & 0xff]}:${HEX_BYTES[low & 0xff]}`;
}

/** The same of a 48-bit integer. */
export function formatMac(mac: number): string {
  return formatMacWords(Math.floor(mac / 2 ** 32), mac | 0);
}

export function formatIpv4Word(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

/** The address in words[at, at + 4) in the shortest text form (RFC 5952), with a dotted end where inet_ntop has one. */
export function formatIpv6Words(words: Int32Array, at: number): string {
  for (let i = 0; i < 4; i++) {
    groups[2 * i] = words[at + i]! >>> 16;
    groups[2 * i + 1] = words[at + i]! & 0xffff;
  }
  let start = 0;
  let length = 0;
  for (let from = 0, to = 0; from < 8; from = to + 1) {
    for (to = from; to < 8 && groups[to] === 0; ) to++;
    if (to - from > length) {
      start = from;
      length = to - from;
    }
  }
  const isMapped = start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff));
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (length >= 2 && i === start) {
      text += '::';
      i += length - 1;
    } else if (i === 6 && isMapped) {
      return `${text}${text.endsWith(':') ? '' : ':'}${formatIpv4Word(words[at + 3]!)}`;
    } else {
      if (i > 0 && !text.endsWith(':')) text += ':';
      text += groups[i]!.toString(16);
    }
  }
  return text;
}

/** Length of the prefix that a mask of 32 bits asks for, -1 when its ones are not all at the top. */
export function prefixLength(mask: number): number {
  const rest = ~mask;
  return (rest & (rest + 1)) === 0 ? Math.clz32(rest) : -1;
}

/** The same for a mask of four words. */
export function prefixLength128(words: Int32Array, at: number): number {
  let length = 0;
  for (let i = 0; i < 4; i++) {
    const part = prefixLength(words[at + i]!);
    if (part < 0 || (part > 0 && length < 32 * i)) return -1;
    length += part;
  }
  return length;
}
