// What: Match, the part of a flow that says which frames it is for: a value and a mask over key words. Why: rules,
// delete requests and tests compare in the same few ways. Who: match-text.ts makes and prints it, ofproto holds it.
// Invariant: value has no bit outside of mask.

import { KEY_WORDS } from './key.ts';

export class Match {
  readonly value = new Int32Array(KEY_WORDS);
  readonly mask = new Int32Array(KEY_WORDS);

  /** True when the key at key[at] has all bits that the match asks for. */
  accepts(key: Int32Array, at = 0): boolean {
    for (let i = 0; i < KEY_WORDS; i++) {
      if ((key[at + i]! & this.mask[i]!) !== this.value[i]!) return false;
    }
    return true;
  }

  /** True when each frame that `other` accepts is one that this match accepts. */
  covers(other: Match): boolean {
    for (let i = 0; i < KEY_WORDS; i++) {
      const mask = this.mask[i]!;
      if ((other.mask[i]! & mask) !== mask || (other.value[i]! & mask) !== this.value[i]!) return false;
    }
    return true;
  }

  equals(other: Match): boolean {
    for (let i = 0; i < KEY_WORDS; i++) {
      if (this.mask[i] !== other.mask[i] || this.value[i] !== other.value[i]) return false;
    }
    return true;
  }

  /**
   * Replaces what the match says of the `width` bits from bit `bit` on (bit 0 is the highest of word 0): afterwards
   * it asks for `value` in the bits of `mask` and for nothing in the others.
   */
  setBits(bit: number, width: number, value: bigint, mask: bigint): void {
    const end = bit + width;
    for (let word = bit >> 5; word <= (end - 1) >> 5; word++) {
      // Bits of the field below this word, or, when negative, bits of the word below the field.
      const below = end - 32 * (word + 1);
      const inField = wordOf((1n << BigInt(width)) - 1n, below);
      const asked = wordOf(mask, below) & inField;
      this.mask[word] = (this.mask[word]! & ~inField) | asked;
      this.value[word] = (this.value[word]! & ~inField) | (wordOf(value, below) & asked);
    }
  }

  valueBits(bit: number, width: number): bigint {
    return readBits(this.value, bit, width);
  }

  maskBits(bit: number, width: number): bigint {
    return readBits(this.mask, bit, width);
  }
}

/** 32 bits of an integer as Int32: those from bit `below` up, or all of it moved up when `below` is negative. */
function wordOf(bits: bigint, below: number): number {
  return Number(BigInt.asIntN(32, below >= 0 ? bits >> BigInt(below) : bits << BigInt(-below)));
}

/** `width` bits from bit `bit` on; bit 0 is the highest of word 0. */
export function readBits(words: Int32Array, bit: number, width: number): bigint {
  let bits = 0n;
  for (let word = bit >> 5; word <= (bit + width - 1) >> 5; word++) {
    bits = (bits << 32n) | BigInt(words[word]! >>> 0);
  }
  const below = 31 - ((bit + width - 1) & 31);
  return (bits >> BigInt(below)) & ((1n << BigInt(width)) - 1n);
}
