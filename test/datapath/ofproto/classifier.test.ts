// What: the classifier against a linear scan. Why: tuple space search with its cut-off must never miss a better rule.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KEY_WORDS } from '../../../src/datapath/flow/key.ts';
import { Match } from '../../../src/datapath/flow/match.ts';
import { Classifier } from '../../../src/datapath/ofproto/classifier.ts';
import { Rule } from '../../../src/datapath/ofproto/rule.ts';
import { lookupLinearly } from '../../support/linear-classifier.ts';

/** Few values and few masks, so that rules overlap and keys hit them. */
const WORDS = [0, 3, 8, KEY_WORDS - 1];
const word = fc.constantFrom(0, 1, 2, 3, -1);
const mask = fc.constantFrom(0, 0, 1, 3, -1);
const anyMatch = fc
  .array(fc.tuple(word, mask), { minLength: WORDS.length, maxLength: WORDS.length })
  .map((parts) => {
    const match = new Match();
    for (const [i, [value, bits]] of parts.entries()) {
      match.mask[WORDS[i]!] = bits;
      match.value[WORDS[i]!] = value & bits;
    }
    return match;
  });
const anyKey = fc.array(word, { minLength: WORDS.length, maxLength: WORDS.length }).map((values) => {
  const key = new Int32Array(KEY_WORDS);
  for (const [i, value] of values.entries()) key[WORDS[i]!] = value;
  return key;
});
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ add: anyMatch, priority: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ removeIndex: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ key: anyKey }) },
);

test('finds what a linear scan finds, through adds and removes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const classifier = new Classifier();
      const rules: Rule[] = [];
      let sequence = 0;
      for (const s of steps) {
        if ('add' in s) {
          if (classifier.find(s.add, s.priority)) continue;
          const spec = { match: s.add, priority: s.priority, cookie: 0n, actions: [] };
          const rule = new Rule(spec, 0, 0, ++sequence);
          rules.push(rule);
          classifier.insert(rule);
          expect(classifier.find(s.add, s.priority)).toBe(rule);
        } else if ('key' in s) {
          const expected = lookupLinearly(rules, s.key);
          expect(classifier.lookup(s.key)).toBe(expected);
        } else if (rules.length > 0) {
          const [rule] = rules.splice(s.removeIndex % rules.length, 1);
          classifier.remove(rule!);
          expect(classifier.find(rule!.match, rule!.priority)).toBeUndefined();
        }
      }
      const union = new Int32Array(KEY_WORDS);
      for (const { match } of rules) for (let i = 0; i < KEY_WORDS; i++) union[i]! |= match.mask[i]!;
      const collected = new Int32Array(KEY_WORDS);
      classifier.collectMask(collected);
      expect(collected).toEqual(union);
    }),
    { numRuns: 300 },
  );
});
