// What: what the machine is, and whether it is quiet. Why: a figure without its machine says little, and one from a
// busy machine says nothing. Who: main.ts.

import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const QUIET_MS = 500;
const BUSY_SHARE = 0.1;
const STOLEN_SHARE = 0.02;

export interface Machine {
  kernel: string;
  processor: string;
  cores: number;
  node: string;
}

export function describeMachine(): Machine {
  const all = cpus();
  const processor = all[0]?.model.trim() ?? 'unknown processor';
  return { kernel: release(), processor, cores: all.length, node: process.version };
}

/** Times of all cores since boot in ticks, from the first line of /proc/stat (proc_stat(5)). */
export interface CpuTimes {
  total: number;
  idle: number;
  stolen: number;
}

export function cpuTimes(): CpuTimes {
  const fields = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .trim()
    .split(/\s+/)
    .slice(1, 9)
    .map(Number);
  const [, , , idle = 0, ioWait = 0, , , stolen = 0] = fields;
  return { total: fields.reduce((sum, ticks) => sum + ticks, 0), idle: idle + ioWait, stolen };
}

/** Sentences about what may spoil the figures, before anything runs. */
export async function warningsBefore(): Promise<string[]> {
  const before = cpuTimes();
  await sleep(QUIET_MS);
  const after = cpuTimes();
  const busy = 1 - (after.idle - before.idle) / Math.max(1, after.total - before.total);
  const warnings: string[] = [];
  if (busy > BUSY_SHARE) {
    warnings.push(
      `The machine is busy (${Math.round(busy * 100)} % of its cores) before the benchmark starts.`,
    );
  }
  if (readSetting('/proc/sys/net/bridge/bridge-nf-call-iptables') === '1') {
    warnings.push('br_netfilter is loaded; it is turned off for the Linux bridge measured here.');
  }
  return warnings;
}

/** Sentences about what spoiled the figures while it ran. */
export function warningsAfter(before: CpuTimes): string[] {
  const after = cpuTimes();
  const share = (after.stolen - before.stolen) / Math.max(1, after.total - before.total);
  if (share <= STOLEN_SHARE) return [];
  return [`The hypervisor took ${(share * 100).toFixed(1)} % of the processor time: other guests are busy.`];
}

function readSetting(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
