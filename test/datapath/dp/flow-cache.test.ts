import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FlowCache } from '../../../src/datapath/dp/flow-cache.ts';

test('answers nothing but what was inserted last for a hash, with few sets and full ones', () => {
  const step = fc.record({ hash: fc.integer({ min: -40, max: 40 }), insert: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const cache = new FlowCache(2);
      const inserted = new Map<number, number>();
      for (const [i, { hash, insert }] of steps.entries()) {
        const candidate = cache.candidate(hash);
        if (candidate !== 0) expect(candidate).toBe(inserted.get(hash));
        if (!insert) continue;
        const known = candidate !== 0;
        cache.insert(hash, i + 1);
        // A hash that has a place keeps it.
        if (known) expect(cache.candidate(hash)).toBe(i + 1);
        if (cache.candidate(hash) === i + 1) inserted.set(hash, i + 1);
      }
    }),
  );
});

test('takes new flows in while its sets have room, and some when they are full', () => {
  const cache = new FlowCache(1);
  for (let hash = 1; hash <= 4; hash++) cache.insert(hash, 100 + hash);
  expect([1, 2, 3, 4].map((hash) => cache.candidate(hash))).toEqual([101, 102, 103, 104]);
  for (let hash = 5; hash < 200; hash++) cache.insert(hash, 100 + hash);
  expect([1, 2, 3, 4].map((hash) => cache.candidate(hash))).toEqual([0, 0, 0, 0]);
});
