// What: random rules and keys of all fields that hit each other often. Why: rules that never overlap prove nothing. Who:
// the tests of classifier, conjunctions and flow table.

import type { Action } from '../../../../src/datapath/actions/action.ts';
import { FLOW_WORDS } from '../../../../src/datapath/flow/key.ts';
import { Match } from '../../../../src/datapath/flow/match.ts';
import { type FlowMod, newFlowMod } from '../../../../src/datapath/ofproto/entries/flow-mod.ts';
import type { RandomSource } from '../../../support/random-source.ts';

/** What a set of rules draws from: few words, few masks and values for each. */
export interface RuleSpace {
  words: number[];
  masks: Map<number, number[]>;
  values: Map<number, number[]>;
}

const SOME_MASKS = [-1, 0xffff, 0xffff_0000 | 0, 0xff, 0xff00_0000 | 0, 1, 0xff_ffff, 0xf0f0];

export function ruleSpace(random: RandomSource, wordCount: number): RuleSpace {
  const words = random.sample(0, FLOW_WORDS - 1, wordCount).sort((a, b) => a - b);
  const masks = new Map<number, number[]>();
  const values = new Map<number, number[]>();
  for (const word of words) {
    const prefixes = Array.from({ length: 3 }, () => -1 << random.integer(0, 31));
    masks.set(word, [0, 0, random.pick(SOME_MASKS), random.pick(SOME_MASKS), ...prefixes]);
    const base = randomWord(random);
    values.set(
      word,
      Array.from({ length: random.integer(2, 6) }, () =>
        random.chance(0.5) ? base ^ (1 << random.integer(0, 31)) : base ^ random.integer(0, 255),
      ),
    );
  }
  return { words, masks, values };
}

export function randomWord(random: RandomSource): number {
  return Math.floor(random.fraction() * 2 ** 32) | 0;
}

export function randomMatch(random: RandomSource, { words, masks, values }: RuleSpace): Match {
  const match = new Match();
  for (const word of words) {
    match.mask[word] = random.pick(masks.get(word)!);
    match.value[word] = random.pick(values.get(word)!) & match.mask[word]!;
  }
  return match;
}

export function randomKey(random: RandomSource, { words, values }: RuleSpace): Int32Array {
  const key = new Int32Array(FLOW_WORDS);
  for (const word of words) {
    key[word] = random.chance(0.9) ? random.pick(values.get(word)!) : randomWord(random);
  }
  return key;
}

/** The key with all bits outside of the mask drawn anew, or some of them turned. */
export function changeOutside(
  random: RandomSource,
  key: Int32Array,
  mask: Int32Array,
  space: RuleSpace,
): Int32Array {
  const other = random.chance(0.5) ? randomKey(random, space) : key.slice();
  return key.map((word, i) => {
    const free = random.chance(0.3) ? randomWord(random) : other[i]!;
    return (word & mask[i]!) | (free & ~mask[i]!);
  });
}

export function addMod(match: Match, priority: number, actions: readonly Action[] = []): FlowMod {
  return { ...newFlowMod('add', match), tableId: 0, priority, actions };
}
