// What: the lexical side of flow text: cutting `key=value, key(value) key` into tokens, reading integers, and the
// errors that point at a token. Why: matches, flows and actions share one grammar, that of ovs-ofctl(8), "Flow
// Syntax". Who: match-text.ts, actions, ofproto/text/flow-text.ts. Files of 100,000 flows come through here, so that the
// loops look at character codes and make no string that is not kept.

import { SwitchError } from '../errors.ts';
import { hexDigit } from '../wire/address-text.ts';

/** `key`, `key=value`, `key:value` or `key(value)`, and where it stands in the text. */
export interface Token {
  key: string;
  keyAt: number;
  /** Undefined: the key stands alone. */
  value: string | undefined;
  valueAt: number;
}

const IS_SEPARATOR = 1;
const ENDS_KEY = 2;
/** What each ASCII character does to a token. */
const CLASSES = new Uint8Array(128);
for (const c of ', \t\r\n') CLASSES[c.charCodeAt(0)] = IS_SEPARATOR | ENDS_KEY;
for (const c of ':=(') CLASSES[c.charCodeAt(0)] = ENDS_KEY;
const OPEN = 40;
const CLOSE = 41;

export const MAX_U64 = 0xffff_ffff_ffff_ffffn;

/** Longest part of a text that an error shows. */
const SHOWN_LENGTH = 100;
/** What a terminal would obey and not show: control characters, and marks that turn the direction of text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Whether the character at text[at] is of a class. */
function is(text: string, at: number, kind: number): boolean {
  const code = text.charCodeAt(at);
  return code < 128 && (CLASSES[code]! & kind) !== 0;
}

/** Cuts text[from, to) into tokens. Throws SwitchError invalid-argument for a parenthesis that is not closed. */
export function tokenize(text: string, from = 0, to = text.length): Token[] {
  const tokens: Token[] = [];
  let at = from;
  for (;;) {
    while (at < to && is(text, at, IS_SEPARATOR)) at++;
    if (at >= to) return tokens;
    const keyAt = at;
    while (at < to && !is(text, at, ENDS_KEY)) at++;
    const key = text.slice(keyAt, at);
    if (at >= to || is(text, at, IS_SEPARATOR)) {
      tokens.push({ key, keyAt, value: undefined, valueAt: at });
    } else if (text.charCodeAt(at) === OPEN) {
      const close = closingParenthesis(text, at, to);
      tokens.push({ key, keyAt, value: text.slice(at + 1, close), valueAt: at + 1 });
      at = close + 1;
    } else {
      const valueAt = at + 1;
      at = valueEnd(text, valueAt, to);
      tokens.push({ key, keyAt, value: text.slice(valueAt, at), valueAt });
    }
  }
}

/** A value ends at a separator that is not inside parentheses. */
function valueEnd(text: string, from: number, to: number): number {
  let at = from;
  while (at < to && !is(text, at, IS_SEPARATOR)) {
    at = text.charCodeAt(at) === OPEN ? closingParenthesis(text, at, to) + 1 : at + 1;
  }
  return at;
}

function closingParenthesis(text: string, open: number, to: number): number {
  let depth = 0;
  for (let at = open; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === OPEN) depth++;
    else if (code === CLOSE && --depth === 0) return at;
  }
  throw syntaxError(text, open, 1, 'This parenthesis is not closed', 'a ")" further on');
}

/** A decimal, 0x hexadecimal or 0 octal integer as strtol(3) reads it, without sign; undefined if it is none. */
export function parseInteger(text: string): bigint | undefined {
  const number = parseUnsigned(text, 0, text.length);
  if (Number.isSafeInteger(number)) return BigInt(number);
  if (Number.isNaN(number)) return undefined;
  return BigInt(text.charCodeAt(0) === 48 && !/^0x/i.test(text) ? `0o${text.slice(1)}` : text);
}

/** The same of text[from, to) as a number, which is inexact above Number.MAX_SAFE_INTEGER; NaN if it is none. */
export function parseUnsigned(text: string, from: number, to: number): number {
  if (from >= to) return Number.NaN;
  let at = from;
  let base = 10;
  if (text.charCodeAt(at) === 48 && to - at > 1) {
    const isHex = (text.charCodeAt(at + 1) | 32) === 120;
    base = isHex ? 16 : 8;
    at += isHex ? 2 : 1;
    if (at >= to) return Number.NaN;
  }
  let number = 0;
  for (; at < to; at++) {
    const digit = hexDigit(text.charCodeAt(at));
    if (digit >= base) return Number.NaN;
    number = number * base + digit;
  }
  return number;
}

/** A number of 64 bits; like strtoull(3), -1 stands for all ones. Undefined if the text is none. */
export function parse64(text: string): bigint | undefined {
  const negative = text.startsWith('-');
  const number = parseInteger(negative ? text.slice(1) : text);
  if (number === undefined || number > MAX_U64) return undefined;
  return negative ? BigInt.asUintN(64, -number) : number;
}

/** The value of a token as a number 0..maximum. Throws SwitchError invalid-argument, with what was `expected`. */
export function numberValue(text: string, token: Token, maximum: number, expected?: string): number {
  const written = token.value ?? '';
  const number = parseUnsigned(written, 0, written.length);
  // Not `number > maximum`, which NaN is not.
  if (number <= maximum) return number;
  throw valueError(text, token, expected ?? `a number 0 to ${maximum}`);
}

/** The value of a token, or the part of it that is given, as parse64() reads it. Throws SwitchError invalid-argument. */
export function value64(text: string, token: Token, written = token.value ?? ''): bigint {
  const number = parse64(written);
  if (number === undefined) throw valueError(text, token, 'a number of 64 bits');
  return number;
}

/** The error for the token text[at, at + length): what is wrong, the text with a caret, what was expected. */
export function syntaxError(
  text: string,
  at: number,
  length: number,
  problem: string,
  expected: string,
): SwitchError {
  const from = Math.max(0, at - SHOWN_LENGTH / 2);
  const shownLength = Math.min(Math.max(length, SHOWN_LENGTH / 2), 2 * SHOWN_LENGTH);
  const to = Math.min(text.length, at + shownLength);
  const line = printable(text.slice(from, to));
  const caret = `${' '.repeat(at - from)}${'^'.repeat(Math.max(1, Math.min(length, to - at)))}`;
  const shown = problem.length > 2 * SHOWN_LENGTH ? `${problem.slice(0, SHOWN_LENGTH)}…` : problem;
  const sentence = `${printable(shown)}: expected ${printable(expected)}.`;
  return new SwitchError('invalid-argument', `${sentence}\n  ${line}\n  ${caret}`);
}

/** Text that can be shown in a line; each character stays where it is. */
export function printable(text: string): string {
  return text.replace(/\s/g, ' ').replace(UNPRINTABLE, '?');
}

/** The error for the value of a token. */
export function valueError(
  text: string,
  token: { key: string; value: string | undefined; valueAt: number; keyAt?: number },
  expected: string,
): SwitchError {
  const value = token.value ?? '';
  if (value !== '') {
    return syntaxError(text, token.valueAt, value.length, `${value} is no value for ${token.key}`, expected);
  }
  const at = token.keyAt ?? token.valueAt;
  const length = token.keyAt === undefined ? 1 : token.key.length;
  return syntaxError(text, at, length, `${token.key} has no value`, expected);
}

/** The error for a key that is none of `names`: the nearest of them is offered, else what was `expected`. */
export function unknownKey(
  text: string,
  token: Token,
  kind: 'key' | 'field',
  names: Iterable<string>,
  expected: string,
): SwitchError {
  const nearest = nearestName(token.key, names);
  const offered = nearest ? `${nearest}, perhaps` : expected;
  const length = Math.max(1, token.key.length);
  const problem = token.key === '' ? 'A name is missing here' : `There is no ${kind} ${token.key}`;
  return syntaxError(text, token.keyAt, length, problem, offered);
}

/** The name that a mistyped word was most likely meant to be; undefined when none is near. */
export function nearestName(word: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  // A third of the letters may be wrong.
  let bestDistance = Math.max(2, Math.floor(word.length / 3) + 1);
  for (const name of names) {
    const distance = editDistance(word, name, bestDistance);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Letters to insert, delete, change, or swap with the next one (the Levenshtein distance with transpositions); at least
 * `limit` when the words differ that much.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let earlier: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? earlier[j - 2]! + 1 : change;
      current.push(Math.min(change, swap, previous[j]! + 1, current[j - 1]! + 1));
    }
    earlier = previous;
    previous = current;
  }
  return previous[b.length]!;
}
