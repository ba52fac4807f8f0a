// What: the token buckets of meters, as the userspace datapath of Open vSwitch keeps them.

import { describe, expect, test } from 'vitest';
import { Meters } from '../../../src/datapath/dp/meters.ts';

const clock = new Float64Array(1);

/** How many of `count` frames of `bytes` bytes pass at a time. */
function pass(meters: Meters, index: number, count: number, bytes: number, nowMs: number): number {
  clock[0] = nowMs;
  let passed = 0;
  for (let i = 0; i < count; i++) passed += meters.allow(index, bytes, clock) ? 1 : 0;
  return passed;
}

function meterOf(unit: 'kbps' | 'pktps', ...bands: { rate: number; burst: number }[]) {
  const meters = new Meters();
  const index = meters.add();
  meters.set(index, unit, bands, 1000);
  return { meters, index };
}

describe('meters', () => {
  test('packets per second: a full bucket first, then the rate, never more than the bucket holds', () => {
    const { meters, index } = meterOf('pktps', { rate: 10, burst: 5 });
    expect(pass(meters, index, 9, 100, 1000)).toBe(5);
    expect(pass(meters, index, 9, 100, 1099.9)).toBe(0);
    // 200 ms give two packets; the 0.99 of before are still in the bucket.
    expect(pass(meters, index, 9, 100, 1299)).toBe(2);
    expect(pass(meters, index, 9, 100, 1300)).toBe(1);
    expect(pass(meters, index, 99, 100, 1e9)).toBe(5);
  });

  test('without a burst the bucket holds a second of the rate', () => {
    const { meters, index } = meterOf('pktps', { rate: 20, burst: 0 });
    expect(pass(meters, index, 99, 100, 1000)).toBe(20);
  });

  test('kilobits: a long frame that finds too little leaves it to a short one', () => {
    const { meters, index } = meterOf('kbps', { rate: 8, burst: 8 }); // 1000 bytes
    expect(pass(meters, index, 1, 900, 1000)).toBe(1);
    expect(pass(meters, index, 1, 101, 1000)).toBe(0);
    expect(pass(meters, index, 1, 100, 1000)).toBe(1);
    expect(pass(meters, index, 1, 10, 1010)).toBe(1);
  });

  test('of several bands the exceeded one of the highest rate counts the drop, and each bucket is drained', () => {
    const { meters, index } = meterOf(
      'pktps',
      { rate: 1, burst: 1 },
      { rate: 3, burst: 2 },
      { rate: 2, burst: 5 },
    );
    expect(pass(meters, index, 4, 60, 1000)).toBe(1);
    expect(meters.stats(index)).toEqual({
      packets: 4,
      bytes: 240,
      sinceMs: 1000,
      bands: [
        { packets: 1, bytes: 60 },
        { packets: 2, bytes: 120 },
        { packets: 0, bytes: 0 },
      ],
    });
  });

  test('time that goes back gives nothing and takes nothing', () => {
    const { meters, index } = meterOf('pktps', { rate: 1, burst: 1 });
    expect(pass(meters, index, 2, 60, 5000)).toBe(1);
    expect(pass(meters, index, 2, 60, 4000)).toBe(0);
  });

  test('an index is given again after remove(), and lets all pass until it is set', () => {
    const { meters, index } = meterOf('pktps', { rate: 1, burst: 1 });
    expect(meters.add()).not.toBe(index);
    meters.remove(index);
    expect(meters.add()).toBe(index);
    expect(pass(meters, index, 5, 60, 1000)).toBe(5);
  });
});
