// What: MegaflowTables, the masks of the megaflows: each (pipeline, mask) that has megaflows is a table with a number.
// Why: a mask is looked at by the word, and the order in which masks are tried decides how fast a lookup is. Who:
// megaflows.ts.
// Invariants: a pipeline has at most MAX_MASKS tables; a table is tried only while the keys of its pipeline have all
// bits of its mask; number 0 is no table.
//
// The plan of a table, PLAN_WORDS Int32 at number * PLAN_WORDS: how its masked key comes out of a compact key
//   0 number of words (-1: its mask is not within the key mask)   then for each: place in the compact key, mask

import { KEY_WORDS, mixHash } from '../flow/key.ts';
import type { KeyMaker } from './key-maker.ts';
import type { Pipeline } from './upcall.ts';

/**
 * Most masks that a pipeline has megaflows under: random headers against a whitelist make a mask for each pair of
 * prefix lengths where nothing stops them.
 */
export const MAX_MASKS = 32;
/**
 * A mask is only tried while at least one of so many lookups finds its megaflow under it, since trying takes about
 * that part of the microsecond or two of a translation.
 */
const WORTHWHILE = 64;
/** Lookups between two sortings of the masks of a pipeline. */
const SORT_INTERVAL = 4096;
/** Masks of which the table is remembered: a power of two. */
const CHOSEN = 128;
const HASH_STEP = 0x9e37_79b1 | 0;
export const PLAN_WORDS = 2 * KEY_WORDS + 2;

/** What the datapath keeps for each pipeline. */
export class PipelineState {
  readonly pipeline: Pipeline;
  /** Unequal to that of any other pipeline in the datapath; goes into hashes. */
  readonly id: number;
  maker: KeyMaker;
  /** pipeline.keyMask when it was last looked at; `maker` is for it, and for the recirc_id. */
  keyMask: Int32Array;
  /** Numbers of the tables, those that were hit most first. */
  readonly tables: number[] = [];
  /** How many of them, from the first on, a lookup tries. */
  tried = 0;
  /** Which table took megaflows of a mask, by the hash of the mask: the hash and the number of the table, 0: unknown. */
  readonly chosen = new Int32Array(2 * CHOSEN);
  /** Lookups since the tables were sorted, and those before, which count less and less. */
  lookups = 0;
  formerLookups = 0;
  /** Ports of the pipeline. */
  ports = 0;

  constructor(pipeline: Pipeline, id: number, maker: KeyMaker) {
    this.pipeline = pipeline;
    this.id = id;
    this.maker = maker;
    this.keyMask = pipeline.keyMask;
  }
}

/** The megaflows of one pipeline under one mask. */
export interface MegaflowTable {
  readonly number: number;
  readonly state: PipelineState;
  /** A mask of whole keys. */
  readonly mask: Int32Array;
  /** hashMask() of it. */
  readonly maskHash: number;
  /** Words of `mask` that are not 0, rising: the words that a megaflow of this table keeps. */
  readonly words: Int32Array;
  /** Megaflows in the table. */
  size: number;
}

export class MegaflowTables {
  plans = new Int32Array(64 * PLAN_WORDS);
  /** Frames whose megaflow was found in each table, or would have been had it been tried; halved from time to time. */
  hits = new Float64Array(64);
  /** By number. */
  private readonly tables: (MegaflowTable | undefined)[] = [undefined];
  private readonly free: number[] = [];
  private inUse = 0;

  /** Tables in use. */
  get count(): number {
    return this.inUse;
  }

  of(number: number): MegaflowTable {
    return this.tables[number]!;
  }

  /**
   * The table for megaflows of that mask: its own, or, where the pipeline has MAX_MASKS - 1 tables, a usable one whose
   * mask has all of its bits. Undefined: there is none.
   */
  find(state: PipelineState, mask: Int32Array): MegaflowTable | undefined {
    const hash = hashMask(mask);
    const { chosen } = state;
    const at = 2 * (hash & (CHOSEN - 1));
    const number = chosen[at + 1]!;
    // A table that covers the mask would be right in any case.
    if (number !== 0 && chosen[at] === hash && covers(this.tables[number]!.mask, mask)) {
      return this.tables[number];
    }
    const table = this.findOwn(state, mask, hash) ?? this.findCovering(state, mask);
    if (table) {
      chosen[at] = hash;
      chosen[at + 1] = table.number;
    }
    return table;
  }

  /** Makes a table. The pipeline has fewer than MAX_MASKS, and none for that mask. */
  add(state: PipelineState, mask: Int32Array): MegaflowTable {
    const number = this.free.pop() ?? this.tables.length;
    if (number === this.hits.length) this.grow();
    const words = Int32Array.from(mask.keys()).filter((word) => mask[word] !== 0);
    const table = { number, state, mask: mask.slice(), maskHash: hashMask(mask), words, size: 0 };
    this.tables[number] = table;
    this.hits[number] = 0;
    this.inUse++;
    this.bind(table);
    // It is tried at least until the next sorting.
    state.tables.splice(state.tried++, 0, number);
    state.chosen.fill(0);
    return table;
  }

  /** Lets an empty table go. */
  remove(table: MegaflowTable): void {
    const { state } = table;
    const place = state.tables.indexOf(table.number);
    state.tables.splice(place, 1);
    if (place < state.tried) state.tried--;
    state.chosen.fill(0);
    this.tables[table.number] = undefined;
    this.free.push(table.number);
    this.inUse--;
  }

  /** Makes the plan of a table for the key maker of its pipeline. */
  bind(table: MegaflowTable): void {
    const { maker } = table.state;
    table.state.chosen.fill(0);
    const plan = table.number * PLAN_WORDS;
    this.plans[plan] = -1;
    if (!covers(maker.mask, table.mask)) return;
    for (const [i, word] of table.words.entries()) {
      this.plans[plan + 1 + 2 * i] = maker.words.indexOf(word);
      this.plans[plan + 2 + 2 * i] = table.mask[word]!;
    }
    this.plans[plan] = table.words.length;
  }

  /** Counts a lookup; from time to time settles which tables are tried, and in which order. */
  countLookup(state: PipelineState): void {
    if (++state.lookups >= SORT_INTERVAL) this.sort(state);
  }

  /** Apart from countLookup(): a function with a closure in it allocates whenever it is called. */
  private sort(state: PipelineState): void {
    const { hits } = this;
    state.tables.sort((a, b) => hits[b]! - hits[a]!);
    const least = (state.lookups + state.formerLookups) / WORTHWHILE;
    state.tried = 0;
    while (state.tried < state.tables.length && hits[state.tables[state.tried]!]! >= least) state.tried++;
    for (const number of state.tables) hits[number]! /= 2;
    state.formerLookups = (state.lookups + state.formerLookups) / 2;
    state.lookups = 0;
  }

  private findOwn(state: PipelineState, mask: Int32Array, hash: number): MegaflowTable | undefined {
    for (let i = 0; i < state.tables.length; i++) {
      const table = this.tables[state.tables[i]!]!;
      if (table.maskHash === hash && sameWords(table.mask, mask)) return table;
    }
    return undefined;
  }

  private findCovering(state: PipelineState, mask: Int32Array): MegaflowTable | undefined {
    // One place is kept for the whole key mask, which covers all.
    if (state.tables.length < MAX_MASKS - 1) return undefined;
    for (const number of state.tables) {
      const table = this.tables[number]!;
      if (this.plans[number * PLAN_WORDS]! >= 0 && covers(table.mask, mask)) return table;
    }
    return undefined;
  }

  private grow(): void {
    const plans = new Int32Array(this.plans.length * 2);
    plans.set(this.plans);
    this.plans = plans;
    const hits = new Float64Array(this.hits.length * 2);
    hits.set(this.hits);
    this.hits = hits;
  }
}

/** Where the hashes of a table start. */
export function tableSeed(number: number): number {
  return mixHash(0x5bd1_e995, number);
}

/** A number that is mostly another one for another mask. */
function hashMask(mask: Int32Array): number {
  let hash = 0;
  // The products do not wait for each other.
  for (let i = 0; i < KEY_WORDS; i++)
    hash = (hash + Math.imul(mask[i]!, Math.imul(HASH_STEP, 2 * i + 1))) | 0;
  return hash;
}

/** Whether `wide` has all bits of `mask`. */
export function covers(wide: Int32Array, mask: Int32Array): boolean {
  for (let i = 0; i < KEY_WORDS; i++) if ((mask[i]! & ~wide[i]!) !== 0) return false;
  return true;
}

function sameWords(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < KEY_WORDS; i++) if (a[i] !== b[i]) return false;
  return true;
}
