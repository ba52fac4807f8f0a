// What: flows from the text of ovs-ofctl(8): `table=…,priority=…,match…,actions=…`, and filters that choose flows.
// Why: users bring flow files and habits of Open vSwitch; a dumped flow can be added again. Who: bridge, bundles,
// listings. The match part is flow/match-text.ts, the actions part is actions/text.ts, the way back flow-format.ts.
// Files of 100,000 flows come through here: a flow of the common kind makes no BigInt and runs no regular expression.

import { parseSubfield } from '../../actions/subfield.ts';
import { parseActions } from '../../actions/text.ts';
import type { SwitchError } from '../../errors.ts';
import { FIELD_BY_NAME, SHORTHAND_BY_NAME } from '../../flow/fields.ts';
import { Match } from '../../flow/match.ts';
import { applyMatchToken, checkPrerequisites, type FieldUse } from '../../flow/match-text.ts';
import type { PortResolver } from '../../flow/port-number.ts';
import {
  parseInteger,
  syntaxError,
  type Token,
  tokenize,
  unknownKey,
  valueError,
} from '../../flow/syntax.ts';
import { ALL_TABLES, type FlowMod, type FlowModCommand, newFlowMod } from '../entries/flow-mod.ts';
import {
  KEY_READERS,
  KIND_ADD,
  KIND_FILTER,
  KIND_MODIFY,
  KIND_STRICT_FILTER,
  MODERN_FLAGS,
} from './flow-keys.ts';

export {
  describeRule,
  formatFlowMod,
  formatRule,
  type RuleCounts,
  RuleLines,
  writeFlowLine,
} from './flow-format.ts';

const ACTION = 'action';
const EQUALS = 61;
const LETTER_S = 115;

/**
 * The flow that `text` adds or changes; with a command that deletes, the flows that it deletes. `match` is cleared and
 * becomes that of the flow: a caller that reads many flows, and keeps the match of none, gives the same one each time.
 * Throws SwitchError invalid-argument that points at the first thing that is wrong.
 */
export function parseFlowMod(
  text: string,
  command: FlowModCommand,
  resolvePort: PortResolver,
  match = new Match(),
): FlowMod {
  if (command === 'delete' || command === 'delete_strict') {
    return parseFlowQuery(text, command === 'delete_strict', resolvePort);
  }
  match.value.fill(0);
  match.mask.fill(0);
  const kind = command === 'add' ? KIND_ADD : KIND_MODIFY;
  const actionsAt = findActions(text);
  const mod = newFlowMod(command, match);
  if (kind === KIND_ADD) mod.tableId = 0;
  readKeys(text, actionsAt < 0 ? text.length : actionsAt, kind, mod, resolvePort);
  if (actionsAt < 0) {
    const expected = '"actions=" and what to do, or actions=drop';
    throw syntaxError(text, text.length, 1, 'The flow has no actions', expected);
  }
  mod.actions = parseActions(text, text.indexOf('=', actionsAt) + 1, text.length, {
    resolvePort,
    match,
    place: 'flow',
    tableId: mod.tableId === ALL_TABLES ? 0 : mod.tableId,
    isModern: (mod.flags & MODERN_FLAGS) !== 0,
  });
  return mod;
}

/**
 * The flows that `text` chooses by match, table, cookie, out_port and out_group, to be listed or deleted; '' chooses
 * all. `strict`: the one flow of exactly this match and priority. Throws SwitchError invalid-argument.
 */
export function parseFlowQuery(text: string, strict: boolean, resolvePort: PortResolver): FlowMod {
  const mod = newFlowMod(strict ? 'delete_strict' : 'delete', new Match());
  readKeys(text, text.length, strict ? KIND_STRICT_FILTER : KIND_FILTER, mod, resolvePort);
  return mod;
}

/** Where the key `actions` starts; -1: nowhere. */
export function findActions(text: string): number {
  for (let at = text.indexOf(ACTION); at >= 0; at = text.indexOf(ACTION, at + 1)) {
    if (at > 0 && !isSeparator(text.charCodeAt(at - 1))) continue;
    let end = at + ACTION.length;
    if (text.charCodeAt(end) === LETTER_S) end++;
    while (text.charCodeAt(end) === 32 || text.charCodeAt(end) === 9) end++;
    if (text.charCodeAt(end) === EQUALS) return at;
  }
  return -1;
}

function isSeparator(code: number): boolean {
  return code === 44 || code === 32 || (code >= 9 && code <= 13);
}

/** Reads text[0, end) into the flow. */
function readKeys(text: string, end: number, kind: number, mod: FlowMod, resolvePort: PortResolver): void {
  const uses: FieldUse[] = [];
  const tokens = tokenize(text, 0, end);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const read = KEY_READERS.get(token.key);
    if (read !== undefined) {
      read(text, token, kind, mod, resolvePort);
      continue;
    }
    const use = applyMatchToken(mod.match, text, token, resolvePort) ?? applySubfield(mod.match, text, token);
    if (use === undefined) throw unknownField(text, token, kind);
    if (use !== 'shorthand') uses.push(use);
  }
  checkPrerequisites(mod.match, text, uses);
}

/** `tcp_src[6..10]=19` adds some bits to what the match asks of a field. Undefined when the key is something else. */
function applySubfield(match: Match, text: string, token: Token): FieldUse | undefined {
  if (!token.key.includes('[')) return undefined;
  const { field, offset, width } = parseSubfield(text, { word: token.key, at: token.keyAt });
  const value = parseInteger(token.value ?? '');
  if (value === undefined || value >> BigInt(width) !== 0n) {
    throw valueError(text, token, `a number of ${width} bit${width === 1 ? '' : 's'}`);
  }
  if (!field.maskable && width !== field.width) {
    const problem = `${field.name} takes no mask`;
    throw syntaxError(text, token.keyAt, token.key.length, problem, `all bits: ${field.name}=…`);
  }
  match.setBits(field.bit + field.width - offset - width, width, value, (1n << BigInt(width)) - 1n);
  return { field, token };
}

function unknownField(text: string, token: Token, kind: number): SwitchError {
  const names = [...FIELD_BY_NAME.keys(), ...SHORTHAND_BY_NAME.keys(), ...KEY_READERS.keys()];
  const fields = 'a match field such as in_port, dl_dst, nw_src, tp_dst';
  return unknownKey(text, token, 'field', names, kind < KIND_FILTER ? `${fields}, or actions=` : fields);
}
