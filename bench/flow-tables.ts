// What: what tables of many flows cost the datapath itself: time to read, to commit, to list and to delete them, the
// longest time in which no frame is forwarded meanwhile, and the memory that they hold. Why: flows.ts times whole
// processes, whose resident memory is mostly garbage of reading; here it is collected first. Who:
// `node dist/bench/flow-tables.js [--flows 100000,1000000]`; docs/benchmarks.md holds a run. CPU only, no root.
// Invariant: commands go in as the worker gets them, so that the longest one is the longest pause of forwarding.

import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MemoryProvider } from '../src/datapath/port/memory.ts';
import { Switch } from '../src/datapath/switch.ts';
import { flowLine } from './flow-lines.ts';

/** As many lines as control gives the datapath at once. */
const LINES_AT_ONCE = 1_000;
const BRIDGE = 'br0';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of live objects and of the memory behind typed arrays. */
function liveBytes(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Times steps: all of them together, and the longest. */
class Stopwatch {
  totalMs = 0;
  longestMs = 0;

  time<T>(step: () => T): T {
    const start = performance.now();
    const result = step();
    const ms = performance.now() - start;
    this.totalMs += ms;
    this.longestMs = Math.max(this.longestMs, ms);
    return result;
  }

  get text(): string {
    return `${this.totalMs.toFixed(0)} ms (longest step ${this.longestMs.toFixed(1)} ms)`;
  }
}

function newSwitch(): Switch {
  const sw = new Switch(new MemoryProvider());
  sw.advance(1);
  sw.addBridge({
    name: BRIDGE,
    datapathId: '0000020000000001',
    address: '02:00:00:00:00:01',
    failMode: 'secure',
    protocols: [],
    macAgeSeconds: 300,
    macTableSize: 8192,
  });
  return sw;
}

function install(sw: Switch, count: number, reading: Stopwatch, committing: Stopwatch): void {
  const bundle = sw.openBundle(BRIDGE, { lines: 'flows', command: 'add' });
  for (let from = 0; from < count; from += LINES_AT_ONCE) {
    const size = Math.min(LINES_AT_ONCE, count - from);
    const lines = Array.from({ length: size }, (_, i) => flowLine(from + i));
    reading.time(() => sw.addToBundle(bundle, lines, from + 1));
  }
  committing.time(() => sw.commitBundle(bundle));
}

function dump(sw: Switch, listing: Stopwatch): number {
  let bytes = 0;
  let after = 0;
  do {
    const page = listing.time(() => sw.dumpFlows(BRIDGE, { match: '', stats: true }, after));
    bytes += page.text.length;
    after = page.next;
  } while (after !== 0);
  return bytes;
}

function measure(count: number): void {
  const sw = newSwitch();
  const [reading, committing, listing, deleting] = [0, 0, 0, 0].map(() => new Stopwatch());
  // The second time all code is compiled.
  for (const _ of [1, 2]) {
    for (const watch of [reading!, committing!, listing!, deleting!]) {
      watch.totalMs = 0;
      watch.longestMs = 0;
    }
    const before = liveBytes();
    install(sw, count, reading!, committing!);
    const bytesPerFlow = (liveBytes() - before) / count;
    const textBytes = dump(sw, listing!);
    deleting!.time(() => sw.modFlow(BRIDGE, 'delete', ''));
    console.log(
      `${count} flows: ${bytesPerFlow.toFixed(0)} bytes each; read ${reading!.text}, commit ${committing!.text}, list ${listing!.text}, ${(textBytes / 1e6).toFixed(0)} MB, delete ${deleting!.text}`,
    );
  }
}

const { values } = parseArgs({ options: { flows: { type: 'string', default: '100000,1000000' } } });
for (const count of values.flows.split(',')) measure(Number(count));
