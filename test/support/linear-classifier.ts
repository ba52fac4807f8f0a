// What: the plainest possible classifier: look at every rule. Why: it is the oracle for the real one, too simple to be
// wrong. Who: property tests.

import { KEY_CONJ_ID } from '../../src/datapath/flow/key.ts';
import type { CompactMatch } from '../../src/datapath/ofproto/entries/compact-match.ts';
import type { Rule } from '../../src/datapath/ofproto/entries/rule.ts';

/** True when the key has all bits that the match asks for. */
export function accepts({ shape, values }: CompactMatch, key: Int32Array): boolean {
  return shape.words.every((word, i) => (key[word]! & shape.masks[i]!) === values[i]);
}

/** The live rule of the highest priority among those that accept the key, the one added first among equals. */
export function lookupLinearly(rules: Iterable<Rule>, key: Int32Array): Rule | undefined {
  let best: Rule | undefined;
  for (const rule of rules) {
    const isBetter =
      !best ||
      rule.priority > best.priority ||
      (rule.priority === best.priority && rule.sequence < best.sequence);
    if (isBetter && rule.live && accepts(rule.match, key)) best = rule;
  }
  return best;
}

/**
 * The same where rules may have conjunction actions, as ovs-fields(7) defines them: those rules never are the answer,
 * but where those of one priority that accept the key cover all clauses of a conjunction, and no other rule of that
 * priority or above accepts it, the answer is what the table says of the key with conj_id, if it says anything.
 * As Open vSwitch does it, a rule is not found that way when one with conjunction actions, of higher priority, has the
 * same match.
 */
export function lookupConjunctionsLinearly(rules: readonly Rule[], key: Int32Array): Rule | undefined {
  const hard = lookupLinearly(
    rules.filter((rule) => !isPart(rule)),
    key,
  );
  const parts = rules.filter((rule) => isPart(rule) && rule.live && accepts(rule.match, key));
  const priorities = [...new Set(parts.map((rule) => rule.priority))].sort((a, b) => b - a);
  for (const priority of priorities) {
    if (hard && hard.priority >= priority) break;
    for (const id of metConjunctions(parts.filter((rule) => rule.priority === priority))) {
      const withId = key.slice();
      withId[KEY_CONJ_ID] = id;
      const visible = rules.filter((rule) => !isPart(rule) && !isHidden(rule, rules));
      const answer = lookupLinearly(visible, withId);
      if (answer) return answer;
    }
  }
  return hard;
}

function isPart(rule: Rule): boolean {
  return rule.actions.some((action) => action.type === 'conjunction');
}

/** Ids of the conjunctions all of whose clauses one of the rules is for, the one that is completed first in front. */
function metConjunctions(parts: readonly Rule[]): number[] {
  const clauses = new Map<number, Set<number>>();
  const met: number[] = [];
  for (const part of [...parts].sort((a, b) => a.sequence - b.sequence)) {
    for (const action of part.actions) {
      if (action.type !== 'conjunction') continue;
      const known = clauses.get(action.id) ?? new Set();
      clauses.set(action.id, known.add(action.clause));
      if (known.size === action.clauses && !met.includes(action.id)) met.push(action.id);
    }
  }
  return met;
}

function isHidden(rule: Rule, rules: readonly Rule[]): boolean {
  return rules.some(
    (other) =>
      isPart(other) &&
      other.live &&
      other.priority > rule.priority &&
      other.match.shape === rule.match.shape &&
      other.match.values.every((value, i) => value === rule.match.values[i]),
  );
}
