// What: reads a list of actions: finds the parser of each word, joins them, and holds them to the order that Open
// vSwitch asks for. Who: text.ts; nested lists (clone, write_actions) come back here.

import type { PortResolver } from '../flow/port-number.ts';
import { nearestName, syntaxError, type Token, tokenize } from '../flow/syntax.ts';
import type { Action, ActionType } from './action.ts';
import type { ActionParser, ParseContext } from './parse-context.ts';
import { CONTROL_PARSERS, UNSUPPORTED_PARSERS } from './parse-control.ts';
import { FIELD_PARSERS } from './parse-field.ts';
import { parseLearn } from './parse-learn.ts';
import { OUTPUT_PARSERS, parseBarePort } from './parse-output.ts';

/** Where a list of actions stands; only a flow can have instructions. */
export type ActionPlace = 'flow' | 'bucket' | 'packet-out';

const PARSERS: ReadonlyMap<string, ActionParser> = new Map(
  Object.entries({
    ...OUTPUT_PARSERS,
    ...FIELD_PARSERS,
    ...CONTROL_PARSERS,
    ...UNSUPPORTED_PARSERS,
    learn: parseLearn,
  }),
);
const BARE_WORDS = ['normal', 'flood', 'all', 'in_port', 'local', 'table', 'drop'];
/** Words that start an action, for messages. */
const ACTION_WORDS = [...PARSERS.keys(), ...BARE_WORDS].filter((word) => !(word in UNSUPPORTED_PARSERS));

/** How deep lists of actions may stand within each other (MAX_OFPACT_PARSE_DEPTH of Open vSwitch). */
const MAX_DEPTH = 100;

/** The instructions in the order in which they must stand (OpenFlow 1.5, 5.5); all other actions are at APPLY. */
const APPLY = 1;
const INSTRUCTION_ORDER: Partial<Record<ActionType, number>> = {
  meter: 0,
  clear_actions: 2,
  write_actions: 3,
  write_metadata: 4,
  goto_table: 5,
};

/** Actions that an action set can hold (OpenFlow 1.5, 5.6). */
const IN_ACTION_SET: ReadonlySet<ActionType> = new Set<ActionType>([
  'normal',
  'flood',
  'all',
  'in_port',
  'table',
  'group',
  'set_field',
  'mod',
  'load',
  'move',
  'dec_ttl',
  'dec_mpls_ttl',
  'set_queue',
  'push_vlan',
  'pop_vlan',
  'push_mpls',
  'pop_mpls',
  'resubmit',
]);

/** The actions of text[from, to). Throws SwitchError invalid-argument. */
export function parseList(
  text: string,
  from: number,
  to: number,
  resolvePort: PortResolver,
  place: ActionPlace,
): Action[] {
  return parseTokens(newContext(text, resolvePort), tokenize(text, from, to), place, undefined);
}

/** The same of tokens that the caller has cut out of `text`. */
export function parseActionTokens(
  text: string,
  tokens: readonly Token[],
  resolvePort: PortResolver,
  place: ActionPlace,
): Action[] {
  return parseTokens(newContext(text, resolvePort), tokens, place, undefined);
}

function newContext(text: string, resolvePort: PortResolver): ParseContext {
  let depth = 0;
  const context: ParseContext = {
    text,
    resolvePort,
    nested: (token, outer) => {
      if (depth >= MAX_DEPTH) {
        throw syntaxError(
          text,
          token.keyAt,
          token.key.length,
          'Actions stand too deep in each other',
          'less depth',
        );
      }
      depth++;
      const end = token.valueAt + (token.value?.length ?? 0);
      const actions = parseTokens(context, tokenize(text, token.valueAt, end), 'bucket', outer);
      depth--;
      return actions;
    },
  };
  return context;
}

function parseTokens(
  context: ParseContext,
  tokens: readonly Token[],
  place: ActionPlace,
  outer: 'clone' | 'write_actions' | undefined,
): Action[] {
  const actions: Action[] = [];
  const starts: Token[] = [];
  let drop: Token | undefined;
  for (let i = 0; i < tokens.length; i++) {
    let token = tokens[i]!;
    if (token.key.toLowerCase() === 'drop') {
      drop = token;
      continue;
    }
    const next = tokens[i + 1];
    if (next && isArrow(context.text, token, next)) {
      token = joinArrow(context.text, token, next);
      i++;
    }
    actions.push(parseAction(context, token));
    starts.push(token);
  }
  if (drop && actions.length > 0) {
    throw pointAt(
      context.text,
      drop,
      'drop must not be accompanied by other actions',
      'drop alone, or no drop',
    );
  }
  checkOrder(context.text, actions, starts, place, outer);
  return actions;
}

function parseAction(context: ParseContext, token: Token): Action {
  const parser = PARSERS.get(token.key) ?? PARSERS.get(token.key.toLowerCase());
  if (parser) return parser(context, token);
  const action = parseBarePort(context, token);
  if (action) return action;
  const nearest = nearestName(token.key.toLowerCase(), ACTION_WORDS);
  const expected = nearest
    ? `${nearest}, perhaps`
    : 'an action such as output:2, normal, set_field, resubmit or drop';
  throw pointAt(context.text, token, `There is no action or port ${token.key}`, expected);
}

/** `name(…)->FIELD` is one action in two tokens. */
function isArrow(text: string, token: Token, next: Token): boolean {
  const end = token.valueAt + (token.value?.length ?? 0);
  return token.value !== undefined && next.keyAt === end + 1 && text.startsWith(')->', end);
}

function joinArrow(text: string, token: Token, next: Token): Token {
  const end = next.value === undefined ? next.keyAt + next.key.length : next.valueAt + next.value.length;
  return { ...token, value: text.slice(token.valueAt, end) };
}

function pointAt(text: string, token: Token, problem: string, expected: string) {
  return syntaxError(text, token.keyAt, Math.max(1, token.key.length), problem, expected);
}

/** Throws for actions that may not stand where they do (ofpacts_verify of Open vSwitch). */
function checkOrder(
  text: string,
  actions: readonly Action[],
  starts: readonly Token[],
  place: ActionPlace,
  outer: 'clone' | 'write_actions' | undefined,
): void {
  if (actions.some(({ type }) => type === 'conjunction')) {
    const other = actions.findIndex(({ type }) => type !== 'conjunction' && type !== 'note');
    if (other < 0) return;
    throw pointAt(
      text,
      starts[other]!,
      'conjunction stands with no other action but note',
      'conjunction alone',
    );
  }
  let last = 0;
  for (const [i, { type }] of actions.entries()) {
    const order = INSTRUCTION_ORDER[type] ?? APPLY;
    const start = starts[i]!;
    if (i > 0 && (last === APPLY ? order < last : order <= last)) {
      const before = starts[i - 1]!.key;
      if (order === last) throw pointAt(text, start, `${start.key} stands twice`, `one ${start.key}`);
      throw pointAt(text, start, `${start.key} must stand before ${before}`, `${start.key} further in front`);
    }
    const isInstruction = order !== APPLY;
    if (isInstruction && ((place !== 'flow' && type !== 'meter') || outer)) {
      throw pointAt(text, start, `${start.key} is not allowed here`, 'an action that is no instruction');
    }
    if (outer === 'write_actions' && !fitsActionSet(actions[i]!)) {
      throw pointAt(
        text,
        start,
        `An action set cannot hold ${start.key}`,
        'output, group, or changes of fields',
      );
    }
    last = order;
  }
}

function fitsActionSet(action: Action): boolean {
  if (action.type === 'output') return action.maxLength === 0;
  if (action.type !== 'controller') return IN_ACTION_SET.has(action.type);
  // Only the plain one is an output to a port.
  const { reason, controllerId, userdata, pause, meterId } = action;
  return reason === 'action' && controllerId === 0 && !userdata && !pause && meterId === undefined;
}
