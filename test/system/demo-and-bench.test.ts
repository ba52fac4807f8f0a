// What: the demo and the benchmark, run as people run them. Why: nobody looks at them for weeks, and then everybody.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { median, medianRatio } from '../../bench/statistics.ts';
import { describeWith } from '../support/describe-with.ts';
import { Lab } from '../support/netns.ts';
import { projectRoot } from '../support/project-root.ts';

const TIMEOUT_MS = 60_000;

function runProgram(path: string, ...args: string[]) {
  return spawnSync(process.execPath, [join(projectRoot, path), ...args], { encoding: 'utf8' });
}

test('the median ratio pairs values of one round, and skips rounds without a pair', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(medianRatio([10, 30, 90, undefined], [10, 10, 10, 5])).toBe(3);
  expect(medianRatio([1], [undefined])).toBeUndefined();
});

describeWith(['root', 'netns', 'tap', 'ping', 'g++'], 'the demo', () => {
  test(
    'tells what it does, moves traffic, and ends well',
    () => {
      const { status, stdout, stderr } = runProgram('dist/scripts/demo.js');
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expect(stdout.match(/5 of 5 answered/g)).toHaveLength(5);
      expect(stdout).toContain('alice pings bob (10.0.0.2): 0 of 5 answered');
      expect(stdout.match(/SHA-256 \w+\.\.\. on both sides/g)).toHaveLength(2);
      expect(stdout).toMatch(/s-alice +flow-drop +5/);
    },
    TIMEOUT_MS,
  );
});

describeWith(['root', 'netns', 'tap', 'ping', 'g++', 'ethtool', 'iperf3'], 'the benchmark', () => {
  test(
    'measures the bridge of the kernel and tsswitch in turns, and writes JSON',
    () => {
      const lab = new Lab();
      try {
        const path = join(lab.directory, 'results.json');
        const options = ['--only', 'bridge,tsswitch,frames,latency', '--rounds', '2', '--seconds', '0.3'];
        const { status, stdout, stderr } = runProgram('dist/bench/main.js', ...options, '--json', path);
        expect(stderr).toBe('');
        expect(status).toBe(0);
        expect(stdout).toMatch(/64-byte frames delivered \[M\/s\], more is better\n +Linux bridge +\d/);
        const { columns } = JSON.parse(readFileSync(path, 'utf8')) as {
          columns: {
            column: { name: string };
            rows: { candidate: string; values: number[]; median: number }[];
          }[];
        };
        expect(columns.map(({ column }) => column.name)).toEqual(['delivered', 'offered', 'p50', 'p99']);
        for (const { rows } of columns) {
          expect(rows.map(({ candidate }) => candidate)).toEqual(['bridge', 'tsswitch']);
          for (const { values, median: middle } of rows) {
            expect(values).toHaveLength(2);
            expect(middle).toBeGreaterThan(0);
          }
        }
      } finally {
        lab.dispose();
      }
    },
    TIMEOUT_MS,
  );

  test('a name that it does not know is refused', () => {
    const { status, stderr } = runProgram('dist/bench/main.js', '--only', 'nosuch');
    expect(stderr).toMatch(/^bench: --only knows direct, .*, not 'nosuch'\.\n$/);
    expect(status).toBe(1);
  });
});
