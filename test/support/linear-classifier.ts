// What: the plainest possible classifier: look at every rule. Why: it is the oracle for the real one, too simple to be
// wrong. Who: property tests.

import type { Rule } from '../../src/datapath/ofproto/rule.ts';

/** The rule of the highest priority among those that accept the key, the one added first among equals. */
export function lookupLinearly(rules: Iterable<Rule>, key: Int32Array): Rule | undefined {
  let best: Rule | undefined;
  for (const rule of rules) {
    const accepts = rule.match.mask.every((mask, i) => (key[i]! & mask) === rule.match.value[i]);
    const isBetter =
      !best ||
      rule.priority > best.priority ||
      (rule.priority === best.priority && rule.sequence < best.sequence);
    if (accepts && isBetter) best = rule;
  }
  return best;
}
