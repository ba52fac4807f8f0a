// What: the lexical side of flow text: cutting `key=value, key(value) key` into tokens, reading integers, and the
// errors that point at a token. Why: matches, flows and actions share one grammar, that of ovs-ofctl(8), "Flow
// Syntax". Who: match-text.ts, actions, ofproto/flow-text.ts.

import { SwitchError } from '../errors.ts';

/** `key`, `key=value`, `key:value` or `key(value)`, and where it stands in the text. */
export interface Token {
  key: string;
  keyAt: number;
  /** Undefined: the key stands alone. */
  value: string | undefined;
  valueAt: number;
}

const SEPARATORS = ', \t\r\n';
const KEY_END = `:=(${SEPARATORS}`;
/** Longest part of a text that an error shows. */
const SHOWN_LENGTH = 100;

/** Cuts text[from, to) into tokens. Throws SwitchError invalid-argument for a parenthesis that is not closed. */
export function tokenize(text: string, from = 0, to = text.length): Token[] {
  const tokens: Token[] = [];
  let at = from;
  for (;;) {
    while (at < to && SEPARATORS.includes(text[at]!)) at++;
    if (at >= to) return tokens;
    const keyAt = at;
    while (at < to && !KEY_END.includes(text[at]!)) at++;
    const key = text.slice(keyAt, at);
    if (at >= to || SEPARATORS.includes(text[at]!)) {
      tokens.push({ key, keyAt, value: undefined, valueAt: at });
    } else if (text[at] === '(') {
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
  while (at < to && !SEPARATORS.includes(text[at]!)) {
    at = text[at] === '(' ? closingParenthesis(text, at, to) + 1 : at + 1;
  }
  return at;
}

function closingParenthesis(text: string, open: number, to: number): number {
  let depth = 0;
  for (let at = open; at < to; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return at;
  }
  throw syntaxError(text, open, 1, 'This parenthesis is not closed', 'a ")" further on');
}

/** A decimal, 0x hexadecimal or 0 octal integer as strtol(3) reads it, without sign; undefined if it is none. */
export function parseInteger(text: string): bigint | undefined {
  if (/^(0x[0-9a-f]+|0|[1-9][0-9]*)$/i.test(text)) return BigInt(text);
  return /^0[0-7]+$/.test(text) ? BigInt(`0o${text.slice(1)}`) : undefined;
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
  const to = Math.min(text.length, at + Math.max(length, SHOWN_LENGTH / 2));
  const line = text.slice(from, to).replace(/\s/g, ' ');
  const caret = `${' '.repeat(at - from)}${'^'.repeat(Math.max(1, Math.min(length, to - at)))}`;
  return new SwitchError('invalid-argument', `${problem}: expected ${expected}.\n  ${line}\n  ${caret}`);
}

/** The error for the value of a token. */
export function valueError(text: string, token: Token, expected: string): SwitchError {
  const value = token.value ?? '';
  if (value === '')
    return syntaxError(text, token.keyAt, token.key.length, `${token.key} has no value`, expected);
  return syntaxError(text, token.valueAt, value.length, `${value} is no value for ${token.key}`, expected);
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

/** Letters to insert, delete or change (Levenshtein distance); at least `limit` when the words differ that much. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(change, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
