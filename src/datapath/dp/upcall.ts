// What: the seam between the fast path and what decides: the Pipeline that a frame of an unknown flow goes up to,
// and the Translation that comes back. Why: dp knows no flow tables and no MAC learning, so either side can be
// replaced without the other. An upcall is a plain function call in the thread of the datapath. Who: dp calls,
// ofproto/bridge/bridge.ts implements.

import { KEY_WORDS } from '../flow/key.ts';

/** Bound of the indices into Pipeline.dependencyVersions: two of them fit into a word of a cached flow. */
export const MAX_DEPENDENCIES = 1 << 16;

/** What a pipeline says of a flow. The caller owns the object and gives the same one each time. */
export class Translation {
  /** See actions/verdict.ts. Held once for the caller, who releases it when it forgets the translation. */
  verdict = 0;
  /**
   * The bits of the key that the decision depends on: any frame that agrees in them gets the same translation. The
   * datapath adds recirc_id, in this mask and in its keys.
   */
  readonly mask = new Int32Array(KEY_WORDS);
  /**
   * What the frames of the flow are to be counted to, and what they keep alive: a number that the pipeline gives
   * meaning to. 0: nothing. The caller holds it once, and gives it back by Pipeline.release().
   */
  effects = 0;
  /**
   * Two indices into Pipeline.dependencyVersions, below MAX_DEPENDENCIES: the translation holds while neither of
   * the two changes. Index 0 is one like any other; a translation without dependencies names one that rests.
   */
  dependencyA = 0;
  dependencyB = 0;
  /** Index into Pipeline.lastUsedMs that each frame of the flow sets to now. */
  touchSlot = 0;
  /**
   * False: the answer holds for this frame only. So it must be when translate() itself changed the tables (learn):
   * what it found before the change may no longer be what is there.
   */
  cacheable = true;
}

/** A frame that goes to the control plane. The bytes are the receiver's only during the call. */
export interface PacketInSink {
  packetIn(
    spec: number,
    ingressOfport: number,
    view: DataView,
    offset: number,
    length: number,
    maxLength: number,
  ): void;
}

/** Decides for the frames of one bridge. */
export interface Pipeline extends PacketInSink {
  /** Unequal to every other version of every pipeline, and never 0. Changes with tables, groups, meters and ports. */
  readonly version: number;
  /**
   * Key bits that translations may look at, KEY_WORDS words: a superset of Translation.mask of each translation of
   * this version. translate() may add bits before it returns. Whenever a bit changes it is ANOTHER ARRAY: the
   * datapath compares identities. A larger mask alone needs no new version: flows cached under the old one stay right.
   */
  readonly keyMask: Int32Array;
  /** Counters that only grow (modulo 2^32), one for each group of things that translations depend on. */
  readonly dependencyVersions: Int32Array;
  /** When each thing was last used, for ageing; slot 0 belongs to nothing. May be replaced by translate(). */
  readonly lastUsedMs: Float64Array;

  /**
   * Decides for the whole key at key[at, at + KEY_WORDS), not masked, of a frame from datapath port `ingress`; may
   * learn from it. Word 0 carries recirc_id: nonzero goes on where OP_RECIRCULATE left off. Writes all of `out`.
   * It is called for a new flow, and for the next frame of a cached flow whose version or dependency has changed.
   */
  translate(key: Int32Array, at: number, ingress: number, nowMs: number, out: Translation): void;

  /** Counts frames of a translation to what its `effects` (not 0) say. usedMs: when the last of them came. */
  credit(effects: number, packets: number, bytes: number, usedMs: number): void;

  /** Takes the effects (not 0) of a forgotten translation back; what it counted was credited before. */
  release(effects: number): void;
}
