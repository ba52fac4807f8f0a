// What: CompactMatch, a match as rules keep it: a mask that many rules share, and the values of the words that the
// mask asks about. Why: a Match has 2 x 55 words, a rule mostly needs three; a million rules must fit. Who:
// flow-table.ts and classifier.ts. Invariant: values have no bit outside of the mask; equal masks are the same object.

import { FLOW_WORDS, finishHash, mixHash } from '../../flow/key.ts';
import { Match } from '../../flow/match.ts';

/** Which words a match looks at, and which of their bits. One object for each mask that is in use. */
export class MaskShape {
  /** Indices of the words that the mask asks about, rising. */
  readonly words: Int32Array;
  /** The mask of each of these words. */
  readonly masks: Int32Array;
  /** Small number unequal to that of any other shape in use. */
  readonly id: number;

  constructor(words: Int32Array, masks: Int32Array, id: number) {
    this.words = words;
    this.masks = masks;
    this.id = id;
  }
}

/** Values, one for each of shape.words. Arrays of small integers: V8 keeps them without a wrapper for each number. */
export interface CompactMatch {
  readonly shape: MaskShape;
  readonly values: readonly number[];
}

/** All shapes in use, each once. They stay: a table has few of them, next to its rules. */
export class MaskShapes {
  /** By the hash of the mask. */
  private readonly shapes = new Map<number, MaskShape[]>();
  private count = 0;

  of(mask: Int32Array): MaskShape {
    const hash = hashMask(mask);
    const shape = this.find(mask, hash);
    if (shape) return shape;
    const words: number[] = [];
    for (let i = 0; i < FLOW_WORDS; i++) if (mask[i] !== 0) words.push(i);
    const made = new MaskShape(
      Int32Array.from(words),
      Int32Array.from(words, (word) => mask[word]!),
      this.count++,
    );
    const same = this.shapes.get(hash);
    if (same) same.push(made);
    else this.shapes.set(hash, [made]);
    return made;
  }

  /** The match as a rule keeps it. */
  compact(match: Match): CompactMatch {
    return compactAs(this.of(match.mask), match);
  }

  /** The same, but undefined when no rule ever had its mask: then no rule is equal to it. */
  compactIfKnown(match: Match): CompactMatch | undefined {
    const shape = this.find(match.mask, hashMask(match.mask));
    return shape && compactAs(shape, match);
  }

  private find(mask: Int32Array, hash: number): MaskShape | undefined {
    const same = this.shapes.get(hash);
    if (!same) return undefined;
    for (const shape of same) if (hasMask(shape, mask)) return shape;
    return undefined;
  }
}

function compactAs(shape: MaskShape, match: Match): CompactMatch {
  const { words } = shape;
  // Of the exact length from the start: an array that grows takes room for 16 more.
  const values = new Array<number>(words.length);
  for (let i = 0; i < words.length; i++) values[i] = match.value[words[i]!]!;
  return { shape, values };
}

function hashMask(mask: Int32Array): number {
  let hash = 0;
  for (let i = 0; i < FLOW_WORDS; i++) if (mask[i] !== 0) hash = mixHash(hash ^ i, mask[i]!);
  return finishHash(hash);
}

/** True when the mask, whose hash is that of the shape, is the shape's. */
function hasMask({ words, masks }: MaskShape, mask: Int32Array): boolean {
  let at = 0;
  for (let i = 0; i < FLOW_WORDS; i++) {
    if (mask[i] === 0) continue;
    if (words[at] !== i || masks[at] !== mask[i]) return false;
    at++;
  }
  return at === words.length;
}

/** The match in full. */
export function expandMatch({ shape, values }: CompactMatch): Match {
  const match = new Match();
  for (const [i, word] of shape.words.entries()) {
    match.value[word] = values[i]!;
    match.mask[word] = shape.masks[i]!;
  }
  return match;
}
