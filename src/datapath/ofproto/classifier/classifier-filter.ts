// What: WordFilter, whether any rule of a hash table can have what the key has in one word, told by few bits. Why: most
// tables have nothing for most keys; so the probe is spared, and the wildcards need the bits of one word instead of the
// whole mask of the table (Open vSwitch has staged lookup and prefix tracking for that). Who: classifier-tree.ts counts
// rules in and out, classifier.ts asks.
// How: counters by a hash of the word under a mask: the first 16 bits of an address and the first 8, or all that the
// table looks at in another word. Counter 0 means no rule; another number may mean one.
// Invariants: a counter is the number of rules that fall on it, or, once that was MANY, stays at MANY; `present` has the
// bit of a counter exactly while that is not 0, so that a lookup reads some hundred bytes and not some thousand.

import {
  FLOW_WORDS,
  KEY_IN_PORT,
  KEY_IPV6_DST,
  KEY_IPV6_SRC,
  KEY_METADATA,
  KEY_NW_DST,
  KEY_NW_SRC,
} from '../../flow/key.ts';
import type { HashMask } from './classifier-masks.ts';

const FIRST_BITS = 6;
const LAST_BITS = 14;
const MANY = 0xffff;
const FINE = 0xffff_0000 | 0;
const COARSE = 0xff00_0000 | 0;

export class WordFilter {
  readonly word: number;
  /** Index of the word in the mask of the table. */
  readonly wordIndex: number;
  readonly mask: number;
  /** 0: there is no coarser look. */
  readonly coarseMask: number;
  private counts = new Uint16Array(1 << FIRST_BITS);
  private present = new Int32Array(1 << (FIRST_BITS - 5));
  private shift = 32 - FIRST_BITS;
  private readonly coarseCounts: Uint16Array;
  /** Counters that are not 0. */
  private used = 0;

  constructor(word: number, wordIndex: number, mask: number, coarseMask: number) {
    this.word = word;
    this.wordIndex = wordIndex;
    this.mask = mask;
    this.coarseMask = coarseMask;
    this.coarseCounts = new Uint16Array(coarseMask === 0 ? 0 : 256);
  }

  /** Counts a rule in that has this value in the word. True: the counters are crowded; grow() and count all in again. */
  add(value: number): boolean {
    const at = this.indexOf(value);
    if (this.counts[at] === 0) {
      this.used++;
      this.present[at >>> 5] = this.present[at >>> 5]! | (1 << (at & 31));
    }
    if (this.counts[at]! < MANY) this.counts[at]!++;
    if (this.coarseMask !== 0) {
      const coarse = value >>> 24;
      if (this.coarseCounts[coarse]! < MANY) this.coarseCounts[coarse]!++;
    }
    return 4 * this.used > this.counts.length && this.counts.length < 1 << LAST_BITS;
  }

  remove(value: number): void {
    const at = this.indexOf(value);
    if (this.counts[at]! < MANY && --this.counts[at]! === 0) {
      this.used--;
      this.present[at >>> 5] = this.present[at >>> 5]! & ~(1 << (at & 31));
    }
    if (this.coarseMask === 0) return;
    const coarse = value >>> 24;
    if (this.coarseCounts[coarse]! < MANY) this.coarseCounts[coarse]!--;
  }

  /** More counters, all 0. */
  grow(): void {
    this.shift -= 2;
    this.counts = new Uint16Array(this.counts.length * 4);
    this.present = new Int32Array(this.present.length * 4);
    this.coarseCounts.fill(0);
    this.used = 0;
  }

  /** When no rule has what the key has: the bits that tell; otherwise 0. */
  excludes(value: number): number {
    const at = this.indexOf(value);
    if (((this.present[at >>> 5]! >>> (at & 31)) & 1) !== 0) return 0;
    return this.coarseMask !== 0 && this.coarseCounts[value >>> 24] === 0 ? this.coarseMask : this.mask;
  }

  private indexOf(value: number): number {
    return Math.imul(value & this.mask, 0x9e37_79b1 | 0) >>> this.shift;
  }
}

/** The filters of a table: for addresses, and, when it looks at more, for the port and the pipeline's fields. */
export function filtersOf({ words, masks }: HashMask): WordFilter[] {
  const filters: WordFilter[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const mask = masks[i]!;
    if (isAddress(word)) {
      if ((mask & COARSE) === COARSE) filters.push(new WordFilter(word, i, mask & FINE, COARSE));
    } else if (words.length > 1 && isOfPipeline(word)) {
      filters.push(new WordFilter(word, i, mask, 0));
    }
  }
  // What the pipeline set is known before the packet is looked at, as in the stages of Open vSwitch.
  return filters.sort((a, b) => Number(isAddress(a.word)) - Number(isAddress(b.word)));
}

function isAddress(word: number): boolean {
  return word === KEY_NW_SRC || word === KEY_NW_DST || word === KEY_IPV6_SRC || word === KEY_IPV6_DST;
}

function isOfPipeline(word: number): boolean {
  return word === KEY_IN_PORT || (word >= KEY_METADATA && word < FLOW_WORDS);
}
