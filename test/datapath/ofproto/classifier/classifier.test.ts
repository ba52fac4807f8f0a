// What: the classifier against a linear scan. Why: merged tables, nodes and the cut-off must never miss a better rule,
// and wildcards that leave out a bit that mattered would forward frames wrongly.

import { describe, expect, test } from 'vitest';
import {
  Dice,
  FILTER_KINDS,
  filterMatches,
  makeFilters,
  parseFilters,
  portPrefixes,
  writeHit,
} from '../../../../bench/class-bench.ts';
import {
  FLOW_WORDS,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TYPE_VLAN,
} from '../../../../src/datapath/flow/key.ts';
import { Match } from '../../../../src/datapath/flow/match.ts';
import { Classifier } from '../../../../src/datapath/ofproto/classifier/classifier.ts';
import { MaskShapes } from '../../../../src/datapath/ofproto/entries/compact-match.ts';
import { Rule } from '../../../../src/datapath/ofproto/entries/rule.ts';
import { lookupLinearly } from '../../../support/linear-classifier.ts';
import { RandomSource } from '../../../support/random-source.ts';
import { changeOutside, randomKey, randomMatch, ruleSpace } from './random-rules.ts';

class Bed {
  readonly shapes = new MaskShapes();
  readonly classifier = new Classifier();
  readonly rules = new Set<Rule>();
  private sequence = 0;

  add(match: Match, priority: number): Rule | undefined {
    const compact = this.shapes.compact(match);
    const same = this.classifier.find(compact, priority);
    const expected = [...this.rules].find(
      (rule) =>
        rule.priority === priority &&
        rule.match.shape === compact.shape &&
        rule.match.values.join() === compact.values.join(),
    );
    expect(same).toBe(expected);
    return same ? undefined : this.put(match, priority);
  }

  put(match: Match, priority: number): Rule {
    const rule = new Rule(0, this.shapes.compact(match), priority, 0n, [], 0, 0, 0, 0, 0, ++this.sequence);
    this.classifier.insert(rule);
    this.rules.add(rule);
    return rule;
  }

  remove(rule: Rule): void {
    this.classifier.remove(rule);
    this.rules.delete(rule);
    expect(this.classifier.find(rule.match, rule.priority)).toBeUndefined();
  }

  look(key: Int32Array): { rule: Rule | undefined; wildcards: Int32Array } {
    const wildcards = new Int32Array(FLOW_WORDS);
    return { rule: this.classifier.search(key, wildcards), wildcards };
  }
}

/** One random script: rules come and go, keys are looked up, wildcards are put to the test. */
function runScript(seed: number): void {
  const random = new RandomSource(seed);
  const bed = new Bed();
  const space = ruleSpace(random, random.integer(1, 8));
  const steps = random.pick([30, 200, 600]);
  const addChance = random.pick([0.4, 0.6]);
  const priorities = random.pick([1, 4, 0xffff]);
  for (let step = 0; step < steps; step++) {
    if (random.chance(addChance)) {
      bed.add(randomMatch(random, space), random.integer(0, priorities));
    } else if (bed.rules.size > 0 && random.chance(0.4)) {
      const rule = random.pick([...bed.rules]);
      if (random.chance(0.1)) rule.live = !rule.live;
      else bed.remove(rule);
    } else {
      const key = randomKey(random, space);
      const expected = lookupLinearly(bed.rules, key);
      const { rule, wildcards } = bed.look(key);
      expect(rule).toBe(expected);
      for (let i = 0; i < 5; i++) {
        expect(lookupLinearly(bed.rules, changeOutside(random, key, wildcards, space))).toBe(expected);
      }
    }
  }
  for (const rule of bed.rules) bed.remove(rule);
  expect(bed.classifier.size).toBe(0);
  expect(bed.classifier.tableCount).toBe(0);
}

describe('classifier', () => {
  test('finds what a linear scan finds, and its wildcards are sound, through adds and removes', () => {
    for (let seed = 1; seed <= 250; seed++) {
      try {
        runScript(seed);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });

  for (const kind of FILTER_KINDS) {
    test(`agrees with a linear scan on 1,500 filters of kind ${kind}, installed in any order`, () => {
      const filters = makeFilters(kind, 1500, 11);
      const random = new RandomSource(3);
      const dice = new Dice(5);
      const bed = new Bed();
      const flows = filters.flatMap((filter, i) =>
        filterMatches(filter).map((match) => ({ match, priority: 0xffff - i })),
      );
      for (const { match, priority } of flows.sort(() => random.fraction() - 0.5)) bed.put(match, priority);
      const space = {
        words: [KEY_TYPE_VLAN, KEY_NW_SRC, KEY_NW_DST, KEY_TP],
        masks: new Map(),
        values: new Map(),
      };
      const key = new Int32Array(FLOW_WORDS);
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < 200; i++) {
          writeHit(dice.pick(filters), dice.pick(filters), dice, key);
          const expected = lookupLinearly(bed.rules, key);
          const { rule, wildcards } = bed.look(key);
          expect(rule).toBe(expected);
          writeHit(dice.pick(filters), dice.pick(filters), dice, key);
          for (const word of space.words) space.values.set(word, [key[word]!]);
          const start = key.slice();
          writeHit(dice.pick(filters), dice.pick(filters), dice, start);
          const { rule: first, wildcards: mask } = bed.look(start);
          expect(lookupLinearly(bed.rules, changeOutside(random, start, mask, space))).toBe(first);
          expect(wildcards.some((word) => word !== 0)).toBe(true);
        }
        for (const rule of [...bed.rules]) if (random.chance(0.5)) bed.remove(rule);
      }
    });
  }

  test('among equals the rule that was added first wins', () => {
    const bed = new Bed();
    const wide = new Match();
    const narrow = new Match();
    narrow.mask[KEY_TP] = 0xffff;
    narrow.value[KEY_TP] = 80;
    const first = bed.put(narrow, 5);
    const second = bed.put(wide, 5);
    const key = new Int32Array(FLOW_WORDS);
    key[KEY_TP] = 80;
    expect(bed.look(key).rule).toBe(first);
    bed.classifier.remove(first);
    expect(bed.look(key).rule).toBe(second);
    bed.classifier.insert(first);
    expect(bed.look(key).rule).toBe(first);
  });

  test('a rule that is not live is passed over', () => {
    const bed = new Bed();
    const lower = bed.put(new Match(), 1);
    const higher = bed.put(new Match(), 2);
    expect(bed.look(new Int32Array(FLOW_WORDS)).rule).toBe(higher);
    higher.live = false;
    expect(bed.look(new Int32Array(FLOW_WORDS)).rule).toBe(lower);
  });

  test('looks only at the first bits of an address that tell it from those of the rules', () => {
    const bed = new Bed();
    for (let i = 0; i < 4; i++) {
      const match = new Match();
      match.mask[KEY_NW_DST] = -1 << 6;
      match.value[KEY_NW_DST] = 0x0a00_0000 + (i << 6);
      bed.put(match, 10);
    }
    const key = new Int32Array(FLOW_WORDS);
    key[KEY_NW_DST] = 0xc0a8_0101 | 0;
    const { rule, wildcards } = bed.look(key);
    expect(rule).toBeUndefined();
    expect(wildcards[KEY_NW_DST]! & 0xffff).toBe(0);
  });

  test('tables without a better rule are not looked at', () => {
    const bed = new Bed();
    const exact = new Match();
    exact.mask[KEY_NW_SRC] = -1;
    bed.put(exact, 100);
    const other = new Match();
    other.mask[KEY_NW_DST] = -1;
    bed.put(other, 1);
    expect(bed.look(new Int32Array(FLOW_WORDS)).wildcards[KEY_NW_DST]).toBe(0);
  });

  const network = (address: number, length: number): Match => {
    const match = new Match();
    match.mask[KEY_NW_DST] = -1 << (32 - length);
    match.value[KEY_NW_DST] = address & match.mask[KEY_NW_DST]!;
    return match;
  };
  const keyTo = (address: number): Int32Array => {
    const key = new Int32Array(FLOW_WORDS);
    key[KEY_NW_DST] = address;
    return key;
  };

  test('rules of a crowded bucket are found when the filters of their table grow', () => {
    const bed = new Bed();
    const crowded = Array.from({ length: 40 }, (_, i) => bed.put(network(0x0a00_0000 + 2 * i, 31), 5));
    for (let i = 1; i < 200; i++) bed.put(network(0x0a00_0000 + (i << 16), 31), 5);
    for (const [i, rule] of crowded.entries()) expect(bed.look(keyTo(0x0a00_0001 + 2 * i)).rule).toBe(rule);
  });

  test('what removed rules asked for is forgotten', () => {
    const bed = new Bed();
    bed.put(network(0x0a00_0000, 24), 5);
    const stray = bed.put(network(0xc0a8_0100, 24), 5);
    const top = bed.put(network(0xc0a8_0200, 24), 9);
    const other = new Match();
    other.mask[KEY_NW_SRC] = -1;
    const best = bed.put(other, 7);
    expect(bed.look(keyTo(0xc0a8_0101)).wildcards[KEY_NW_DST]).toBe(-1 << 8);
    bed.remove(top);
    const { rule, wildcards } = bed.look(keyTo(0xc0a8_0101));
    expect(rule).toBe(best);
    expect(wildcards[KEY_NW_DST]).toBe(0);
    bed.remove(best);
    expect(bed.look(keyTo(0xc0a8_0001)).wildcards[KEY_NW_DST]).toBe(-1 << 8);
    bed.remove(stray);
    expect(bed.look(keyTo(0xc0a8_0001)).wildcards[KEY_NW_DST]).toBe(-1 << 24);
  });

  test('thousands of masks share a score of tables', () => {
    const bed = new Bed();
    const filters = makeFilters('ipc', 3000, 1);
    for (const [i, filter] of filters.entries()) for (const match of filterMatches(filter)) bed.put(match, i);
    const shapes = new Set([...bed.rules].map((rule) => rule.match.shape));
    expect(shapes.size).toBeGreaterThan(1000);
    expect(bed.classifier.tableCount).toBeLessThan(30);
  });
});

describe('ClassBench filters', () => {
  test('a port range is the union of its prefixes', () => {
    expect(portPrefixes([0, 0xffff])).toEqual([[0, 0]]);
    expect(portPrefixes([80, 80])).toEqual([[80, 0xffff]]);
    expect(portPrefixes([1024, 0xffff])).toHaveLength(6);
    for (const range of [[1, 6] as const, [33434, 33600] as const, [0, 1] as const]) {
      const prefixes = portPrefixes(range);
      for (let port = 0; port <= 0xffff; port++) {
        const inside = port >= range[0] && port <= range[1];
        expect(prefixes.filter(([value, mask]) => (port & mask) === value).length).toBe(inside ? 1 : 0);
      }
    }
  });

  test('a line of the file format is read', () => {
    const text = '@10.1.2.0/24\t192.168.0.1/32\t0 : 65535\t1024 : 65535\t0x06/0xFF\t0x1000/0x1000\t\n';
    expect(parseFilters(text)).toEqual([
      {
        source: 0x0a01_0200,
        sourceLength: 24,
        destination: 0xc0a8_0001 | 0,
        destinationLength: 32,
        sourcePorts: [0, 0xffff],
        destinationPorts: [1024, 0xffff],
        protocol: 6,
        protocolMask: 0xff,
      },
    ]);
  });
});
