// What: reads the learn action: the keys of the flow that it adds, and its terms in all their forms. Who: parse.ts.
// Syntax: ovs-actions(7), "The learn action".

import { type Field, fieldMask } from '../flow/fields.ts';
import { parseFieldValue } from '../flow/match-text.ts';
import { parseInteger, syntaxError, type Token, valueError } from '../flow/syntax.ts';
import type { LearnAction, LearnTerm, Subfield } from './action.ts';
import {
  type ActionParser,
  innerTokens,
  number64,
  numberValue,
  type ParseContext,
  U16,
  U32,
  type Word,
  wordError,
} from './parse-context.ts';
import { parseBits, splitArrow } from './parse-field.ts';
import { hasShortHeader, namesField, parseSubfield, parseTarget } from './subfield.ts';

const LAST_LEARN_TABLE = 253;
const KEYS =
  'table=, priority=, idle_timeout=, hard_timeout=, fin_idle_timeout=, fin_hard_timeout=, cookie=, limit=, result_dst=, send_flow_rem, delete_learned, FIELD=…, load:… or output:FIELD';

/** Key and where it sends its number. */
const NUMBERS = {
  priority: ['priority', U16],
  idle_timeout: ['idleTimeout', U16],
  hard_timeout: ['hardTimeout', U16],
  fin_idle_timeout: ['finIdleTimeout', U16],
  fin_hard_timeout: ['finHardTimeout', U16],
  limit: ['limit', U32],
  table: ['tableId', LAST_LEARN_TABLE],
} as const;

export const parseLearn: ActionParser = (context, token) => {
  const terms: LearnTerm[] = [];
  const action: LearnAction = {
    type: 'learn',
    tableId: 1,
    priority: 32_768,
    cookie: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    finIdleTimeout: 0,
    finHardTimeout: 0,
    sendFlowRemoved: false,
    deleteLearned: false,
    limit: 0,
    resultTarget: undefined,
    terms,
  };
  for (const inner of innerTokens(context, token)) {
    if (!readKey(context, inner, action)) terms.push(parseTerm(context, inner));
  }
  return action;
};

/** Reads a key of the learned flow; false when the token is something else. */
function readKey(context: ParseContext, token: Token, action: LearnAction): boolean {
  const { key } = token;
  if (key in NUMBERS) {
    const [property, maximum] = NUMBERS[key as keyof typeof NUMBERS];
    action[property] = numberValue(context, token, maximum);
  } else if (key === 'cookie') {
    action.cookie = number64(context, token);
  } else if (key === 'send_flow_rem') {
    action.sendFlowRemoved = true;
  } else if (key === 'delete_learned') {
    action.deleteLearned = true;
  } else if (key === 'result_dst') {
    action.resultTarget = parseTarget(context.text, { word: token.value ?? '', at: token.valueAt });
    if (action.resultTarget.width !== 1)
      throw valueError(context.text, token, 'a single bit such as reg0[0]');
  } else {
    return false;
  }
  return true;
}

function parseTerm(context: ParseContext, token: Token): LearnTerm {
  const value: Word = { word: token.value ?? '', at: token.valueAt };
  if (token.key === 'load') return parseLoadTerm(context, token);
  if (token.key === 'output') return { kind: 'output', source: parseSubfield(context.text, value) };
  if (!namesField(token.key) && !token.key.includes('[') && token.value === undefined) {
    const problem = `learn does not know ${token.key}`;
    throw syntaxError(context.text, token.keyAt, Math.max(1, token.key.length), problem, KEYS);
  }
  const key: Word = { word: token.key, at: token.keyAt };
  const target = parseSubfield(context.text, key);
  checkHeader(context, key, target);
  if (value.word === '') return { kind: 'match', target, value: target };
  if (namesField(value.word)) {
    const source = parseSubfield(context.text, value);
    checkWidths(context, value, source, target);
    return { kind: 'match', target, value: source };
  }
  return { kind: 'match', target, value: parseConstant(context, token, value, target) };
}

/** What a learned flow matches on: the value of a whole field as its text has it, else a number. */
function parseConstant(
  context: ParseContext,
  token: Token,
  word: Word,
  { field, offset, width }: Subfield,
): bigint {
  if (offset !== 0 || width !== field.width) return parseBits(context, word, width);
  const { value, mask } = parseFieldValue(
    context.text,
    { ...token, key: field.name },
    field,
    context.resolvePort,
  );
  if (isWhole(field, mask)) return value;
  throw valueError(context.text, token, 'a value without a mask, or a field');
}

function isWhole(field: Field, mask: bigint): boolean {
  return (mask & fieldMask(field)) === fieldMask(field);
}

function parseLoadTerm(context: ParseContext, token: Token): LearnTerm {
  const { left, right } = splitArrow(
    context,
    token,
    'VALUE->FIELD[FROM..TO] or FIELD[FROM..TO]->FIELD[FROM..TO]',
  );
  const target = parseTarget(context.text, right);
  checkHeader(context, right, target);
  if (parseInteger(left.word) !== undefined) {
    return { kind: 'load', target, value: parseBits(context, left, target.width) };
  }
  const source = parseSubfield(context.text, left);
  checkWidths(context, left, source, target);
  return { kind: 'load', target, value: source };
}

function checkHeader(context: ParseContext, word: Word, { field }: Subfield): void {
  if (hasShortHeader(field)) return;
  throw wordError(context, word, `learn cannot use ${field.name}`, 'a field with a NXM name');
}

function checkWidths(context: ParseContext, word: Word, source: Subfield, target: Subfield): void {
  if (source.width === target.width) return;
  const problem = `${word.word} has ${source.width} bits, ${target.field.name} here ${target.width}`;
  throw wordError(context, word, problem, 'as many bits on both sides');
}
