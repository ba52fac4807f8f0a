// What: reading and writing a run of bits in an array of words, as bigints. Why: fields lie anywhere in a key, up to
// 128 bits of them. Who: whoever deals with a field given by name (text, set_field, load, move, learn); not the hot
// paths. Bit 0 is the highest bit of word 0.

/** `width` bits from bit `bit` on. */
export function readBits(words: Int32Array, bit: number, width: number): bigint {
  const last = bit + width - 1;
  let bits = 0n;
  for (let word = bit >> 5; word <= last >> 5; word++) bits = (bits << 32n) | BigInt(words[word]! >>> 0);
  return (bits >> BigInt(31 - (last & 31))) & ((1n << BigInt(width)) - 1n);
}

/** Sets `width` bits from bit `bit` on to the low bits of `value`. */
export function writeBits(words: Int32Array, bit: number, width: number, value: bigint): void {
  const end = bit + width;
  const bits = BigInt.asUintN(width, value);
  for (let word = bit >> 5; word <= (end - 1) >> 5; word++) {
    const inField = wordMask(bit, end, word);
    words[word] = (words[word]! & ~inField) | (wordOf(bits, end - 32 * (word + 1)) & inField);
  }
}

/** Sets `width` bits from bit `bit` on to ones. */
export function fillBits(words: Int32Array, bit: number, width: number): void {
  const end = bit + width;
  for (let word = bit >> 5; word <= (end - 1) >> 5; word++) words[word]! |= wordMask(bit, end, word);
}

/** The bits of a word that lie in [bit, end). The word holds at least one of them. */
function wordMask(bit: number, end: number, word: number): number {
  const from = Math.max(bit - 32 * word, 0);
  const to = Math.min(end - 32 * word, 32);
  return (-1 >>> from) & (-1 << (32 - to));
}

/** 32 bits of an integer as Int32: those from bit `below` up, or all of it moved up when `below` is negative. */
function wordOf(bits: bigint, below: number): number {
  return Number(BigInt.asIntN(32, below >= 0 ? bits >> BigInt(below) : bits << BigInt(-below)));
}
