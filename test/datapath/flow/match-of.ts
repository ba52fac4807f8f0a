// What: a match straight from text, for tests.

import { Match } from '../../../src/datapath/flow/match.ts';
import {
  applyMatchToken,
  checkPrerequisites,
  type FieldUse,
  formatMatch,
} from '../../../src/datapath/flow/match-text.ts';
import { NO_PORTS, type PortResolver } from '../../../src/datapath/flow/port-number.ts';
import { syntaxError, tokenize } from '../../../src/datapath/flow/syntax.ts';

/** Throws SwitchError for what is no match. */
export function matchOf(text: string, resolvePort: PortResolver = NO_PORTS): Match {
  const match = new Match();
  const uses: FieldUse[] = [];
  for (const token of tokenize(text)) {
    const use = applyMatchToken(match, text, token, resolvePort);
    if (use === undefined) throw syntaxError(text, token.keyAt, token.key.length, 'unknown', 'a field');
    if (use !== 'shorthand') uses.push(use);
  }
  checkPrerequisites(match, text, uses);
  return match;
}

export function formatted(text: string): string {
  return formatMatch(matchOf(text));
}
