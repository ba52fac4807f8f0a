// What: the sentences of syntax errors, and the names that they suggest. Why: what is shown comes out of files that may
// hold anything, and ends on a terminal.

import { expect, test } from 'vitest';
import { nearestName, syntaxError } from '../../../src/datapath/flow/syntax.ts';

test('an error shows the text, and a caret below the token', () => {
  const text = 'tcp,tp_dst=x,actions=drop';
  expect(syntaxError(text, 11, 1, 'x is no number', 'a number').message).toBe(
    'x is no number: expected a number.\n  tcp,tp_dst=x,actions=drop\n             ^',
  );
});

test('an error shows no control characters, and the caret stays in its place', () => {
  const text = 'a\x1b[2J\tb\0\u202e=1';
  expect(syntaxError(text, 6, 3, `There is no field ${text.slice(6, 9)}`, 'a name').message).toBe(
    'There is no field b??: expected a name.\n  a?[2J b??=1\n        ^^^',
  );
});

test('an error stays short, however long the token is', () => {
  const word = 'x'.repeat(1_000_000);
  const { message } = syntaxError(word, 0, word.length, `There is no field ${word}`, 'a name');
  expect(message.length).toBeLessThan(600);
  expect(message).toMatch(/^There is no field x+…: expected a name\./);
});

test.each([
  ['tpc', 'tcp'],
  ['kpbs', 'kbps'],
  ['ouput', 'output'],
  ['nw_scr', 'nw_src'],
  ['eth_dts', 'eth_dst'],
  ['xyz', undefined],
])('the name nearest to %s is %s', (word, name) => {
  expect(nearestName(word, ['tcp', 'udp', 'kbps', 'output', 'nw_src', 'nw_dst', 'eth_dst'])).toBe(name);
});
