// What: tests of groups that choose a bucket: liveness, weights, and that a bucket that comes or goes moves few flows; and
// of multipath and bundle.

import { describe, expect, test } from 'vitest';
import { KEY_NW_DST, KEY_NW_SRC, KEY_TP } from '../../../../src/datapath/flow/key.ts';
import { TranslationBench } from './translation-bench.ts';

const FLOWS = 4000;

function keys(bench: TranslationBench): Int32Array[] {
  const key = bench.key('in_port=4,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=80');
  return Array.from({ length: FLOWS }, (_, i) => {
    const other = key.slice();
    other[KEY_NW_SRC] = key[KEY_NW_SRC]! + (i >> 4);
    other[KEY_TP] = ((1024 + i) << 16) | 80;
    return other;
  });
}

/** The output of each of many flows. */
function choices(group: string, prepare: (bench: TranslationBench) => void = () => {}): string[] {
  const bench = new TranslationBench(4);
  bench.addGroup(`group_id=1,${group}`);
  bench.addFlows('actions=group:1');
  prepare(bench);
  return keys(bench).map((key) => bench.translate(key));
}

function share(outputs: readonly string[], output: string): number {
  return outputs.filter((other) => other === output).length / outputs.length;
}

const bucket = (port: number, weight: number) =>
  `bucket=bucket_id:${port},weight:${weight},actions=output:${port}`;

describe('select', () => {
  const buckets = [bucket(1, 10), bucket(2, 20), bucket(3, 10)].join();

  test('spreads flows by weight', () => {
    const outputs = choices(`type=select,${buckets}`);
    expect(share(outputs, '1')).toBeCloseTo(0.25, 1);
    expect(share(outputs, '2')).toBeCloseTo(0.5, 1);
    expect(share(outputs, '3')).toBeCloseTo(0.25, 1);
  });

  test('a bucket that goes moves its own flows only', () => {
    const before = choices(`type=select,${buckets}`);
    const after = choices(`type=select,${[bucket(1, 10), bucket(2, 20)].join()}`);
    for (const [i, output] of before.entries()) if (output !== '3') expect(after[i]).toBe(output);
  });

  test('weight 0 is never taken, and without a live bucket nothing is sent', () => {
    expect(share(choices(`type=select,${bucket(1, 0)},${bucket(2, 1)}`), '2')).toBe(1);
    expect(choices(`type=select,${bucket(1, 0)}`)[0]).toBe('drop(group-no-live-bucket)');
  });

  test('both directions of a conversation take the same bucket', () => {
    const bench = new TranslationBench(4);
    bench.addGroup(`group_id=1,type=select,${buckets}`);
    bench.addFlows('actions=group:1');
    for (const key of keys(bench).slice(0, 100)) {
      const back = key.slice();
      back[KEY_NW_SRC] = key[KEY_NW_DST]!;
      back[KEY_NW_DST] = key[KEY_NW_SRC]!;
      back[KEY_TP] = (key[KEY_TP]! << 16) | (key[KEY_TP]! >>> 16);
      expect(bench.translate(back)).toBe(bench.translate(key));
    }
  });

  test('selection_method=hash looks at the fields that are named, and at no other', () => {
    const bench = new TranslationBench(4);
    bench.addGroup(`group_id=1,type=select,selection_method=hash,fields(ip_src),${buckets}`);
    bench.addFlows('ip,actions=group:1');
    const outputs = new Map<number, string>();
    for (const key of keys(bench)) {
      const output = bench.translate(key);
      expect(outputs.get(key[KEY_NW_SRC]!) ?? output).toBe(output);
      outputs.set(key[KEY_NW_SRC]!, output);
    }
    expect(new Set(outputs.values()).size).toBe(3);
    expect([bench.out.mask[KEY_NW_SRC], bench.out.mask[KEY_NW_DST], bench.out.mask[KEY_TP]]).toEqual([
      -1, 0, 0,
    ]);
  });
});

describe('fast failover', () => {
  const watched = (port: number) => `bucket=watch_port:${port},actions=output:${port}`;

  test('takes the first bucket whose port is live', () => {
    const group = `type=ff,${watched(1)},${watched(2)}`;
    const dead =
      (...ports: number[]) =>
      (bench: TranslationBench) => {
        for (const port of ports) bench.ports.get(port)!.live = false;
      };
    expect(choices(group)[0]).toBe('1');
    expect(choices(group, dead(1))[0]).toBe('2');
    expect(choices(group, dead(1, 2))[0]).toBe('drop(group-no-live-bucket)');
  });

  test('watches groups, and does not hang when they watch each other', () => {
    const bench = new TranslationBench(4);
    bench.addGroup(
      'group_id=1,type=ff,bucket=watch_group:2,actions=output:1,bucket=watch_port:3,actions=output:3',
    );
    bench.addGroup(`group_id=2,type=ff,${watched(2)}`);
    bench.addFlows('actions=group:1');
    expect(bench.translate('in_port=4')).toBe('1');
    bench.ports.get(2)!.live = false;
    expect(bench.translate('in_port=4')).toBe('3');
    bench.addGroup('group_id=2,type=ff,bucket=watch_group:1,actions=output:2');
    bench.ports.get(3)!.live = false;
    expect(bench.translate('in_port=4')).toBe('drop(group-no-live-bucket)');
  });
});

describe('multipath and bundle', () => {
  test.each(['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'])('%s uses all links alike', (algorithm) => {
    const bench = new TranslationBench(4);
    bench.addFlows(
      `actions=multipath(symmetric_l4,1,${algorithm},3,0,NXM_NX_REG0[]),output:NXM_NX_REG0[0..7]`,
    );
    const links = keys(bench).map((key) => {
      const output = bench.translate(key);
      return output.startsWith('drop') ? '0' : output;
    });
    for (const link of ['0', '1', '2']) expect(share(links, link)).toBeCloseTo(1 / 3, 1);
  });

  test('bundle leaves dead members out', () => {
    const bench = new TranslationBench(4);
    bench.addFlows('actions=bundle(symmetric_l4,0,hrw,ofport,members:1,2,3)');
    const before = keys(bench).map((key) => bench.translate(key));
    bench.ports.get(2)!.live = false;
    const after = keys(bench).map((key) => bench.translate(key));
    expect(new Set(before)).toEqual(new Set(['1', '2', '3']));
    for (const [i, output] of before.entries()) if (output !== '2') expect(after[i]).toBe(output);
    expect(new Set(after)).toEqual(new Set(['1', '3']));
  });
});
