// What: FlowCache, the exact-match cache: from the hash of a frame's masked key to the megaflow that it belongs to.
// Why: most frames belong to a flow that was seen a moment ago, and find their megaflow with one look whatever the
// number of masks. Who: forwarder.ts.
// How: it keeps hashes, not keys. What it answers is a guess, which the caller compares with the key that the megaflow
// holds anyway: as the megaflow is right for each frame that it matches, that comparison is all that is needed. So a
// flow costs eight bytes, entries need no versions, and one that has been overtaken does no harm.
// Invariant: within a set no two hashes are equal; megaflow 0 does not exist, so 0 means none.
//
// A set, 8 Int32, half a cache line:    0..3 hashes   4..7 their megaflows

const WAYS = 4;
const SET_WORDS = 2 * WAYS;
const DEFAULT_SETS = 32_768;
/** One in so many flows that find their set full takes a place in it, so that more flows than places still hit. */
const INSERT_ONE_IN = 8;

export class FlowCache {
  private readonly sets: Int32Array;
  private readonly setMask: number;
  private turn = 0;

  /** `sets` is a power of two; the cache holds four flows for each. */
  constructor(sets = DEFAULT_SETS) {
    this.sets = new Int32Array(sets * SET_WORDS);
    this.setMask = sets - 1;
  }

  /** The only megaflow that can be the one of a key with that hash as far as the cache knows, or 0. */
  candidate(hash: number): number {
    const { sets } = this;
    const set = (hash & this.setMask) * SET_WORDS;
    if (sets[set] === hash) return sets[set + WAYS]!;
    if (sets[set + 1] === hash) return sets[set + WAYS + 1]!;
    if (sets[set + 2] === hash) return sets[set + WAYS + 2]!;
    if (sets[set + 3] === hash) return sets[set + WAYS + 3]!;
    return 0;
  }

  /** Notes, or not when its set is full, that keys with that hash belong to a megaflow. */
  insert(hash: number, megaflow: number): void {
    const { sets } = this;
    const set = (hash & this.setMask) * SET_WORDS;
    let free = -1;
    for (let way = set; way < set + WAYS; way++) {
      if (sets[way + WAYS] === 0) free = way;
      else if (sets[way] === hash) {
        sets[way + WAYS] = megaflow;
        return;
      }
    }
    if (free < 0) {
      this.turn = (this.turn + 1) & (WAYS * INSERT_ONE_IN - 1);
      if ((this.turn & (INSERT_ONE_IN - 1)) !== 0) return;
      free = set + this.turn / INSERT_ONE_IN;
    }
    sets[free] = hash;
    sets[free + WAYS] = megaflow;
  }
}
