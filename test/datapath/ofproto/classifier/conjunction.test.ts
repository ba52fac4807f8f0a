// What: conjunctive matches against their definition and a naive model. Why: soft and hard matches of several
// priorities shade each other, and the wildcards of two searches must hold together.

import { describe, expect, test } from 'vitest';
import type { Action } from '../../../../src/datapath/actions/action.ts';
import {
  FLOW_WORDS,
  KEY_CONJ_ID,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
} from '../../../../src/datapath/flow/key.ts';
import { Match } from '../../../../src/datapath/flow/match.ts';
import { MaskShapes } from '../../../../src/datapath/ofproto/entries/compact-match.ts';
import type { Rule } from '../../../../src/datapath/ofproto/entries/rule.ts';
import { RuleStats } from '../../../../src/datapath/ofproto/entries/rule-stats.ts';
import { FlowTable } from '../../../../src/datapath/ofproto/tables/flow-table.ts';
import { lookupConjunctionsLinearly } from '../../../support/linear-classifier.ts';
import { RandomSource } from '../../../support/random-source.ts';
import { addMod, changeOutside, randomKey, randomMatch, ruleSpace } from './random-rules.ts';

const part = (id: number, clause: number, clauses: number): Action => ({
  type: 'conjunction',
  id,
  clause,
  clauses,
});
const OUTPUT: Action = { type: 'output', port: 1, maxLength: 0 };

function exact(fields: Record<number, number>): Match {
  const match = new Match();
  for (const [word, value] of Object.entries(fields)) {
    match.mask[Number(word)] = -1;
    match.value[Number(word)] = value;
  }
  return match;
}

function keyOf(fields: Record<number, number>): Int32Array {
  return exact(fields).value;
}

class Bed {
  readonly table = new FlowTable(0, new RuleStats(), new MaskShapes());
  readonly rules: Rule[] = [];

  add(match: Match, priority: number, ...actions: Action[]): Rule | undefined {
    if (this.table.find(match, priority)) return undefined;
    const rule = this.table.makeRule(addMod(match, priority, actions), 0);
    this.table.insert(rule);
    this.rules.push(rule);
    return rule;
  }

  look(key: Int32Array): Rule | undefined {
    return this.table.lookup(key, new Int32Array(FLOW_WORDS));
  }
}

/** The example of ovs-fields(7): ip_src of four, ip_dst of four others. */
function manualPage(bed: Bed): Rule {
  for (const source of [1, 4, 6, 7]) bed.add(exact({ [KEY_NW_SRC]: source }), 100, part(1234, 1, 2));
  for (const destination of [2, 5, 7, 8])
    bed.add(exact({ [KEY_NW_DST]: destination }), 100, part(1234, 2, 2));
  return bed.add(exact({ [KEY_CONJ_ID]: 1234 }), 100, OUTPUT)!;
}

describe('conjunctive matches', () => {
  test('match where each dimension does', () => {
    const bed = new Bed();
    const answer = manualPage(bed);
    for (let source = 0; source < 10; source++) {
      for (let destination = 0; destination < 10; destination++) {
        const both = [1, 4, 6, 7].includes(source) && [2, 5, 7, 8].includes(destination);
        expect(bed.look(keyOf({ [KEY_NW_SRC]: source, [KEY_NW_DST]: destination }))).toBe(
          both ? answer : undefined,
        );
      }
    }
  });

  test('leave conj_id of the flow, and of the wildcards, as it was', () => {
    const bed = new Bed();
    const answer = manualPage(bed);
    const key = keyOf({ [KEY_NW_SRC]: 1, [KEY_NW_DST]: 2, [KEY_CONJ_ID]: 5 });
    const wildcards = new Int32Array(FLOW_WORDS);
    expect(bed.table.lookup(key, wildcards)).toBe(answer);
    expect(key[KEY_CONJ_ID]).toBe(5);
    expect(wildcards[KEY_NW_SRC]).toBe(-1);
    expect(wildcards[KEY_NW_DST]).toBe(-1);
  });

  test('fall back to lower rules when no flow has the conj_id', () => {
    const bed = new Bed();
    const answer = manualPage(bed);
    const miss = bed.add(new Match(), 0, OUTPUT);
    const key = keyOf({ [KEY_NW_SRC]: 1, [KEY_NW_DST]: 2 });
    expect(bed.look(key)).toBe(answer);
    bed.table.remove(answer);
    expect(bed.look(key)).toBe(miss);
  });

  test('lose against another rule of their priority, win against one below', () => {
    const bed = new Bed();
    const answer = manualPage(bed);
    const below = bed.add(exact({ [KEY_TP]: 9 }), 99, OUTPUT);
    const key = keyOf({ [KEY_NW_SRC]: 1, [KEY_NW_DST]: 2, [KEY_TP]: 9 });
    expect(bed.look(key)).toBe(answer);
    const equal = bed.add(exact({ [KEY_TP]: 9 }), 100, OUTPUT);
    expect(bed.look(key)).toBe(equal);
    expect(bed.look(keyOf({ [KEY_NW_SRC]: 2, [KEY_TP]: 9 }))).not.toBe(below);
  });

  test('have up to 64 clauses, and one rule may serve several', () => {
    const bed = new Bed();
    for (let clause = 1; clause <= 64; clause++) {
      const match = new Match();
      match.mask[KEY_TP] = -1 << (clause % 32);
      match.mask[KEY_NW_SRC] = clause > 32 ? 1 : 0;
      bed.add(match, 7, part(1, clause, 64), part(2, Math.min(clause, 3), 3));
    }
    const first = bed.add(exact({ [KEY_CONJ_ID]: 1 }), 1, OUTPUT);
    expect(bed.look(new Int32Array(FLOW_WORDS))).toBe(first);
    const second = bed.add(exact({ [KEY_CONJ_ID]: 2 }), 1, OUTPUT);
    expect(bed.look(new Int32Array(FLOW_WORDS))).toBe(second);
  });

  test('follow a change of the actions of a rule', () => {
    const bed = new Bed();
    const answer = manualPage(bed);
    const key = keyOf({ [KEY_NW_SRC]: 1, [KEY_NW_DST]: 2 });
    const rule = bed.table.find(exact({ [KEY_NW_SRC]: 1 }), 100)!;
    rule.actions = [OUTPUT];
    expect(bed.look(key)).toBe(rule);
    rule.actions = [{ type: 'note', bytes: new Uint8Array(6) }, part(1234, 1, 2)];
    expect(bed.look(key)).toBe(answer);
  });

  test('agree with the naive model, and their wildcards are sound', () => {
    let through = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const random = new RandomSource(seed);
      const bed = new Bed();
      const space = ruleSpace(random, random.integer(1, 4));
      space.words = space.words.filter((word) => word !== KEY_CONJ_ID);
      const count = random.integer(5, 60);
      for (let i = 0; i < count; i++) {
        const match = randomMatch(random, space);
        const priority = random.integer(0, 4);
        if (random.chance(0.5)) {
          // One conjunction for each priority: which of two that overlap wins is left open.
          bed.add(match, priority, part(priority + 1, random.integer(1, 2), 2));
        } else {
          if (random.chance(0.5)) {
            match.mask[KEY_CONJ_ID] = -1;
            match.value[KEY_CONJ_ID] = random.integer(1, 5);
          }
          bed.add(match, priority, OUTPUT);
        }
      }
      for (let i = 0; i < 30; i++) {
        const key = randomKey(random, space);
        const expected = lookupConjunctionsLinearly(bed.rules, key);
        const wildcards = new Int32Array(FLOW_WORDS);
        expect(bed.table.lookup(key, wildcards), `seed ${seed}`).toBe(expected);
        if (expected?.match.shape.words.includes(KEY_CONJ_ID)) through++;
        for (let j = 0; j < 4; j++) {
          const other = changeOutside(random, key, wildcards, space);
          other[KEY_CONJ_ID] = 0;
          expect(bed.look(other), `seed ${seed}`).toBe(expected);
        }
      }
    }
    expect(through).toBeGreaterThan(200);
  });
});
