// What: HashTable, from the hash of a key under one mask to a reference; and TableSet, such tables by falling highest
// priority. Why: they are what the classifier's search walks. Who: classifier.ts.
// How: open addressing with linear probing over pairs (hash, reference) in one Int32Array; a removed pair is filled by
// moving later ones back, so that no marks of removed ones gather. Most probes find nothing, so a look at one bit of
// `present`, which is small, goes first: each hash in use has its bit there.
// Invariants: reference 0 means a free place; `filters` count each rule of the table; maxPriority is at least the priority of each rule in the table.

import type { WordFilter } from './classifier-filter.ts';
import type { HashMask } from './classifier-masks.ts';

const FIRST_PLACES = 4;
/** Places for each word of `present`: as at most half of the places are in use, one bit in 16 is set. */
const PLACES_OF_WORD = 4;
/** log2 of the bits of a word. */
const WORD_SHIFT = 5;

/** As the dl_type of a table: not all of its rules have one, and the same. No dl_type has bits in the low half. */
export const ANY_TYPE = 1;
/** Where dl_type stands in its word. */
export const TYPE_BITS = 0xffff_0000 | 0;

export class HashTable {
  readonly words: Int32Array;
  readonly masks: Int32Array;
  /** Pairs (hash, reference); the length is a power of two. */
  slots = new Int32Array(2 * FIRST_PLACES);
  /** ANDed with an index into slots it wraps around, and stays even. */
  wrap = 2 * FIRST_PLACES - 2;
  /** Has bit hash >>> presentShift for each hash in use, and for some that were dropped. */
  present = new Int32Array(FIRST_PLACES / PLACES_OF_WORD);
  presentShift = 32 - WORD_SHIFT;
  /** Pairs in use. */
  used = 0;
  /** Pairs that were dropped since `present` was made. */
  private dropped = 0;
  /** Rules behind them. */
  rules = 0;
  /** No rule in the table has a higher one; it may stay too high for a while after removals. */
  maxPriority = -1;
  /** Rules of maxPriority that were removed since it was last worked out. */
  removedAtMax = 0;

  /** dl_type, in the high half, of all rules in the table, or ANY_TYPE. */
  readonly type: number;
  readonly filters: readonly WordFilter[];

  constructor(mask: HashMask, type: number, filters: readonly WordFilter[]) {
    this.words = mask.words;
    this.masks = mask.masks;
    this.type = type;
    this.filters = filters;
  }

  /** Index in slots of the pair with the hash, or, negative, -1 - index of the free place where it would go. */
  slotOf(hash: number): number {
    const { slots, wrap } = this;
    let at = (hash << 1) & wrap;
    for (;;) {
      if (slots[at + 1] === 0) return -1 - at;
      if (slots[at] === hash) return at;
      at = (at + 2) & wrap;
    }
  }

  /** Puts a pair into a free place that slotOf() named. */
  put(free: number, hash: number, reference: number): void {
    let at = free;
    if (4 * ++this.used > this.slots.length) {
      this.resize(this.slots.length * 2);
      at = -1 - this.slotOf(hash);
    }
    this.slots[at] = hash;
    this.slots[at + 1] = reference;
    this.setPresent(hash);
  }

  /** Frees the place at[at]. */
  drop(at: number): void {
    const { slots, wrap } = this;
    this.used--;
    let hole = at;
    let next = (at + 2) & wrap;
    while (slots[next + 1] !== 0) {
      const home = (slots[next]! << 1) & wrap;
      // A pair may move into the hole when its home does not lie behind the hole.
      if (((next - home) & wrap) >= ((next - hole) & wrap)) {
        slots[hole] = slots[next]!;
        slots[hole + 1] = slots[next + 1]!;
        hole = next;
      }
      next = (next + 2) & wrap;
    }
    slots[hole + 1] = 0;
    this.dropped++;
    if (slots.length > 2 * FIRST_PLACES && 32 * this.used < slots.length) this.resize(slots.length / 4);
    else if (4 * this.dropped > slots.length) this.resize(slots.length);
  }

  private setPresent(hash: number): void {
    const bit = hash >>> this.presentShift;
    const { present } = this;
    present[bit >>> WORD_SHIFT] = present[bit >>> WORD_SHIFT]! | (1 << (bit & 31));
  }

  private resize(length: number): void {
    const old = this.slots;
    this.slots = new Int32Array(Math.max(length, 2 * FIRST_PLACES));
    this.wrap = this.slots.length - 2;
    this.present = new Int32Array(this.slots.length / 2 / PLACES_OF_WORD);
    this.presentShift = Math.clz32(this.present.length) + 1 - WORD_SHIFT;
    this.dropped = 0;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue;
      const at = -1 - this.slotOf(old[i]!);
      this.slots[at] = old[i]!;
      this.slots[at + 1] = old[i + 1]!;
      this.setPresent(old[i]!);
    }
  }
}

/** Tables by falling maxPriority, one for each mask and dl_type. */
export class TableSet {
  readonly tables: HashTable[] = [];
  private readonly byMask = new Map<HashMask, HashTable[]>();

  find(mask: HashMask, type: number): HashTable | undefined {
    const same = this.byMask.get(mask);
    if (!same) return undefined;
    for (const table of same) if (table.type === type) return table;
    return undefined;
  }

  add(mask: HashMask, table: HashTable): void {
    const same = this.byMask.get(mask);
    if (same) same.push(table);
    else this.byMask.set(mask, [table]);
    this.tables.push(table);
  }

  delete(mask: HashMask, table: HashTable): void {
    const same = this.byMask.get(mask)!;
    if (same.length === 1) this.byMask.delete(mask);
    else same.splice(same.indexOf(table), 1);
    this.tables.splice(this.tables.indexOf(table), 1);
  }

  /** Puts the table in its place after its maxPriority changed. */
  reorder(table: HashTable): void {
    const { tables } = this;
    const priority = table.maxPriority;
    let at = tables.indexOf(table);
    for (; at > 0 && tables[at - 1]!.maxPriority < priority; at--) tables[at] = tables[at - 1]!;
    for (; at < tables.length - 1 && tables[at + 1]!.maxPriority > priority; at++)
      tables[at] = tables[at + 1]!;
    tables[at] = table;
  }
}
