// What: what all parsers of actions share: where they read, and reading numbers and words with an error that points at
// the place. Who: the parse-*.ts files; parse.ts makes the context.

import type { PortResolver } from '../flow/port-number.ts';
import {
  parseUnsigned,
  numberValue as readNumber,
  syntaxError,
  type Token,
  tokenize,
  value64,
} from '../flow/syntax.ts';
import type { Action } from './action.ts';

export interface ParseContext {
  /** The whole text; positions of tokens count in it. */
  readonly text: string;
  readonly resolvePort: PortResolver;
  /** Reads a list of actions that stands within an action. */
  nested(token: Token, outer: 'clone' | 'write_actions'): Action[];
}

export type ActionParser = (context: ParseContext, token: Token) => Action;

export const U8 = 0xff;
export const U16 = 0xffff;
export const U32 = 0xffff_ffff;

/** A part of the value of a token. */
export interface Word {
  word: string;
  at: number;
}

/** The tokens inside of a token's value: `key=value, flag` between parentheses. */
export function innerTokens(context: ParseContext, token: Token): Token[] {
  const length = token.value?.length ?? 0;
  return length === 0 ? [] : tokenize(context.text, token.valueAt, token.valueAt + length);
}

/** Cuts the value of a token at each of the characters in `delimiters`; empty parts are left out. */
export function words(token: Token, delimiters: string): Word[] {
  const value = token.value ?? '';
  const found: Word[] = [];
  for (let at = 0; at < value.length; ) {
    let end = at;
    while (end < value.length && !delimiters.includes(value[end]!)) end++;
    if (end > at) found.push({ word: value.slice(at, end), at: token.valueAt + at });
    at = end + 1;
  }
  return found;
}

/** An unsigned integer as strtoul(3) with base 0 reads it, up to 2^53; undefined if it is none. */
export function parseNumber(text: string): number | undefined {
  const number = parseUnsigned(text, 0, text.length);
  return Number.isNaN(number) ? undefined : number;
}

/** The value of a token as a number 0..maximum. */
export function numberValue(context: ParseContext, token: Token, maximum: number, expected?: string): number {
  return readNumber(context.text, token, maximum, expected);
}

/** The value of a token as a number of 64 bits. */
export function number64(context: ParseContext, token: Token): bigint {
  return value64(context.text, token);
}

/** The error that points at a part of a token's value. */
export function wordError(context: ParseContext, { word, at }: Word, problem: string, expected: string) {
  return syntaxError(context.text, at, Math.max(1, word.length), problem, expected);
}

/** The bytes of hexadecimal digits in pairs, with or without dots between them. Undefined when the text is something else. */
export function parseBytes(text: string): Uint8Array | undefined {
  const digits = text.replace(/[ .\t\r\n]/g, '');
  // Two digits of a byte stand side by side.
  if (!/^(?:[ .\t\r\n]*[0-9a-fA-F]{2})*[ .\t\r\n]*$/.test(text)) return undefined;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}
