// What: Match, the part of a flow that says which frames it is for: a value and a mask over key words. Why: rules,
// delete requests and tests compare in the same few ways. Who: match-text.ts makes and prints it, ofproto holds it.
// Invariant: value has no bit outside of mask.

import { readBits, writeBits } from './bits.ts';
import { FLOW_WORDS } from './key.ts';

/**
 * Matches share memory by this many: most live for the moment in which a flow is parsed, and memory of its own for
 * each would be most of the work.
 */
const SHARED_BY = 16;
const BYTES = FLOW_WORDS * 4;
let shared = new ArrayBuffer(0);
let sharedUsed = 0;

/** Zeroed memory for value and mask of one match: an offset into `shared`. */
function reserve(): number {
  if (sharedUsed + 2 * BYTES > shared.byteLength) {
    shared = new ArrayBuffer(2 * BYTES * SHARED_BY);
    sharedUsed = 0;
  }
  sharedUsed += 2 * BYTES;
  return sharedUsed - 2 * BYTES;
}

export class Match {
  readonly value: Int32Array;
  readonly mask: Int32Array;

  constructor() {
    const at = reserve();
    this.value = new Int32Array(shared, at, FLOW_WORDS);
    this.mask = new Int32Array(shared, at + BYTES, FLOW_WORDS);
  }

  /** True when the key at key[at] has all bits that the match asks for. */
  accepts(key: Int32Array, at = 0): boolean {
    for (let i = 0; i < FLOW_WORDS; i++) {
      if ((key[at + i]! & this.mask[i]!) !== this.value[i]!) return false;
    }
    return true;
  }

  /** True when each frame that `other` accepts is one that this match accepts. */
  covers(other: Match): boolean {
    for (let i = 0; i < FLOW_WORDS; i++) {
      const mask = this.mask[i]!;
      if ((other.mask[i]! & mask) !== mask || (other.value[i]! & mask) !== this.value[i]!) return false;
    }
    return true;
  }

  equals(other: Match): boolean {
    for (let i = 0; i < FLOW_WORDS; i++) {
      if (this.mask[i] !== other.mask[i] || this.value[i] !== other.value[i]) return false;
    }
    return true;
  }

  /**
   * Replaces what the match says of the `width` bits from bit `bit` on (bit 0 is the highest of word 0): afterwards
   * it asks for `value` in the bits of `mask` and for nothing in the others.
   */
  setBits(bit: number, width: number, value: bigint, mask: bigint): void {
    writeBits(this.mask, bit, width, mask);
    writeBits(this.value, bit, width, value & mask);
  }

  /** The same for bits of one word: those of `field`. */
  setWord(word: number, field: number, value: number, mask: number): void {
    this.mask[word] = (this.mask[word]! & ~field) | (mask & field);
    this.value[word] = (this.value[word]! & ~field) | (value & mask & field);
  }

  valueBits(bit: number, width: number): bigint {
    return readBits(this.value, bit, width);
  }

  maskBits(bit: number, width: number): bigint {
    return readBits(this.mask, bit, width);
  }
}
