// What: the forwarding database: learning, moving, ageing, fair eviction, static entries, and the versions that
// cached flows depend on. Why: an error here sends frames to the wrong port.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fdb, NO_SLOT } from '../../../../src/datapath/ofproto/tables/fdb.ts';

const AGE_MS = 300_000;

/** A touch by the hot path: a cached flow of the station had a frame. */
function touch(fdb: Fdb, slot: number, nowMs: number): void {
  fdb.lastUsedMs[slot] = nowMs;
}

describe('learning', () => {
  test('knows a station per VLAN', () => {
    const fdb = new Fdb(10, AGE_MS);
    fdb.learn(5, 0xa, 1, 0);
    expect(fdb.lookup(5, 0xa, 0)).toBe(1);
    expect(fdb.lookup(6, 0xa, 0)).toBe(-1);
    expect(fdb.stats()).toMatchObject({ entries: 1, learned: 1, moved: 0 });
  });

  test('a station that moves is on its new port only, and counted', () => {
    const fdb = new Fdb(10, AGE_MS);
    fdb.learn(0, 0xa, 1, 0);
    fdb.learn(0, 0xa, 2, 1);
    expect(fdb.lookup(0, 0xa, 1)).toBe(2);
    expect(fdb.stats()).toMatchObject({ entries: 1, learned: 1, moved: 1 });
    expect(fdb.flush(1)).toBe(0);
    expect(fdb.flush(2)).toBe(1);
  });

  test('tells MAC addresses apart that differ in one bit only, high or low', () => {
    const fdb = new Fdb(100, AGE_MS);
    for (let bit = 0; bit < 48; bit++) fdb.learn(0, 2 ** bit, bit + 1, 0);
    for (let bit = 0; bit < 48; bit++) expect(fdb.lookup(0, 2 ** bit, 0)).toBe(bit + 1);
  });
});

describe('ageing', () => {
  test('forgets a station exactly after its age, also before the sweep', () => {
    const fdb = new Fdb(10, AGE_MS);
    fdb.learn(0, 0xa, 1, 1000);
    expect(fdb.lookup(0, 0xa, 1000 + AGE_MS - 1)).toBe(1);
    expect(fdb.lookup(0, 0xa, 1000 + AGE_MS)).toBe(-1);
    expect(fdb.list(0, 10, 1000 + AGE_MS).stations).toEqual([]);
    fdb.sweep(1000 + AGE_MS);
    expect(fdb.stats()).toMatchObject({ entries: 0, expired: 1 });
  });

  test('a touch by the hot path keeps a station', () => {
    const fdb = new Fdb(10, AGE_MS);
    const slot = fdb.learn(0, 0xa, 1, 0);
    touch(fdb, slot, 200_000);
    fdb.sweep(400_000);
    expect(fdb.lookup(0, 0xa, 400_000)).toBe(1);
    fdb.sweep(500_000);
    expect(fdb.stats()).toMatchObject({ entries: 0, expired: 1 });
  });

  test('a sweep removes old stations behind young ones, whatever the order of touches', () => {
    const fdb = new Fdb(10, AGE_MS);
    const first = fdb.learn(0, 0xa, 1, 0);
    fdb.learn(0, 0xb, 1, 10);
    touch(fdb, first, 100_000);
    fdb.sweep(300_010);
    expect(fdb.list(0, 10, 300_010).stations.map(({ mac }) => mac)).toEqual([0xa]);
  });

  test('sweeps a large table in parts', () => {
    const fdb = new Fdb(50_000, AGE_MS);
    for (let mac = 0; mac < 40_000; mac++) fdb.learn(0, mac, 1, 0);
    let sweeps = 0;
    while (fdb.size > 0 && sweeps < 10) {
      fdb.sweep(AGE_MS);
      sweeps++;
    }
    expect(sweeps).toBe(3);
  });
});

describe('eviction', () => {
  test('takes from the port with the most stations, its least recently used one', () => {
    const fdb = new Fdb(4, AGE_MS);
    fdb.learn(0, 0xa, 1, 0);
    fdb.learn(0, 0xb, 2, 1);
    fdb.learn(0, 0xc, 2, 2);
    fdb.learn(0, 0xd, 2, 3);
    fdb.learn(0, 0xe, 3, 4);
    expect(fdb.lookup(0, 0xb, 4)).toBe(-1);
    expect([0xa, 0xc, 0xd, 0xe].map((mac) => fdb.lookup(0, mac, 4))).toEqual([1, 2, 2, 3]);
    expect(fdb.stats()).toMatchObject({ entries: 4, evicted: 1 });
  });

  test('a station that the hot path used gets another round', () => {
    const fdb = new Fdb(3, AGE_MS);
    const slot = fdb.learn(0, 0xa, 1, 0);
    fdb.learn(0, 0xb, 1, 1);
    fdb.learn(0, 0xc, 1, 2);
    touch(fdb, slot, 3);
    fdb.learn(0, 0xd, 1, 4);
    expect(fdb.lookup(0, 0xa, 4)).toBe(1);
    expect(fdb.lookup(0, 0xb, 4)).toBe(-1);
  });

  test('a port that floods addresses pushes out its own', () => {
    const fdb = new Fdb(100, AGE_MS);
    for (let i = 0; i < 20; i++) fdb.learn(0, i, 1, i);
    for (let i = 0; i < 10_000; i++) fdb.learn(0, 1000 + i, 2, 100 + i);
    for (let i = 0; i < 20; i++) expect(fdb.lookup(0, i, 20_000)).toBe(1);
    expect(fdb.stats()).toMatchObject({ entries: 100, evicted: 10_000 - 80 });
  });
});

describe('static stations', () => {
  test('do not age, move or go', () => {
    const fdb = new Fdb(2, AGE_MS);
    fdb.addStatic(0, 0xa, 1, 0);
    fdb.addStatic(0, 0xb, 1, 0);
    expect(fdb.learn(0, 0xa, 2, 1)).toBe(NO_SLOT);
    expect(fdb.learn(0, 0xc, 2, 1)).toBe(NO_SLOT);
    expect(fdb.addStatic(0, 0xd, 1, 1)).toBe(false);
    fdb.sweep(10 * AGE_MS);
    expect(fdb.flush()).toBe(0);
    expect([0xa, 0xb, 0xc].map((mac) => fdb.lookup(0, mac, 10 * AGE_MS))).toEqual([1, 1, -1]);
    expect(fdb.delete(0, 0xa)).toBe(true);
    expect(fdb.delete(0, 0xa)).toBe(false);
  });

  test('room that comes back makes flows whose station was refused stale', () => {
    const fdb = new Fdb(1, AGE_MS);
    fdb.addStatic(0, 0xa, 1, 0);
    fdb.learn(0, 0xb, 2, 0);
    const before = fdb.bucketVersions[fdb.bucketOf(0, 0xb)];
    fdb.delete(0, 0xa);
    expect(fdb.bucketVersions[fdb.bucketOf(0, 0xb)]).not.toBe(before);
  });

  test('go with their port', () => {
    const fdb = new Fdb(10, AGE_MS);
    fdb.addStatic(0, 0xa, 1, 0);
    fdb.learn(0, 0xb, 1, 0);
    fdb.learn(0, 0xc, 2, 0);
    fdb.forgetPort(1);
    expect(fdb.list(0, 10, 0).stations.map(({ mac }) => mac)).toEqual([0xc]);
  });
});

test('lists in pages', () => {
  const fdb = new Fdb(10, AGE_MS);
  for (let mac = 1; mac <= 5; mac++) fdb.learn(0, mac, mac, 0);
  fdb.delete(0, 3);
  const first = fdb.list(0, 2, 0);
  const second = fdb.list(first.next, 2, 0);
  expect([first, second].map(({ stations }) => stations.map(({ mac }) => mac))).toEqual([
    [1, 2],
    [4, 5],
  ]);
  expect(first.next).not.toBe(0);
  expect(second.next).toBe(0);
});

const operation = fc.oneof(
  fc.record({ op: fc.constant('learn' as const), mac: fc.nat(15), port: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ op: fc.constant('delete' as const), mac: fc.nat(15), port: fc.constant(0) }),
  fc.record({ op: fc.constant('static' as const), mac: fc.nat(15), port: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ op: fc.constant('flush' as const), mac: fc.constant(0), port: fc.integer({ min: 1, max: 3 }) }),
);

test('agrees with a plain map while it has room, and each change of an answer changes the version of its bucket', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const fdb = new Fdb(100, AGE_MS);
      const model = new Map<number, { port: number; isStatic: boolean }>();
      for (const { op, mac, port } of operations) {
        const answers = Array.from({ length: 16 }, (_, m) => fdb.lookup(0, m, 0));
        const versions = Array.from({ length: 16 }, (_, m) => fdb.bucketVersions[fdb.bucketOf(0, m)]);
        if (op === 'learn') {
          fdb.learn(0, mac, port, 0);
          if (!model.get(mac)?.isStatic) model.set(mac, { port, isStatic: false });
        } else if (op === 'delete') {
          expect(fdb.delete(0, mac)).toBe(model.delete(mac));
        } else if (op === 'static') {
          fdb.addStatic(0, mac, port, 0);
          model.set(mac, { port, isStatic: true });
        } else {
          const doomed = [...model].filter(([, entry]) => !entry.isStatic && entry.port === port);
          expect(fdb.flush(port)).toBe(doomed.length);
          for (const [key] of doomed) model.delete(key);
        }
        expect(fdb.size).toBe(model.size);
        for (let m = 0; m < 16; m++) {
          expect(fdb.lookup(0, m, 0)).toBe(model.get(m)?.port ?? -1);
          if (fdb.lookup(0, m, 0) === answers[m]) continue;
          expect(fdb.bucketVersions[fdb.bucketOf(0, m)]).not.toBe(versions[m]);
        }
      }
    }),
  );
});
