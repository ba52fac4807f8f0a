// What: the plainest possible classifier: look at every rule. Why: it is the oracle for the real one, too simple to be
// wrong. Who: property tests.

import type { Rule } from '../../src/datapath/ofproto/rule.ts';

/** The highest priority among the rules that accept the key, and those rules. */
export function lookupLinearly(rules: Iterable<Rule>, key: Int32Array): Rule[] {
  const accepting = [...rules].filter(({ match }) =>
    match.mask.every((mask, i) => (key[i]! & mask) === match.value[i]),
  );
  const priority = Math.max(...accepting.map((rule) => rule.priority));
  return accepting.filter((rule) => rule.priority === priority);
}
