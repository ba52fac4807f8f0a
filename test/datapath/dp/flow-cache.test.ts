// What: the exact-match cache on its own. Why: a collision, an eviction or a stale entry must never answer for
// another flow; the switch tests seldom fill a set.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ENTRY_VERDICT, FlowCache } from '../../../src/datapath/dp/flow-cache.ts';
import { FlowStats } from '../../../src/datapath/dp/flow-stats.ts';
import { type Pipeline, Translation } from '../../../src/datapath/dp/upcall.ts';
import { KEY_L4_WORDS, KEY_WORDS } from '../../../src/datapath/flow/key.ts';

function pipeline(version: number): Pipeline {
  return {
    version,
    keyMask: new Int32Array(KEY_WORDS).fill(-1),
    keyWords: KEY_L4_WORDS,
    dependencyVersions: new Int32Array(4),
    lastUsedMs: new Float64Array(1),
    translate: () => expect.unreachable(),
  };
}

function translation(verdict: number, a = 0, b = 0): Translation {
  return Object.assign(new Translation(), { verdict, dependencyA: a, dependencyB: b });
}

/** The verdict that the cache holds for a key, or undefined. */
function lookup(cache: FlowCache, key: Int32Array, hash: number, from: Pipeline): number | undefined {
  const entry = cache.candidate(hash);
  const isLive = cache.isLive(entry, key, 0, KEY_L4_WORDS, from.version, from.dependencyVersions);
  return isLive ? cache.entries[entry + ENTRY_VERDICT]! : undefined;
}

test('answers only what was inserted last for the same key and version, with few sets and colliding hashes', () => {
  const step = fc.record({
    key: fc.nat(30),
    // Small, so that different keys share hashes; 0 is a hash like any other.
    hash: fc.nat(11),
    version: fc.integer({ min: 1, max: 2 }),
    insert: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const cache = new FlowCache(2);
      const inserted = new Map<string, number>();
      for (const [verdict, { key: number, hash, version, insert }] of steps.entries()) {
        const from = pipeline(version);
        const key = new Int32Array(KEY_L4_WORDS).fill(number);
        const found = lookup(cache, key, hash, from);
        const name = `${number}/${hash}/${version}`;
        if (found !== undefined) expect(found).toBe(inserted.get(name));
        if (!insert) continue;
        cache.insert(key, 0, KEY_L4_WORDS, hash, from, translation(verdict));
        inserted.set(name, verdict);
        expect(lookup(cache, key, hash, from)).toBe(verdict);
      }
    }),
  );
});

describe('an entry is stale', () => {
  const key = new Int32Array(KEY_L4_WORDS).fill(7);

  test.each([1, 2])('when dependency %i changes, and not when another one does', (dependency) => {
    const cache = new FlowCache(2);
    const from = pipeline(1);
    from.dependencyVersions[dependency] = 2 ** 31 - 1;
    cache.insert(key, 0, KEY_L4_WORDS, 5, from, translation(3, 1, 2));
    from.dependencyVersions[3]!++;
    expect(lookup(cache, key, 5, from)).toBe(3);
    from.dependencyVersions[dependency]!++;
    expect(lookup(cache, key, 5, from)).toBeUndefined();
  });

  test('when any word of the key differs', () => {
    const cache = new FlowCache(2);
    const from = pipeline(1);
    cache.insert(key, 0, KEY_L4_WORDS, 5, from, translation(3));
    for (let word = 0; word < KEY_L4_WORDS; word++) {
      const other = key.slice();
      other[word] = 8;
      expect(lookup(cache, other, 5, from)).toBeUndefined();
    }
    expect(lookup(cache, key, 5, from)).toBe(3);
  });
});

test('rows of flow statistics start at zero, also when used again, and survive growth', () => {
  const stats = new FlowStats();
  const slots = Array.from({ length: 1000 }, () => stats.take());
  expect(new Set(slots).size).toBe(1000);
  expect(slots).not.toContain(0);
  for (const slot of slots) stats.packets[slot]! += slot;
  expect(slots.every((slot) => stats.packets[slot] === slot)).toBe(true);
  stats.release(slots[3]!);
  const again = stats.take();
  expect(again).toBe(slots[3]);
  expect([stats.packets[again], stats.bytes[again]]).toEqual([0, 0]);
});
