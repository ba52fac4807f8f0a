// What: the actions that a flow can carry, from and to text (ovs-actions(7)). Why: one union, so that the compiler
// points at each place that must know a new action: the printer here and the translation in ofproto/xlate.ts. Who:
// ofproto/flow-text.ts, ofproto/xlate.ts. An action family has a file of its own; this one joins them.

import type { PortResolver } from '../flow/port-number.ts';
import { nearestName, syntaxError, tokenize } from '../flow/syntax.ts';
import { formatOutput, OUTPUT_WORDS, type OutputAction, parseOutput } from './output.ts';

export type Action = OutputAction;

/**
 * The actions in text[from, to). An empty list means drop. Throws SwitchError invalid-argument, pointing at the
 * action that is wrong.
 */
export function parseActions(text: string, from: number, to: number, resolvePort: PortResolver): Action[] {
  const tokens = tokenize(text, from, to);
  const actions: Action[] = [];
  for (const token of tokens) {
    if (token.key.toLowerCase() === 'drop' && token.value === undefined) {
      if (tokens.length === 1) return [];
      const problem = '"drop" must not be accompanied by any other action';
      throw syntaxError(
        text,
        token.keyAt,
        token.key.length,
        problem,
        'drop alone, or the other actions without it',
      );
    }
    const action = parseOutput(text, token, resolvePort);
    if (!action) {
      const nearest = nearestName(token.key.toLowerCase(), OUTPUT_WORDS);
      const expected = nearest
        ? `${nearest}, perhaps`
        : `a port of the bridge or one of ${OUTPUT_WORDS.join(', ')}`;
      throw syntaxError(
        text,
        token.keyAt,
        token.key.length,
        `There is no action or port ${token.key}`,
        expected,
      );
    }
    actions.push(action);
  }
  return actions;
}

/** Actions as Open vSwitch prints them; `drop` when there are none. */
export function formatActions(actions: readonly Action[]): string {
  return actions.length === 0 ? 'drop' : actions.map(formatOutput).join(',');
}
