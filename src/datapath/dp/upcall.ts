// What: the seam between the fast path and what decides: the Pipeline that a frame of an unknown flow goes up to,
// and the Translation that comes back. Why: dp knows no flow tables and no MAC learning, so either side can be
// replaced (a megaflow cache, several tables) without the other. An upcall is a plain function call in the thread
// of the datapath. Who: dp/datapath.ts calls, ofproto/bridge.ts implements.

/** What a pipeline says of a flow. The caller owns the object and gives the same one each time. */
export class Translation {
  /** See actions/verdict.ts. */
  verdict = 0;
  /** Row of FlowStats to which the frames of the flow are counted. */
  statsSlot = 0;
  /** Two indices into Pipeline.dependencyVersions: the translation holds while neither of the two changes. */
  dependencyA = 0;
  dependencyB = 0;
  /** Index into Pipeline.lastUsedMs that each frame of the flow sets to now. */
  touchSlot = 0;
}

/** Decides for the frames of one bridge. */
export interface Pipeline {
  /** Unequal to every other version of every pipeline, and never 0. Changes with tables and ports. */
  readonly version: number;
  /** The key bits that translate() looks at; constant while the version is. */
  readonly keyMask: Int32Array;
  /** How many words of a key keyMask covers: KEY_L2_WORDS, KEY_L4_WORDS or KEY_WORDS. */
  readonly keyWords: number;
  /** Counters that only grow (modulo 2^32), one for each group of things that translations depend on. */
  readonly dependencyVersions: Int32Array;
  /** When each thing was last used, for ageing; slot 0 belongs to nothing. May be replaced by translate(). */
  readonly lastUsedMs: Float64Array;

  /** Decides for the masked key at key[at] of a frame from datapath port `ingress`; may learn from it. */
  translate(key: Int32Array, at: number, ingress: number, nowMs: number, out: Translation): void;
}
