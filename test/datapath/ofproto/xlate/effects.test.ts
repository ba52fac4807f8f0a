// What: tests of what the frames of a translation count to.

import { describe, expect, test } from 'vitest';
import { NO_SLOT } from '../../../../src/datapath/ofproto/tables/fdb.ts';
import { TranslationBench } from './translation-bench.ts';

function counts(bench: TranslationBench, slot: number): number[] {
  const { packets, bytes, usedMs } = bench.ruleStats;
  return [packets[slot]!, bytes[slot]!, usedMs[slot]!];
}

describe('credit', () => {
  test('reaches each flow and table on the way', () => {
    const bench = new TranslationBench(4);
    const first = bench.addFlows('actions=resubmit(,3),resubmit(,4),resubmit(,3)');
    const third = bench.addFlows('table=3,actions=output:1');
    bench.translate('in_port=1');
    bench.xlate.effects.credit(bench.out.effects, 10, 600, 77);
    expect(counts(bench, first.slot)).toEqual([10, 600, 77]);
    expect(counts(bench, third.slot)).toEqual([20, 1200, 77]);
    expect([0, 3, 4].map((table) => bench.tableCounters.lookups[table])).toEqual([10, 20, 10]);
    expect([0, 3, 4].map((table) => bench.tableCounters.matched[table])).toEqual([10, 20, 0]);
  });

  test('an earlier use does not make a flow older', () => {
    const bench = new TranslationBench(4);
    const rule = bench.addFlows('actions=output:1');
    bench.translate('in_port=4');
    bench.xlate.effects.credit(bench.out.effects, 1, 60, 50);
    bench.xlate.effects.credit(bench.out.effects, 1, 60, 40);
    expect(counts(bench, rule.slot)).toEqual([2, 120, 50]);
  });

  test('a flow that is gone counts nothing', () => {
    const bench = new TranslationBench(4);
    const rule = bench.addFlows('actions=output:1');
    bench.translate('in_port=4');
    rule.live = false;
    bench.xlate.effects.credit(bench.out.effects, 1, 60, 50);
    expect(counts(bench, rule.slot)).toEqual([0, 0, 0]);
  });

  test('groups count the bucket that was taken, or all', () => {
    const bench = new TranslationBench(4);
    const all = bench.addGroup('group_id=1,type=all,bucket=actions=output:1,bucket=actions=output:2');
    const failover = bench.addGroup(
      'group_id=2,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_port:2,actions=output:2',
    );
    bench.ports.get(1)!.live = false;
    bench.addFlows('actions=group:1,group:2');
    expect(bench.translate('in_port=4')).toBe('1,2,2');
    bench.xlate.effects.credit(bench.out.effects, 3, 300, 1);
    expect([...all.packets]).toEqual([3, 3, 3]);
    expect([...failover.packets]).toEqual([3, 0, 3]);
    expect([...failover.bytes]).toEqual([300, 0, 300]);
  });

  test('keeps the stations of several NORMALs', () => {
    const bench = new TranslationBench(4);
    bench.addFlows('actions=NORMAL,set_field:02:00:00:00:00:09->eth_src,NORMAL');
    bench.translate('in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02', 5);
    expect(bench.out.touchSlot).not.toBe(NO_SLOT);
    bench.xlate.effects.credit(bench.out.effects, 1, 60, 99);
    const ages = bench.fdb.list(0, 10, 0).stations.map(({ mac, lastUsedMs }) => [mac & 0xff, lastUsedMs]);
    expect(ages).toEqual([
      [1, 5],
      [9, 99],
    ]);
  });
});

test('numbers are used again', () => {
  const bench = new TranslationBench(4);
  bench.addFlows('actions=output:1');
  const { effects } = bench.xlate;
  bench.translate('in_port=4');
  const first = bench.out.effects;
  expect(effects.size).toBe(1);
  effects.release(first);
  expect(effects.size).toBe(0);
  bench.translate('in_port=4');
  expect(bench.out.effects).toBe(first);
  effects.release(0);
  expect(effects.size).toBe(1);
});

describe('translations that met the same flows', () => {
  test('share a number until the last of them is released', () => {
    const bench = new TranslationBench(4);
    const rule = bench.addFlows(
      'in_port=1,actions=resubmit(,1)\nin_port=2,actions=resubmit(,1)\nin_port=3,actions=drop',
    );
    const last = bench.addFlows('table=1,actions=output:4');
    const { effects } = bench.xlate;
    const numbers = [
      'in_port=1',
      'in_port=1,dl_src=02:00:00:00:00:01',
      'in_port=2',
      'in_port=3',
      'in_port=3',
    ].map((flow) => {
      bench.translate(flow);
      return bench.out.effects;
    });
    expect(numbers[1]).toBe(numbers[0]);
    expect(numbers[4]).toBe(numbers[3]);
    expect(new Set(numbers).size).toBe(3);
    expect(effects.size).toBe(3);
    effects.release(numbers[0]!);
    effects.release(numbers[3]!);
    expect(effects.size).toBe(3);
    effects.credit(numbers[1]!, 2, 120, 9);
    effects.credit(numbers[4]!, 1, 60, 9);
    expect([counts(bench, last.slot), counts(bench, rule.slot)]).toEqual([
      [2, 120, 9],
      [1, 60, 9],
    ]);
    for (const number of [numbers[1]!, numbers[2]!, numbers[4]!]) effects.release(number);
    expect(effects.size).toBe(0);
  });

  test('do not share when more than flows and misses is to be credited', () => {
    const bench = new TranslationBench(4);
    bench.addGroup('group_id=1,type=all,bucket=actions=output:1');
    bench.addFlows('actions=group:1');
    bench.translate('in_port=4');
    const first = bench.out.effects;
    bench.translate('in_port=4');
    expect(bench.out.effects).not.toBe(first);
  });

  test('are told apart however many there are', () => {
    const bench = new TranslationBench(4);
    const { effects } = bench.xlate;
    bench.addFlows('table=1,actions=output:4');
    const rules = Array.from({ length: 300 }, (_, i) => bench.addFlows(`tun_id=${i},actions=output:1`));
    const numbers = rules.map((rule, i) => {
      effects.begin();
      effects.addRule(rule);
      if (i % 3 > 0) effects.addMiss(i % 3);
      return effects.end();
    });
    expect(new Set(numbers).size).toBe(300);
    for (const [i, number] of numbers.entries()) if (i % 2 === 0) effects.release(number);
    expect(effects.size).toBe(150);
    for (const [i, number] of numbers.entries()) if (i % 2 === 1) effects.credit(number, 1, 1, 1);
    expect(rules.map(({ slot }) => bench.ruleStats.packets[slot])).toEqual(rules.map((_, i) => i % 2));
  });
});
