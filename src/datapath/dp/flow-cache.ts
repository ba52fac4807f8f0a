// What: FlowCache, the exact-match cache: from a masked flow key to its translation. Why: a frame of a known flow
// costs one probe instead of a translation. Who: datapath.ts. It is one cache for all bridges.
// How: set associative, WAYS entries a set. The hashes of a set stand together in `tags`, so a probe reads one cache
// line before it reads the entry. The key in an entry is the frame's key ANDed with the mask of all bits that the
// bridge looks at: frames that differ elsewhere share an entry.
// Staleness: an entry counts as absent when the version of its pipeline has changed (versions are unique over all
// bridges, so the version also tells bridges apart), or when one of the two dependency counters has; as these only
// grow, comparing their sum is enough. Stale entries are overwritten in time; nothing sweeps them.
//
// An entry, ENTRY_WORDS Int32:
//   0 version   1 verdict   2 stats slot   3 touch slot   4, 5 dependencies   6 sum of their versions   7 unused
//   8.. the masked key, KEY_WORDS

import type { Pipeline, Translation } from './upcall.ts';

const WAYS = 4;
const DEFAULT_SETS = 8192;

const VERSION = 0;
export const ENTRY_VERDICT = 1;
export const ENTRY_STATS_SLOT = 2;
export const ENTRY_TOUCH_SLOT = 3;
const DEPENDENCY_A = 4;
const DEPENDENCY_B = 5;
const DEPENDENCY_SUM = 6;
const KEY = 8;
const ENTRY_WORDS = 32;

export class FlowCache {
  /** The entries; find() and insert() return offsets into it. */
  readonly entries: Int32Array;
  private readonly tags: Int32Array;
  private readonly setMask: number;
  private victim = 0;

  /** `sets` is a power of two; the cache holds four entries in each. */
  constructor(sets = DEFAULT_SETS) {
    this.entries = new Int32Array(sets * WAYS * ENTRY_WORDS);
    this.tags = new Int32Array(sets * WAYS);
    this.setMask = sets - 1;
  }

  /** Offset of the live entry for the masked key at keys[at] with that hash, or -1. */
  find(keys: Int32Array, at: number, words: number, hash: number, version: number, deps: Int32Array): number {
    const { entries, tags } = this;
    const first = (hash & this.setMask) * WAYS;
    for (let way = 0; way < WAYS; way++) {
      if (tags[first + way] !== hash) continue;
      const entry = (first + way) * ENTRY_WORDS;
      if (entries[entry + VERSION] !== version) continue;
      let i = 0;
      while (i < words && entries[entry + KEY + i] === keys[at + i]) i++;
      if (i < words) continue;
      const sum = (deps[entries[entry + DEPENDENCY_A]!]! + deps[entries[entry + DEPENDENCY_B]!]!) | 0;
      return sum === entries[entry + DEPENDENCY_SUM] ? entry : -1;
    }
    return -1;
  }

  /** Stores a translation and returns its offset. Takes the place of an entry with that hash, else of any. */
  insert(
    keys: Int32Array,
    at: number,
    words: number,
    hash: number,
    pipeline: Pipeline,
    translation: Translation,
  ): number {
    const { entries, tags } = this;
    const first = (hash & this.setMask) * WAYS;
    let way = 0;
    while (way < WAYS && tags[first + way] !== hash) way++;
    if (way === WAYS) way = this.vacantWay(first);
    tags[first + way] = hash;
    const entry = (first + way) * ENTRY_WORDS;
    const deps = pipeline.dependencyVersions;
    entries[entry + VERSION] = pipeline.version;
    entries[entry + ENTRY_VERDICT] = translation.verdict;
    entries[entry + ENTRY_STATS_SLOT] = translation.statsSlot;
    entries[entry + ENTRY_TOUCH_SLOT] = translation.touchSlot;
    entries[entry + DEPENDENCY_A] = translation.dependencyA;
    entries[entry + DEPENDENCY_B] = translation.dependencyB;
    entries[entry + DEPENDENCY_SUM] = deps[translation.dependencyA]! + deps[translation.dependencyB]!;
    for (let i = 0; i < words; i++) entries[entry + KEY + i] = keys[at + i]!;
    return entry;
  }

  /** An entry never used, else one in turn. */
  private vacantWay(first: number): number {
    for (let way = 0; way < WAYS; way++) {
      if (this.entries[(first + way) * ENTRY_WORDS + VERSION] === 0) return way;
    }
    this.victim = (this.victim + 1) & (WAYS - 1);
    return this.victim;
  }
}
