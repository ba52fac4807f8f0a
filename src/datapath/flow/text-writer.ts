// What: TextWriter, text that grows piece by piece, as bytes. Why: a dump of a million flows is gigabytes of pieces;
// strings of pieces would be a tree that has to be built, collected and copied into one. Who: match-format.ts and
// ofproto/text/flow-format.ts write lines, ofproto/bridge/flow-listing.ts takes pages.
// Invariant: bytes[0, length) is valid UTF-8.

const FIRST_BYTES = 1024;
const HEX_DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
const ZERO = 48;
const DOT = 46;
const COLON = 58;
const MILLION = 1_000_000;
/** Room for the digits of a number of 32 bits, and for those that are written beyond it for speed. */
const DECIMAL_ROOM = 12;

/** The digits of 0 to 999 in the lowest bytes, the first one lowest, and how many there are in the highest. */
const SHORT_DECIMALS = Int32Array.from({ length: 1000 }, (_, number) => {
  let packed = 0;
  for (const digit of String(number).split('').reverse()) packed = (packed << 8) | digit.charCodeAt(0);
  return packed | (String(number).length << 24);
});

export class TextWriter {
  /** Bytes written. */
  length = 0;
  private bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  private isAscii = true;

  /** All that was written, which is forgotten. */
  take(): string {
    const text = this.bytes.toString(this.isAscii ? 'latin1' : 'utf8', 0, this.length);
    this.clear();
    return text;
  }

  /** Forgets all that was written. */
  clear(): void {
    this.length = 0;
    this.isAscii = true;
  }

  /** Writes bytes [from, to) of what was written once more. */
  repeat(from: number, to: number): void {
    if (this.length + to - from > this.bytes.length) this.grow(to - from);
    this.bytes.copyWithin(this.length, from, to);
    this.length += to - from;
  }

  text(text: string): void {
    const { length } = text;
    let at = this.length;
    if (at + length > this.bytes.length) this.grow(length);
    const { bytes } = this;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.encode(text);
        return;
      }
      bytes[at++] = code;
    }
    this.length = at;
  }

  /** One ASCII character by its code. */
  char(code: number): void {
    if (this.length === this.bytes.length) this.grow(1);
    this.bytes[this.length++] = code;
  }

  /** Leaves out the last character, which is an ASCII one. */
  dropLast(): void {
    this.length--;
  }

  /** A number that is not negative. */
  decimal(number: number): void {
    if (number >= MILLION || number !== (number | 0)) {
      this.text(String(number));
      return;
    }
    if (this.length + DECIMAL_ROOM > this.bytes.length) this.grow(DECIMAL_ROOM);
    if (number < 1000) {
      this.putShort(number);
      return;
    }
    const thousands = (number / 1000) | 0;
    this.putShort(thousands);
    this.putRest(number - 1000 * thousands);
  }

  /** The 32 bits of a word in hexadecimal digits: as many as it needs, at least `least`. */
  hex(word: number, least = 1): void {
    const needed = (35 - Math.clz32(word)) >> 2;
    const digits = Math.max(needed, least);
    if (this.length + digits > this.bytes.length) this.grow(digits);
    const { bytes } = this;
    for (let shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
      bytes[this.length++] = HEX_DIGITS[(word >>> shift) & 15]!;
    }
  }

  ipv4(word: number): void {
    this.decimal(word >>> 24);
    this.char(DOT);
    this.decimal((word >>> 16) & 0xff);
    this.char(DOT);
    this.decimal((word >>> 8) & 0xff);
    this.char(DOT);
    this.decimal(word & 0xff);
  }

  /** The MAC address of 16 and 32 bits. */
  mac(high: number, low: number): void {
    this.hex((high >>> 8) & 0xff, 2);
    this.char(COLON);
    this.hex(high & 0xff, 2);
    for (let shift = 24; shift >= 0; shift -= 8) {
      this.char(COLON);
      this.hex((low >>> shift) & 0xff, 2);
    }
  }

  /** 0 to 999. */
  private putShort(number: number): void {
    const { bytes, length: at } = this;
    const packed = SHORT_DECIMALS[number]!;
    bytes[at] = packed;
    bytes[at + 1] = packed >> 8;
    bytes[at + 2] = packed >> 16;
    this.length = at + (packed >> 24);
  }

  /** 0 to 999 with three digits. */
  private putRest(number: number): void {
    const { bytes, length: at } = this;
    const hundreds = (number / 100) | 0;
    const tens = ((number - 100 * hundreds) / 10) | 0;
    bytes[at] = ZERO + hundreds;
    bytes[at + 1] = ZERO + tens;
    bytes[at + 2] = ZERO + number - 100 * hundreds - 10 * tens;
    this.length = at + 3;
  }

  /** Text with other characters than those of ASCII. */
  private encode(text: string): void {
    const room = 3 * text.length;
    if (this.length + room > this.bytes.length) this.grow(room);
    this.length += this.bytes.write(text, this.length, 'utf8');
    this.isAscii = false;
  }

  private grow(room: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.length + room));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
