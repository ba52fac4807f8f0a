// What: the benchmark of the datapath alone: memory ports, one core, no kernel. Why: it tells what the switch itself
// costs per frame, what a new flow costs, and that forwarding allocates nothing. Who: by hand:
//   node dist/bench/datapath.js [--json] [--rounds N] [--pcap FILE] [--write-pcap DIRECTORY] [--new-flows [--rules FILE]...]
// --pcap: forward the frames of a file instead of those made here; --write-pcap: only write those that are made here, one
// file for each number of flows; --new-flows: only the rate of new flows, over rules made from a seed or those of files in
// ClassBench's format. open-vswitch-dpdk.ts compares the first part with Open vSwitch.
// A new flow is one of which no frame was seen before. Some find a megaflow of another flow; translations are the others.

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { KEY_NW, KEY_NW_DST, KEY_NW_SRC, KEY_TP, KEY_WORDS } from '../src/datapath/flow/key.ts';
import { formatMatch } from '../src/datapath/flow/match-text.ts';
import {
  Dice,
  FILTER_KINDS,
  type FilterRule,
  filterMatches,
  makeFilters,
  parseFilters,
  writeHit,
} from './class-bench.ts';
import { MemoryLab } from './memory-lab.ts';
import { readPcap, writePcap } from './pcap.ts';
import { median } from './statistics.ts';
import { FLOW_COUNTS, flowsTitle, TABLES, udpFrame, udpFrames } from './udp-flows.ts';

const FRAMES_PER_ROUND = 4_000_000;
const WARM_UP_FRAMES = 2_000_000;
/** Time for Node to report what it collected. */
const REPORT_DELAY_MS = 50;
const NEW_FLOWS_PER_ROUND = 50_000;
/** Frames before each round that count for nothing: collecting garbage has left the processor's caches empty. */
const SETTLING_FRAMES = 5000;
/** As many as there is room for megaflows, and some: the rounds show what it costs to make room. */
const NEW_FLOWS_WARM_UP = 150_000;
const FILTERS = [10_000, 100_000];
const HIGHEST_PRIORITY = 65_535;
/** Offset and value of the byte that says that a TCP header has no options. */
const TCP_LENGTH_OFFSET = 46;
const TCP_LENGTH = 0x50;
const TCP = 6;
const UDP = 17;

export interface DatapathResult {
  scenario: string;
  /** Millions of frames a second: median, slowest and fastest round. */
  median: number;
  slowest: number;
  fastest: number;
  rounds: number;
  /** Garbage collections while frames were forwarded, over all rounds. */
  collections: number;
  /** Of all frames of the measured rounds, those that were translated. */
  translations: number;
  /** Thousands of translations a second: median, slowest and fastest round. */
  translationRate: { median: number; slowest: number; fastest: number };
}

/** All flow tables with all numbers of flows, or with the frames given. */
export async function benchDatapath(rounds: number, pcap?: string): Promise<DatapathResult[]> {
  const inputs = pcap
    ? [{ title: basename(pcap), frames: readPcap(pcap) }]
    : FLOW_COUNTS.map((count) => ({ title: flowsTitle(count), frames: udpFrames(count) }));
  const results: DatapathResult[] = [];
  for (const { name, flows } of TABLES) {
    for (const { title, frames } of inputs) {
      const lab = new MemoryLab(flows, frames);
      lab.forward(WARM_UP_FRAMES);
      results.push(await measure(`${name}, ${title}`, lab, rounds, FRAMES_PER_ROUND));
    }
  }
  return results;
}

/** Frames of which each is a flow that the switch has not seen, over rules as of access lists and firewalls. */
export async function benchNewFlows(rounds: number, files: readonly string[]): Promise<DatapathResult[]> {
  const sets = files.length
    ? files.map((file) => ({ name: basename(file), filters: parseFilters(readFileSync(file, 'utf8')) }))
    : FILTERS.flatMap((count) =>
        FILTER_KINDS.map((kind) => ({
          name: `${kind} ${count / 1000}k`,
          filters: makeFilters(kind, count, 1),
        })),
      );
  const results: DatapathResult[] = [];
  for (const { name, filters } of sets) {
    const flows = filterFlows(filters);
    const frames = filterFrames(
      filters,
      NEW_FLOWS_WARM_UP + rounds * (SETTLING_FRAMES + NEW_FLOWS_PER_ROUND),
    );
    const lab = new MemoryLab(flows, frames);
    lab.forward(NEW_FLOWS_WARM_UP);
    results.push(
      await measure(`new flows, ${name} (${flows.length} flows)`, lab, rounds, NEW_FLOWS_PER_ROUND),
    );
  }
  return results;
}

function filterFlows(filters: readonly FilterRule[]): string[] {
  return filters.flatMap((filter, index) => {
    const step = Math.min(1, HIGHEST_PRIORITY / filters.length);
    const priority = HIGHEST_PRIORITY - Math.floor(index * step);
    return filterMatches(filter).map((match) => {
      // Only TCP and UDP have ports.
      if (filter.protocol !== TCP && filter.protocol !== UDP) match.setBits(KEY_TP * 32, 32, 0n, 0n);
      return `priority=${priority},${formatMatch(match)} actions=output:2`;
    });
  });
}

function filterFrames(filters: readonly FilterRule[], count: number): Uint8Array[] {
  const dice = new Dice(2);
  const key = new Int32Array(KEY_WORDS);
  return Array.from({ length: count }, () => {
    writeHit(dice.pick(filters), dice.pick(filters), dice, key);
    const ports = key[KEY_TP]!;
    const protocol = key[KEY_NW]! >>> 24;
    const frame = udpFrame(key[KEY_NW_SRC]!, key[KEY_NW_DST]!, ports >>> 16, ports & 0xffff, protocol);
    if (protocol === TCP) frame[TCP_LENGTH_OFFSET] = TCP_LENGTH;
    return frame;
  });
}

/** Measures `rounds` times how long `framesPerRound` frames take. */
async function measure(
  scenario: string,
  lab: MemoryLab,
  rounds: number,
  framesPerRound: number,
): Promise<DatapathResult> {
  const before = lab.counts;
  let collections = 0;
  let translations = 0;
  const rates: number[] = [];
  const translationRates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // What was allocated before is not the business of this round.
    collectGarbage();
    lab.forward(SETTLING_FRAMES);
    const missesBefore = lab.sw.datapathStats().cacheMisses;
    const run = await countCollections(() => lab.forward(framesPerRound));
    const misses = lab.sw.datapathStats().cacheMisses - missesBefore;
    collections += run.collections;
    translations += misses;
    rates.push(framesPerRound / run.result / 1e6);
    translationRates.push(misses / run.result / 1e3);
  }
  const frames = rounds * framesPerRound;
  const forwarded = frames + rounds * SETTLING_FRAMES;
  if (lab.counts.received - before.received !== forwarded) throw new Error(`${scenario}: frames were lost`);
  return {
    scenario,
    ...spread(rates),
    rounds,
    collections,
    translations: translations / frames,
    translationRate: spread(translationRates),
  };
}

function spread(rates: readonly number[]): { median: number; slowest: number; fastest: number } {
  return { median: median(rates), slowest: Math.min(...rates), fastest: Math.max(...rates) };
}

/** V8's own gc(), which Node hides behind a flag. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

/** Runs `body` and counts the garbage collections that began meanwhile. Node reports them some turns later. */
async function countCollections<T>(body: () => T): Promise<{ result: T; collections: number }> {
  const starts: number[] = [];
  const observer = new PerformanceObserver((list) => {
    starts.push(...list.getEntries().map(({ startTime }) => startTime));
  });
  observer.observe({ entryTypes: ['gc'] });
  const begin = performance.now();
  const result = body();
  const end = performance.now();
  await sleep(REPORT_DELAY_MS);
  observer.disconnect();
  return { result, collections: starts.filter((start) => start >= begin && start < end).length };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      pcap: { type: 'string' },
      'write-pcap': { type: 'string' },
      'new-flows': { type: 'boolean', default: false },
      rules: { type: 'string', multiple: true, default: [] },
    },
  });
  const directory = values['write-pcap'];
  if (directory !== undefined) {
    for (const count of FLOW_COUNTS) writePcap(join(directory, `udp-${count}.pcap`), udpFrames(count));
    return;
  }
  const rounds = Number(values.rounds);
  const results = values['new-flows'] ? [] : await benchDatapath(rounds, values.pcap);
  if (values.pcap === undefined) results.push(...(await benchNewFlows(rounds, values.rules)));
  if (values.json) {
    console.log(JSON.stringify(results, null, 2));
    return;
  }
  for (const result of results) console.log(describe(result));
}

function describe({
  scenario,
  collections,
  translations,
  translationRate,
  ...rates
}: DatapathResult): string {
  const frames = `${rates.median.toFixed(2)} M frames/s (${rates.slowest.toFixed(2)}..${rates.fastest.toFixed(2)})`;
  const { median, slowest, fastest } = translationRate;
  const translated =
    translations > 0.001
      ? `, ${(translations * 100).toFixed(0)} % translated: ${median.toFixed(0)} k translations/s ` +
        `(${slowest.toFixed(0)}..${fastest.toFixed(0)})`
      : '';
  return `${scenario}: ${frames}${translated}, garbage collections: ${collections}`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
