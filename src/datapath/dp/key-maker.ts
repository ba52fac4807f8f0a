// What: KeyMaker, which makes the masked keys of a burst and their hashes for one key mask. Why: a bridge looks at few
// of the words of a key; what nobody looks at is neither read nor hashed nor compared. Who: forwarder.ts; the mask is
// that of a Pipeline.
// How: a masked key is COMPACT: the words of the mask that are not 0, masked, one behind the other. Frames that are
// plain for the mask are read by straight-line code that is generated for it (key-maker-code.ts), all others through
// extractKey. Where no code may be generated, extractKey makes all keys.
// Invariant: both ways give the same key and the same hash.

import { extractKey } from '../flow/extract.ts';
import { finishHash, KEY_WORDS, mixHash } from '../flow/key.ts';
import { BURST, type FrameBatch } from '../port/batch.ts';
import { ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts';
import { compileKeyCode, type KeyCode } from './key-maker-code.ts';

/** Code by the mask that it is for. Masks are few; should there ever be many, the oldest go. */
const codeByMask = new Map<string, KeyCode | undefined>();
const MAX_CODE = 64;

export interface KeyMakerOptions {
  /** Goes into the hash, so that equal keys of different pipelines have different hashes. */
  seed: number;
  /** Room for BURST whole keys, and for their hashes, which makers may share. */
  keys?: Int32Array;
  hashes?: Int32Array;
  /** As in extractKey. */
  vlanLimit?: number;
  /** False: never through generated code. */
  generateCode?: boolean;
}

export class KeyMaker {
  /** The mask of the keys. */
  readonly mask: Int32Array;
  /** Indices of the words of a whole key that stand in a compact one, rising. */
  readonly words: Int32Array;
  /** The mask of each of them. */
  readonly masks: Int32Array;
  /** Words of a compact key. */
  readonly size: number;
  /** Compact keys of the rows of a burst, `size` words each. */
  readonly keys: Int32Array;
  /** Their hashes. */
  readonly hashes: Int32Array;

  private readonly batch: FrameBatch;
  private readonly view: DataView;
  private readonly seed: number;
  private readonly vlanLimit: number;
  private readonly code: KeyCode | undefined;
  private readonly wholeKey = new Int32Array(KEY_WORDS);
  private inPort = 0;

  constructor(batch: FrameBatch, view: DataView, mask: Int32Array, options: KeyMakerOptions) {
    this.batch = batch;
    this.mask = mask;
    this.view = view;
    this.seed = options.seed;
    this.keys = options.keys ?? new Int32Array(BURST * KEY_WORDS);
    this.hashes = options.hashes ?? new Int32Array(BURST);
    this.vlanLimit = options.vlanLimit ?? 1;
    this.words = Int32Array.from(mask.keys()).filter((word) => mask[word] !== 0);
    this.masks = this.words.map((word) => mask[word]!);
    this.size = this.words.length;
    this.code = options.generateCode === false ? undefined : codeFor(mask, this.words, this.vlanLimit);
  }

  /** Makes the keys of rows from..to-1, which came in on `inPort` (word 0 of their keys). Rows too short for Ethernet get none. */
  make(from: number, to: number, inPort: number): void {
    this.inPort = inPort;
    const { offset, length } = this.batch;
    if (this.code)
      this.code(this, this.view, this.keys, this.hashes, offset, length, from, to, inPort, this.seed);
    else for (let row = from; row < to; row++) this.makeRare(row);
  }

  /** Makes the key of a row by way of the whole key. Called by generated code too. */
  makeRare(row: number): void {
    const length = this.batch.length[row]!;
    if (length < ETHERNET_HEADER_LENGTH) return;
    extractKey(this.view, this.batch.offset[row]!, length, this.inPort, this.wholeKey, 0, this.vlanLimit);
    this.hashes[row] = this.compact(this.wholeKey, this.keys, row * this.size);
  }

  /** Writes the compact form of a whole key to keys[at] and returns its hash. */
  compact(wholeKey: Int32Array, keys: Int32Array, at: number): number {
    const { words, masks, size } = this;
    let hash = this.seed;
    for (let i = 0; i < size; i++) {
      const word = wholeKey[words[i]!]! & masks[i]!;
      keys[at + i] = word;
      hash = mixHash(hash, word);
    }
    return finishHash(hash);
  }
}

function codeFor(mask: Int32Array, words: Int32Array, vlanLimit: number): KeyCode | undefined {
  const name = `${vlanLimit}/${mask.join()}`;
  if (codeByMask.has(name)) return codeByMask.get(name);
  if (codeByMask.size === MAX_CODE) codeByMask.delete(codeByMask.keys().next().value!);
  const code = compileKeyCode(mask, words, vlanLimit);
  codeByMask.set(name, code);
  return code;
}
