// What: the store of programs: one verdict for equal programs, bounded by its holders.

import { expect, test } from 'vitest';
import { dropVerdict, isDrop, isSingleOutput, Programs } from '../../../src/datapath/actions/verdict.ts';
import { RandomSource } from '../../support/random-source.ts';

test('equal programs have one verdict as long as somebody holds it', () => {
  const programs = new Programs();
  const words = Int32Array.of(1, 2, 1, 3, 9, 9);
  const verdict = programs.intern(words, 4);
  expect(isDrop(verdict) || isSingleOutput(verdict)).toBe(false);
  expect(programs.intern(Int32Array.of(1, 2, 1, 3))).toBe(verdict);
  expect(programs.intern(words)).not.toBe(verdict);
  words.fill(0);
  expect([...programs.of(verdict)]).toEqual([1, 2, 1, 3]);
  programs.release(verdict);
  expect(programs.size).toBe(2);
  programs.hold(verdict);
  programs.release(verdict);
  programs.release(verdict);
  expect(programs.size).toBe(1);
  // Verdicts without a program need no holder.
  programs.hold(5);
  programs.release(dropVerdict('flow-drop'));
});

test('agrees with a map under random interns and releases, and forgets what nobody holds', () => {
  const random = new RandomSource(5);
  const programs = new Programs();
  const held: number[] = [];
  const model = new Map<string, number>();
  for (let i = 0; i < 30_000; i++) {
    if (held.length > 0 && random.chance(i < 20_000 ? 0.45 : 0.6)) {
      const verdict = held.splice(random.integer(0, held.length - 1), 1)[0]!;
      const words = programs.of(verdict).join();
      programs.release(verdict);
      if (!held.includes(verdict)) model.delete(words);
    } else {
      const words = Int32Array.from({ length: random.integer(1, 4) }, () => random.integer(-3, 9));
      const verdict = programs.intern(words);
      expect(model.get(words.join()) ?? verdict).toBe(verdict);
      expect(programs.of(verdict)).toEqual(words);
      model.set(words.join(), verdict);
      held.push(verdict);
    }
    expect(programs.size).toBe(model.size);
  }
  for (const verdict of held) programs.release(verdict);
  expect(programs.size).toBe(0);
});

test('a program that nobody holds stays for a while, and thousands of them do not', () => {
  const programs = new Programs();
  const words = Int32Array.of(1, 2, 1, 3);
  const verdict = programs.intern(words);
  const kept = programs.of(verdict);
  programs.release(verdict);
  expect(programs.size).toBe(0);
  expect(programs.of(programs.intern(words))).toBe(kept);
  expect(programs.size).toBe(1);
  const verdicts = Array.from({ length: 10_000 }, (_, i) => programs.intern(Int32Array.of(1, i, 1, 4)));
  expect(new Set(verdicts).size).toBe(10_000);
  for (const each of verdicts) programs.release(each);
  expect(programs.size).toBe(1);
  expect(verdicts.filter((each) => programs.of(each).length > 0).length).toBeLessThan(4096);
  const again = verdicts.map((_, i) => programs.intern(Int32Array.of(1, i, 1, 5)));
  expect(again.every((each, i) => programs.of(each)[1] === i)).toBe(true);
  expect(programs.intern(words)).toBe(verdict);
});
