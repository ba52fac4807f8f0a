// What: the benchmark of the datapath alone: memory ports, one core, no kernel. Why: it tells what the switch itself
// costs per frame, and that forwarding allocates nothing. Who: bench/main.ts, or by hand:
//   node dist/bench/datapath.js [--json] [--rounds N]
// How: FLOWS UDP flows between STATIONS x STATIONS pairs of MAC addresses (so that a learning bridge has FLOWS
// different cache entries too) go from port p1 to port p2, BURST frames at a time, from frames laid out beforehand.

import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { MemoryPort } from '../src/datapath/port/memory.ts';
import { MemoryProvider } from '../src/datapath/port/memory.ts';
import { Switch } from '../src/datapath/switch.ts';

const FLOWS = 1000;
const STATIONS = 32;
const FRAME_LENGTH = 60;
const FRAMES_PER_ROUND = 10_000_000;
const WARM_UP_FRAMES = 4_000_000;
/** The clock of the switch stands still; an integer, since a double would be allocated for each call of poll(). */
const CLOCK_MS = 1;
/** Time for Node to report what it collected. */
const REPORT_DELAY_MS = 50;

/** One benchmarked flow table. */
interface Scenario {
  name: string;
  /** Flows that take the place of `priority=0 actions=NORMAL`. */
  flows: string[];
}

const SCENARIOS: Scenario[] = [
  { name: 'learning bridge', flows: [] },
  { name: 'learning bridge, L4 flow table', flows: ['priority=10,udp,tp_dst=7 actions=drop'] },
];

export interface DatapathResult {
  scenario: string;
  /** Millions of frames a second: median, slowest and fastest round. */
  median: number;
  slowest: number;
  fastest: number;
  rounds: number;
  /** Garbage collections while frames were forwarded, over all rounds. */
  collections: number;
}

/** Runs all scenarios, `rounds` rounds each after a warm-up. Takes about a second a round. */
export async function benchDatapath(rounds = 7): Promise<DatapathResult[]> {
  const results: DatapathResult[] = [];
  for (const scenario of SCENARIOS) results.push(await runScenario(scenario, rounds));
  return results;
}

async function runScenario({ name, flows }: Scenario, rounds: number): Promise<DatapathResult> {
  const { sw, source, sink } = makeSwitch(flows);
  forward(sw, source, WARM_UP_FRAMES);
  let collections = 0;
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = sink.counters.slice();
    const run = await countCollections(() => forward(sw, source, FRAMES_PER_ROUND));
    collections += run.collections;
    const sent = sink.counters.reduce((sum, count, i) => sum + count - before[i]!, 0);
    if (sent !== FRAMES_PER_ROUND * (1 + FRAME_LENGTH)) throw new Error(`${name}: frames were lost`);
    rates.push(FRAMES_PER_ROUND / run.result / 1e6);
  }
  rates.sort((a, b) => a - b);
  return {
    scenario: name,
    median: rates[rates.length >> 1]!,
    slowest: rates[0]!,
    fastest: rates.at(-1)!,
    rounds,
    collections,
  };
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
  // What was allocated before is not the business of this round.
  collectGarbage();
  const begin = performance.now();
  const result = body();
  const end = performance.now();
  await sleep(REPORT_DELAY_MS);
  observer.disconnect();
  return { result, collections: starts.filter((start) => start >= begin && start < end).length };
}

/** Lets `count` frames come in and returns the seconds that it took to forward them. */
function forward(sw: Switch, source: MemoryPort, count: number): number {
  source.replay(count);
  const start = performance.now();
  while (source.ready) sw.poll(CLOCK_MS);
  return (performance.now() - start) / 1000;
}

function makeSwitch(flows: readonly string[]): { sw: Switch; source: MemoryPort; sink: MemoryPort } {
  const provider = new MemoryProvider({ preloadBytes: FLOWS * 256 });
  const sw = new Switch(provider);
  sw.addBridge({
    name: 'br0',
    datapathId: '0000020000000001',
    address: '02:00:00:00:00:01',
    failMode: 'standalone',
    protocols: [],
    macAgeSeconds: 300,
    macTableSize: 8192,
  });
  sw.addPort('br0', { name: 'p1' });
  sw.addPort('br0', { name: 'p2' });
  const source = provider.port('p1');
  const sink = provider.port('p2');
  source.keepSent = false;
  sink.keepSent = false;
  provider.port('br0').keepSent = false;
  for (const flow of flows) sw.addFlow('br0', flow);
  // The stations behind p2 speak first, so that the bridge knows them.
  sink.play(
    Array.from({ length: STATIONS }, (_, station) => udpFrame(station, 0, 0, true)),
    STATIONS,
  );
  while (sink.ready) sw.poll(CLOCK_MS);
  const frames = Array.from({ length: FLOWS }, (_, flow) =>
    udpFrame(flow % STATIONS, Math.floor(flow / STATIONS), flow, false),
  );
  source.play(frames, 0);
  return { sw, source, sink };
}

/** A UDP frame of a flow between station `far` behind p2 and station `near` behind p1; `back`: from far to near. */
function udpFrame(far: number, near: number, flow: number, back: boolean): Uint8Array {
  const frame = new Uint8Array(FRAME_LENGTH);
  const view = new DataView(frame.buffer);
  const [destination, source] = back ? [0x0100 | near, 0x0200 | far] : [0x0200 | far, 0x0100 | near];
  view.setUint16(0, 0x0200);
  view.setUint32(2, destination);
  view.setUint16(6, 0x0200);
  view.setUint32(8, source);
  view.setUint16(12, 0x0800);
  frame[14] = 0x45;
  view.setUint16(16, FRAME_LENGTH - 14);
  frame[22] = 64;
  frame[23] = 17;
  view.setUint32(26, 0x0a00_0000 | source);
  view.setUint32(30, 0x0a00_0000 | destination);
  view.setUint16(34, 1024 + flow);
  view.setUint16(36, 53);
  view.setUint16(38, FRAME_LENGTH - 34);
  return frame;
}

async function main(args: readonly string[]): Promise<void> {
  const roundsAt = args.indexOf('--rounds');
  const results = await benchDatapath(roundsAt < 0 ? 7 : Number(args[roundsAt + 1]));
  if (args.includes('--json')) {
    console.log(JSON.stringify(results, null, 2));
    return;
  }
  for (const { scenario, median, slowest, fastest, collections } of results) {
    const range = `${slowest.toFixed(1)}..${fastest.toFixed(1)}`;
    console.log(
      `${scenario}: ${median.toFixed(1)} M frames/s (${range}), garbage collections: ${collections}`,
    );
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.slice(2));
}
