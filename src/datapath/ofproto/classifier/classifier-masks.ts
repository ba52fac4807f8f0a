// What: the ladder of masks by which the classifier hashes rules of one shape, coarse to full. Why: a hash table per
// mask would be thousands of tables for a firewall's rules; on coarse masks most rules share a score of tables, and
// only where many rules fall into one bucket is it divided by finer masks. Who: classifier.ts.
//
//   step   nw_src, nw_dst      IPv6 addresses      ports, protocol, type    the rest
//   0      length down to 8n   whole words         nothing                  words with at least 8 bits
//   1      length down to 4n   length down to 8n   whole fields             all
//   2      all                 all                 all                      all
//
// Invariant: a mask of the ladder has no bit that the rule's mask has not, and each step contains the one before.

import { KEY_IPV6_SRC, KEY_NW, KEY_NW_DST, KEY_NW_SRC, KEY_TP, KEY_TYPE_VLAN } from '../../flow/key.ts';
import type { MaskShape } from '../entries/compact-match.ts';

/** Number of steps of a ladder. */
export const LADDER_STEPS = 3;

const ADDRESS_WORDS_END = KEY_IPV6_SRC + 8;
const TYPE_BITS = 0xffff_0000 | 0;
const VLAN_BITS = 0xffff;
const FEW_BITS = 8;

/** A mask that hash tables use. One object for each mask in a classifier. */
export interface HashMask {
  readonly words: Int32Array;
  readonly masks: Int32Array;
}

/** How rules of a shape are hashed at one step: the mask, and where its words stand in the values of a rule. */
export interface LadderStep {
  readonly mask: HashMask;
  readonly valueIndex: readonly number[];
}

/** All hash masks in use, each once. */
export class HashMasks {
  private readonly byName = new Map<string, HashMask>();

  stepOf(shape: MaskShape, step: number): LadderStep {
    const words: number[] = [];
    const masks: number[] = [];
    const valueIndex: number[] = [];
    for (let i = 0; i < shape.words.length; i++) {
      const bits = coarsen(shape.words[i]!, shape.masks[i]!, step);
      if (bits === 0) continue;
      words.push(shape.words[i]!);
      masks.push(bits);
      valueIndex.push(i);
    }
    return { mask: this.intern(words, masks), valueIndex: valueIndex.slice() };
  }

  private intern(words: readonly number[], masks: readonly number[]): HashMask {
    const name = `${words.join()}:${masks.join()}`;
    let mask = this.byName.get(name);
    if (!mask) {
      mask = { words: Int32Array.from(words), masks: Int32Array.from(masks) };
      this.byName.set(name, mask);
    }
    return mask;
  }
}

/** What of the mask of a word is hashed at a step. */
function coarsen(word: number, mask: number, step: number): number {
  if (step === LADDER_STEPS - 1) return mask;
  if (word === KEY_NW_SRC || word === KEY_NW_DST) return prefixOf(mask, step === 0 ? 8 : 4);
  if (word >= KEY_IPV6_SRC && word < ADDRESS_WORDS_END) return prefixOf(mask, step === 0 ? 32 : 8);
  if (word === KEY_TP) return step === 0 ? 0 : wholeHalves(mask);
  if (word === KEY_NW) return step === 0 ? 0 : mask;
  if (word === KEY_TYPE_VLAN && step === 0) return manyBits(mask & VLAN_BITS);
  return step === 0 ? manyBits(mask) : mask;
}

/** The leading ones of the mask, as many as are a multiple of `unit`. */
function prefixOf(mask: number, unit: number): number {
  const length = Math.clz32(~mask);
  const kept = length - (length % unit);
  return kept === 0 ? 0 : -1 << (32 - kept);
}

/** Of two fields of 16 bits those that the mask has in full. */
function wholeHalves(mask: number): number {
  return (
    ((mask & TYPE_BITS) === TYPE_BITS ? TYPE_BITS : 0) | ((mask & VLAN_BITS) === VLAN_BITS ? VLAN_BITS : 0)
  );
}

function manyBits(mask: number): number {
  let left = mask;
  let count = 0;
  while (left !== 0 && count < FEW_BITS) {
    left &= left - 1;
    count++;
  }
  return count < FEW_BITS ? 0 : mask;
}
