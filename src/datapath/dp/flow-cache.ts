// What: FlowCache, the exact-match cache: from a masked flow key to its translation. Why: a frame of a known flow
// costs one probe instead of a translation. Who: datapath.ts. It is one cache for all bridges.
// How: a set-associative index of key hashes leads to entries, which stand dense in the order in which they were
// made: few flows touch few cache lines and few pages, wherever they hash to. The key in an entry is the frame's key
// ANDed with the mask of all bits that the bridge looks at: frames that differ elsewhere share an entry.
// Staleness: an entry counts as absent when the version of its pipeline has changed (versions are unique over all
// bridges, so the version also tells bridges apart), or when one of the two dependency counters has; as these only
// grow, comparing their sum is enough. Stale entries are overwritten in time; nothing sweeps them.
// Invariants: within a set no two hashes are equal; entry 0 is never used, so 0 means none.
//
// A set of the index, SET_WORDS Int32:    0..3 hashes   4..7 offsets of their entries
// An entry, ENTRY_WORDS Int32, of which an L2 key needs the first twelve, within one cache line:
//   0 version   1 verdict   2 stats slot   3 touch slot   4, 5 dependencies   6 sum of their versions
//   7.. the masked key, KEY_WORDS

import { KEY_L2_WORDS } from '../flow/key.ts';
import type { Pipeline, Translation } from './upcall.ts';

const WAYS = 4;
const SET_WORDS = 2 * WAYS;
const DEFAULT_SETS = 8192;

const VERSION = 0;
export const ENTRY_VERDICT = 1;
export const ENTRY_STATS_SLOT = 2;
export const ENTRY_TOUCH_SLOT = 3;
const DEPENDENCY_A = 4;
const DEPENDENCY_B = 5;
const DEPENDENCY_SUM = 6;
const KEY = 7;
const ENTRY_WORDS = 32;

export class FlowCache {
  /** The entries; candidate() and insert() return offsets into it. */
  readonly entries: Int32Array;
  private readonly index: Int32Array;
  private readonly setMask: number;
  private entriesEnd = ENTRY_WORDS;
  private victim = 0;

  /** `sets` is a power of two; the cache holds four entries for each. */
  constructor(sets = DEFAULT_SETS) {
    this.entries = new Int32Array((sets * WAYS + 1) * ENTRY_WORDS);
    this.index = new Int32Array(sets * SET_WORDS);
    this.setMask = sets - 1;
  }

  /** Offset of the only entry that can be the one for a key with that hash, or 0. */
  candidate(hash: number): number {
    const { index } = this;
    const set = (hash & this.setMask) * SET_WORDS;
    if (index[set] === hash) return index[set + WAYS]!;
    if (index[set + 1] === hash) return index[set + WAYS + 1]!;
    if (index[set + 2] === hash) return index[set + WAYS + 2]!;
    if (index[set + 3] === hash) return index[set + WAYS + 3]!;
    return 0;
  }

  /** Whether a candidate is a live entry for the masked key at keys[at]. */
  isLive(
    entry: number,
    keys: Int32Array,
    at: number,
    words: number,
    version: number,
    deps: Int32Array,
  ): boolean {
    const { entries } = this;
    const key = entry + KEY;
    if (entries[entry + VERSION] !== version) return false;
    if (
      entries[key] !== keys[at] ||
      entries[key + 1] !== keys[at + 1] ||
      entries[key + 2] !== keys[at + 2] ||
      entries[key + 3] !== keys[at + 3] ||
      entries[key + 4] !== keys[at + 4]
    ) {
      return false;
    }
    for (let i = KEY_L2_WORDS; i < words; i++) if (entries[key + i] !== keys[at + i]) return false;
    const sum = (deps[entries[entry + DEPENDENCY_A]!]! + deps[entries[entry + DEPENDENCY_B]!]!) | 0;
    return sum === entries[entry + DEPENDENCY_SUM];
  }

  /** Stores a translation and returns its offset. Takes the place of the candidate for that hash, if there is one. */
  insert(
    keys: Int32Array,
    at: number,
    words: number,
    hash: number,
    pipeline: Pipeline,
    translation: Translation,
  ): number {
    const { entries } = this;
    const entry = this.candidate(hash) || this.place(hash);
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

  /** An entry for a hash that is not in the index: a new one, or that of another hash in turn. */
  private place(hash: number): number {
    const { index } = this;
    const set = (hash & this.setMask) * SET_WORDS;
    let way = 0;
    while (way < WAYS && index[set + WAYS + way] !== 0) way++;
    if (way === WAYS) {
      this.victim = (this.victim + 1) & (WAYS - 1);
      way = this.victim;
    } else {
      index[set + WAYS + way] = this.entriesEnd;
      this.entriesEnd += ENTRY_WORDS;
    }
    index[set + way] = hash;
    return index[set + WAYS + way]!;
  }
}
