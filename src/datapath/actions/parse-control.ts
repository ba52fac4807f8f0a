// What: reads the actions and instructions that steer the walk through the tables: resubmit, clone, conjunction, note,
// fin_timeout, write_actions, goto_table and their like; and says which words are not supported yet. Who: parse.ts.

import { OFPORT_IN_PORT, parseAnyPort } from '../flow/port-number.ts';
import { MAX_U64, parse64, syntaxError, type Token, valueError } from '../flow/syntax.ts';
import { type Action, CURRENT_TABLE, LAST_TABLE, METER_MAX } from './action.ts';
import {
  type ActionParser,
  innerTokens,
  numberValue,
  type ParseContext,
  parseBytes,
  U16,
  U32,
} from './parse-context.ts';
import { unknownKey } from './parse-output.ts';

/** A note fills up its action, whose length is a multiple of 8 and which starts with 10 bytes of header. */
const NOTE_HEADER = 10;

const parseResubmit: ActionParser = (context, token) => {
  const form = 'PORT, or PORT,TABLE between parentheses, of which one can be left out';
  const [portText = '', tableText = '', option = '', ...rest] = (token.value ?? '')
    .split(',')
    .map((s) => s.trim());
  if (rest.length > 0) throw valueError(context.text, token, form);
  if (option === 'ct') throw notSupported(context, token, 'resubmit(…,ct)');
  if (option !== '') throw valueError(context.text, token, form);
  const port = portText === '' ? OFPORT_IN_PORT : parseAnyPort(portText, context.resolvePort);
  if (port === undefined) throw valueError(context.text, token, `a known port: ${form}`);
  const tableId = tableText === '' ? CURRENT_TABLE : parseTable(tableText);
  if (tableId === undefined) throw valueError(context.text, token, `a table 0 to ${LAST_TABLE}: ${form}`);
  if (port === OFPORT_IN_PORT && tableId === CURRENT_TABLE) {
    throw syntaxError(context.text, token.keyAt, token.key.length, 'resubmit needs a port or a table', form);
  }
  return { type: 'resubmit', port: port === OFPORT_IN_PORT ? undefined : port, tableId };
};

function parseTable(text: string): number | undefined {
  const number = /^[0-9]{1,3}$/.test(text) ? Number(text) : undefined;
  return number !== undefined && (number <= LAST_TABLE || number === CURRENT_TABLE) ? number : undefined;
}

const parseConjunction: ActionParser = (context, token) => {
  const parts = /^\s*(-?\w+)\s*,\s*([0-9]+)\s*\/\s*([0-9]+)\s*$/.exec(token.value ?? '');
  const id = parts && parse64(parts[1]!);
  const [clause, clauses] = [Number(parts?.[2]), Number(parts?.[3])];
  if (id === undefined || id === null || (id > U32 && id < MAX_U64 - BigInt(U32 >>> 1))) {
    throw valueError(context.text, token, 'ID,CLAUSE/CLAUSES');
  }
  if (clauses < 2 || clauses > 64 || clause < 1 || clause > clauses) {
    throw valueError(context.text, token, 'ID,CLAUSE/CLAUSES with 2 to 64 clauses, counted from 1');
  }
  return { type: 'conjunction', id: Number(BigInt.asUintN(32, id)), clause, clauses };
};

const parseNote: ActionParser = (context, token) => {
  const bytes = parseBytes(token.value ?? '');
  if (!bytes) throw valueError(context.text, token, 'bytes as pairs of hex digits, for example 01.02.ff');
  const length = Math.max(16, (bytes.length + NOTE_HEADER + 7) & ~7) - NOTE_HEADER;
  const padded = new Uint8Array(length);
  padded.set(bytes);
  return { type: 'note', bytes: padded };
};

const parseFinTimeout: ActionParser = (context, token) => {
  let [idleTimeout, hardTimeout] = [0, 0];
  for (const inner of innerTokens(context, token)) {
    if (inner.key === 'idle_timeout') idleTimeout = numberValue(context, inner, U16);
    else if (inner.key === 'hard_timeout') hardTimeout = numberValue(context, inner, U16);
    else throw unknownKey(context, inner, 'idle_timeout= or hard_timeout=');
  }
  return { type: 'fin_timeout', idleTimeout, hardTimeout };
};

const parseWriteMetadata: ActionParser = (context, token) => {
  const written = token.value ?? '';
  const slash = written.indexOf('/');
  const value = parse64(slash < 0 ? written : written.slice(0, slash));
  const mask = slash < 0 ? MAX_U64 : parse64(written.slice(slash + 1));
  if (value === undefined || mask === undefined)
    throw valueError(context.text, token, 'VALUE or VALUE/MASK of 64 bits');
  return { type: 'write_metadata', value: value & mask, mask };
};

const parseGotoTable: ActionParser = (context, token) => {
  const expected = `a table 0 to ${LAST_TABLE}`;
  const tableId = parseTable(token.value ?? '');
  if (tableId === undefined || tableId > LAST_TABLE) throw valueError(context.text, token, expected);
  return { type: 'goto_table', tableId };
};

const parseMeter: ActionParser = (context, token) => {
  const expected = `a meter 1 to ${METER_MAX}`;
  const meterId = numberValue(context, token, METER_MAX, expected);
  if (meterId === 0) throw valueError(context.text, token, expected);
  return { type: 'meter', meterId };
};

const plain =
  (action: Action): ActionParser =>
  () =>
    action;

/** The error for an action of Open vSwitch that this version does not have. */
function notSupported(context: ParseContext, token: Token, name = token.key) {
  const problem = `${name} is not supported yet`;
  return syntaxError(context.text, token.keyAt, token.key.length, problem, 'another action');
}

const refuse: ActionParser = (context, token) => {
  throw notSupported(context, token);
};

const applyActions: ActionParser = (context, token) => {
  const problem = 'apply_actions is what a list of actions means anyway';
  throw syntaxError(context.text, token.keyAt, token.key.length, problem, 'the actions themselves');
};

export const CONTROL_PARSERS: Record<string, ActionParser> = {
  resubmit: parseResubmit,
  clone: (context, token) => ({ type: 'clone', actions: context.nested(token, 'clone') }),
  conjunction: parseConjunction,
  note: parseNote,
  exit: plain({ type: 'exit' }),
  fin_timeout: parseFinTimeout,
  meter: parseMeter,
  apply_actions: applyActions,
  clear_actions: plain({ type: 'clear_actions' }),
  write_actions: (context, token) => ({
    type: 'write_actions',
    actions: context.nested(token, 'write_actions'),
  }),
  write_metadata: parseWriteMetadata,
  goto_table: parseGotoTable,
};

export const UNSUPPORTED_PARSERS: Record<string, ActionParser> = Object.fromEntries(
  [
    'ct',
    'ct_clear',
    'nat',
    'encap',
    'decap',
    'dec_nsh_ttl',
    'delete_field',
    'debug_recirc',
    'debug_slow',
  ].map((name) => [name, refuse]),
);
