import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OP_OUTPUT } from '../../../src/datapath/actions/program.ts';
import { dropVerdict, Programs } from '../../../src/datapath/actions/verdict.ts';
import { KeyMaker } from '../../../src/datapath/dp/key-maker.ts';
import {
  ROW_BYTES_DOUBLE,
  ROW_PACKETS,
  ROW_TABLE,
  ROW_VERDICT,
} from '../../../src/datapath/dp/megaflow-row.ts';
import { covers, MAX_MASKS, PipelineState } from '../../../src/datapath/dp/megaflow-table.ts';
import { Megaflows } from '../../../src/datapath/dp/megaflows.ts';
import { Translation } from '../../../src/datapath/dp/upcall.ts';
import { KEY_MAC, KEY_NW_DST, KEY_NW_SRC, KEY_TP, KEY_WORDS } from '../../../src/datapath/flow/key.ts';
import { MemoryProvider } from '../../../src/datapath/port/memory.ts';
import { FakePipeline } from '../../support/fake-pipeline.ts';

const { batch } = new MemoryProvider();
const view = new DataView(batch.bytes.buffer);
const WORDS = [KEY_MAC, KEY_NW_SRC, KEY_NW_DST, KEY_TP];

/** A store with one pipeline, driven by hand. */
class Store {
  readonly programs = new Programs();
  readonly pipeline: FakePipeline;
  readonly megaflows: Megaflows;
  readonly state: PipelineState;
  private readonly compactKey = new Int32Array(KEY_WORDS);

  constructor(capacity = 64, keyWords: readonly number[] = WORDS) {
    this.pipeline = new FakePipeline();
    for (const word of keyWords) this.pipeline.keyMask[word] = -1;
    this.megaflows = new Megaflows(this.programs, capacity);
    this.state = new PipelineState(this.pipeline, 1, this.maker());
  }

  maker(): KeyMaker {
    return new KeyMaker(batch, view, this.pipeline.keyMask, { seed: 1 });
  }

  find(key: Int32Array): number {
    this.state.maker.compact(key, this.compactKey, 0);
    return this.megaflows.find(this.state, this.compactKey, 0);
  }

  insert(key: Int32Array, mask: Int32Array, verdict: number, effects = 0, nowMs = 1000): number {
    const row = this.megaflows.insert(this.state, key, translation(mask, verdict, effects), nowMs);
    return row;
  }

  verdict(row: number): number {
    return this.megaflows.rows[row + ROW_VERDICT]!;
  }

  count(row: number, packets: number, bytes: number): void {
    this.megaflows.rows[row + ROW_PACKETS]! += packets;
    this.megaflows.doubles[(row >> 1) + ROW_BYTES_DOUBLE]! += bytes;
  }
}

function translation(mask: Int32Array, verdict: number, effects = 0): Translation {
  const out = Object.assign(new Translation(), { verdict, effects });
  out.mask.set(mask);
  return out;
}

function words(...values: number[]): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  for (const [i, value] of values.entries()) key[WORDS[i]!] = value;
  return key;
}

test('finds what a naive search under the same masks finds, whatever is inserted, removed and evicted', () => {
  const small = fc.integer({ min: 0, max: 3 });
  const step = fc.record({
    key: fc.tuple(small, small, small, small),
    mask: fc.tuple(small, small, small, small),
    act: fc.constantFrom('insert', 'insert', 'find', 'remove'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const store = new Store(16);
      let verdict = 0;
      for (const { key: values, mask: bits, act } of steps) {
        const key = words(...values);
        const row = store.find(key);
        const { items, matching } = naive(store, key);
        expect(items).toBe(store.megaflows.size);
        expect(row === 0 ? matching.length === 0 : matching.includes(row)).toBe(true);
        if (act === 'insert' && row === 0) {
          const inserted = store.insert(key, words(...bits), verdict++);
          expect(store.find(key)).toBe(inserted);
        } else if (act === 'remove' && row !== 0) {
          store.megaflows.remove(row, 1000);
          expect(store.find(key)).not.toBe(row);
        }
        expect(store.megaflows.size).toBeLessThanOrEqual(16);
        expect(store.megaflows.tables.count).toBeLessThanOrEqual(MAX_MASKS);
      }
    }),
  );
});

/** How many rows there are, and those that match a key by what they say of themselves. */
function naive(store: Store, key: Int32Array): { items: number; matching: number[] } {
  const { megaflows } = store;
  const matching: number[] = [];
  let items = 0;
  for (let row = megaflows.next(0); row !== 0; row = megaflows.next(row)) {
    items++;
    const { mask } = megaflows.tables.of(megaflows.rows[row + ROW_TABLE]!);
    const own = megaflows.describe(row, 1000).key;
    if (own.every((word, i) => word === (key[i]! & mask[i]!))) matching.push(row);
  }
  return { items, matching };
}

describe('when a pipeline has as many masks as it may have', () => {
  const mask = (n: number) => words(n + 1);

  test('a new mask goes under one that covers it, or under the whole key mask', () => {
    const store = new Store(256);
    for (let n = 0; n < 200; n++) {
      const key = words(0x1234_5678 + n, n);
      if (store.find(key) === 0) store.insert(key, mask(n * 7), n);
      const row = store.find(key);
      expect(row).not.toBe(0);
      const table = store.megaflows.tables.of(store.megaflows.rows[row + ROW_TABLE]!);
      expect(store.megaflows.tables.count).toBeLessThanOrEqual(MAX_MASKS);
      expect(covers(store.pipeline.keyMask, table.mask)).toBe(true);
    }
  });

  test('a larger key mask still gets its table', () => {
    const store = new Store(256, [KEY_MAC]);
    for (let n = 0; n < 40; n++) store.insert(words(n), mask(n), n);
    for (const extra of [KEY_NW_SRC, KEY_NW_DST, KEY_TP]) {
      store.pipeline.keyMask = store.pipeline.keyMask.map((bits, i) => (i === extra ? -1 : bits));
      store.state.keyMask = store.pipeline.keyMask;
      store.state.maker = store.maker();
      store.megaflows.rebind(store.state);
      const key = new Int32Array(KEY_WORDS).fill(99);
      key[extra] = 5;
      const row = store.insert(key, store.pipeline.keyMask, 500);
      expect(store.find(key)).not.toBe(0);
      expect(store.verdict(row)).toBe(500);
      expect(store.megaflows.tables.count).toBeLessThanOrEqual(MAX_MASKS);
    }
  });
});

test('a megaflow under bits that are no longer in the key mask is not found, and is again when they come back', () => {
  const store = new Store();
  const key = words(1, 2);
  const row = store.insert(key, words(-1, -1), 7);
  const full = store.pipeline.keyMask;
  for (const [keyMask, found] of [
    [words(-1), 0],
    [full, row],
  ] as const) {
    store.pipeline.keyMask = keyMask as typeof full;
    store.state.keyMask = keyMask;
    store.state.maker = store.maker();
    store.megaflows.rebind(store.state);
    expect(store.find(key)).toBe(found);
  }
});

describe('credits', () => {
  test('are exact after a flush, and the last use goes with them', () => {
    const store = new Store();
    const { megaflows, pipeline } = store;
    const row = store.insert(words(1), words(-1), 0, 3, 5_000_000_000_123);
    store.count(row, 2, 120);
    megaflows.flushCredits(5_000_000_000_200);
    store.count(row, 1, 60);
    megaflows.flushCredits(5_000_000_000_300);
    megaflows.flushCredits(5_000_000_000_400);
    expect(pipeline.packets[2]).toBe(3);
    expect(pipeline.bytes[2]).toBe(180);
    expect(pipeline.usedMs[2]).toBe(5_000_000_000_123);
    expect(megaflows.describe(row, 5_000_000_000_400)).toMatchObject({ packets: 3, bytes: 180 });
  });

  test('are given when a row is removed, evicted or idle, and everything it held is given back', () => {
    const store = new Store(4);
    const program = store.programs.intern(Int32Array.of(OP_OUTPUT, 1, OP_OUTPUT, 2));
    for (let n = 0; n < 50; n++) {
      store.pipeline.held[0] = (store.pipeline.held[0] ?? 0) + 1;
      store.programs.hold(program);
      store.count(store.insert(words(n), words(-1), program, 1, 1000 + n), 1, 100);
    }
    expect(store.pipeline.packets[0]).toBe(46);
    store.megaflows.sweep(100, 10_000, 11_048);
    expect(store.megaflows.size).toBe(2);
    expect(store.pipeline.packets[0]).toBe(50);
    store.megaflows.forget(store.state, 11_048);
    expect(store.pipeline.held[0]).toBe(0);
    store.programs.release(program);
    expect(store.programs.size).toBe(0);
    expect(store.megaflows.tables.count).toBe(0);
  });
});

test('a fresh translation keeps the counters of a stale row, unless it looked at more bits', () => {
  const store = new Store();
  const key = words(1, 2);
  store.pipeline.held = [1, 1, 0];
  const row = store.insert(key, words(-1, 0xff), dropVerdict('flow-drop'), 1);
  store.count(row, 5, 500);
  store.pipeline.change();
  expect(store.megaflows.isLive(row, store.pipeline.version, store.pipeline.dependencyVersions)).toBe(false);
  expect(store.megaflows.update(row, translation(words(-1, 0x1ff), 9, 2), 2000)).toBe(false);
  expect(store.megaflows.update(row, translation(words(-1, 0xf), 9, 2), 2000)).toBe(true);
  expect(store.megaflows.isLive(row, store.pipeline.version, store.pipeline.dependencyVersions)).toBe(true);
  expect(store.pipeline.packets[0]).toBe(5);
  expect(store.pipeline.held).toEqual([0, 1, 0]);
  store.count(row, 1, 100);
  store.megaflows.flushCredits(3000);
  expect(store.pipeline.packets[1]).toBe(1);
  expect(store.megaflows.describe(row, 3000)).toMatchObject({ packets: 6, bytes: 600 });
  expect(store.verdict(row)).toBe(9);
});

test('masks that find most are tried first, those that find next to nothing not at all, until they would', () => {
  const store = new Store();
  const [first, second] = [words(1, 0), words(0, 2)];
  const row = store.insert(first, words(-1, 0), 1);
  store.insert(second, words(0, -1), 2);
  const [a, b] = store.state.tables as [number, number];
  for (let i = 0; i < 20_000; i++) store.find(second);
  expect(store.state.tables).toEqual([b, a]);
  expect(store.find(first)).toBe(0);
  for (let i = 0; i < 20_000; i++) {
    if (store.find(first) === 0) expect(store.insert(first, words(-1, 0), 3)).toBe(row);
  }
  expect(store.find(first)).toBe(row);
  expect(store.verdict(row)).toBe(3);
  expect(store.megaflows.size).toBe(2);
});

test('a row depends on the versions that its translation names', () => {
  const store = new Store();
  const out = Object.assign(translation(words(-1), 1), { dependencyA: 1, dependencyB: 2 });
  store.pipeline.dependencyVersions[1] = 2 ** 31 - 1;
  const row = store.megaflows.insert(store.state, words(1), out, 1000);
  const isLive = () => store.megaflows.isLive(row, store.pipeline.version, store.pipeline.dependencyVersions);
  expect(isLive()).toBe(true);
  store.pipeline.dependencyVersions[3]!++;
  expect(isLive()).toBe(true);
  store.pipeline.dependencyVersions[1]!++;
  expect(isLive()).toBe(false);
  store.megaflows.update(row, out, 1000);
  expect(isLive()).toBe(true);
  store.pipeline.dependencyVersions[2]!++;
  expect(isLive()).toBe(false);
});

test('finds thousands of megaflows, and forgets those that are idle', () => {
  const store = new Store(8192);
  const mask = words(-1, -1, -1, -1);
  const rows = Array.from({ length: 8192 }, (_, i) =>
    store.insert(words(i, 0, 0, 0), mask, 1, 0, i < 100 ? 1000 : 9000),
  );
  expect(rows.every((row, i) => store.find(words(i, 0, 0, 0)) === row)).toBe(true);
  store.megaflows.sweep(8192, 5000, 9000);
  expect(store.megaflows.size).toBe(8092);
  store.megaflows.sweep(8192, 5000, 20_000);
  store.megaflows.sweep(8192, 5000, 20_000);
  expect(store.megaflows.size).toBe(0);
  const row = store.insert(words(7, 0, 0, 0), mask, 1);
  expect(store.find(words(7, 0, 0, 0))).toBe(row);
  expect(store.find(words(8, 0, 0, 0))).toBe(0);
});
