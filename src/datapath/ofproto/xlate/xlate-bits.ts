// What: copying runs of bits between arrays of key words, without bigints. Why: move, push, pop, learn and output to a
// field run in translations. Who: xlate-*.ts, learn.ts. Bit 0 is the highest bit of word 0.

import type { Subfield } from '../../actions/action.ts';

/** Words of the widest subfield. */
export const VALUE_WORDS = 4;
const VALUE_BITS = 32 * VALUE_WORDS;

/** Copies `width` bits. The two runs may not overlap in one array. */
function copyBits(from: Int32Array, fromBit: number, to: Int32Array, toBit: number, width: number): void {
  for (let done = 0; done < width; ) {
    // The lowest bits that are not copied yet.
    const fromLow = fromBit + width - 1 - done;
    const toLow = toBit + width - 1 - done;
    const fromShift = 31 - (fromLow & 31);
    const toShift = 31 - (toLow & 31);
    const count = Math.min(width - done, 32 - Math.max(fromShift, toShift));
    const ones = count === 32 ? -1 : (1 << count) - 1;
    const bits = (from[fromLow >> 5]! >>> fromShift) & ones;
    const word = toLow >> 5;
    to[word] = (to[word]! & ~(ones << toShift)) | (bits << toShift);
    done += count;
  }
}

/** Number of the highest bit of a subfield, as key.ts counts. */
export function firstBit({ field, offset, width }: Subfield): number {
  return field.bit + field.width - offset - width;
}

/** Reads a subfield into the low bits of `value`, which has VALUE_WORDS words; the others become 0. */
export function readSubfield(words: Int32Array, subfield: Subfield, value: Int32Array): void {
  value.fill(0);
  copyBits(words, firstBit(subfield), value, VALUE_BITS - subfield.width, subfield.width);
}

/** Writes the low bits of `value` into a run of bits. */
export function writeValue(words: Int32Array, bit: number, width: number, value: Int32Array): void {
  copyBits(value, VALUE_BITS - width, words, bit, width);
}

/** The value as a number, when it is below 2^32; else -1. */
export function smallNumber(value: Int32Array): number {
  return value[0] === 0 && value[1] === 0 && value[2] === 0 ? value[3]! >>> 0 : -1;
}

/** The other way around. */
export function setNumber(value: Int32Array, number: number): void {
  value.fill(0);
  value[3] = number | 0;
}
