// What: the benchmark of the classifier and the flow table alone: rules installed, keys looked up, memory. Why: what a
// frame of an unknown flow costs is mostly this, and thousands of masks must not slow it. Who: by hand:
//   node dist/bench/classifier.js [--json] [--rules FILE]... [--large]
// FILE is in ClassBench's format. Without one, sets are made from a seed; --large adds those of 100,000 filters, and a
// million flows.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Action } from '../src/datapath/actions/action.ts';
import { FLOW_WORDS, KEY_NW_DST, KEY_NW_SRC, KEY_TYPE_VLAN } from '../src/datapath/flow/key.ts';
import { Match } from '../src/datapath/flow/match.ts';
import { MaskShapes } from '../src/datapath/ofproto/entries/compact-match.ts';
import { type FlowMod, newFlowMod } from '../src/datapath/ofproto/entries/flow-mod.ts';
import { RuleStats } from '../src/datapath/ofproto/entries/rule-stats.ts';
import { FlowTable } from '../src/datapath/ofproto/tables/flow-table.ts';
import {
  Dice,
  FILTER_KINDS,
  type FilterRule,
  filterMatches,
  makeFilters,
  parseFilters,
  writeHit,
} from './class-bench.ts';

const KEYS = 20_000;
const ROUNDS = 8;
const SEED = 1;
const MANY_FLOWS = 1_000_000;
const ETH_TYPE_IPV4 = 0x0800;
const NOW_MS = 1;

export interface ClassifierResult {
  name: string;
  flows: number;
  masks: number;
  /** Hash tables that a lookup may have to probe, but for those of crowded buckets. */
  tables: number;
  installMs: number;
  bytesPerFlow: number;
  /** Of the fastest round; undefined when nothing was looked up. */
  lookupsPerSecond: number | undefined;
  /** Bits of the wildcards, on average: what a cached flow would have to match. */
  wildcardBits: number | undefined;
}

interface Flow {
  match: Match;
  priority: number;
}

/** Flows of the filters, the first ones with the highest priorities; more than 65,536 filters share some. */
export function flowsOf(filters: readonly FilterRule[]): Flow[] {
  return filters.flatMap((filter, i) => {
    const priority = 0xffff - Math.floor((i * 0xffff) / filters.length);
    return filterMatches(filter).map((match) => ({ match, priority }));
  });
}

function flowMod({ match, priority }: Flow, actions: readonly Action[]): FlowMod {
  return { ...newFlowMod('add', match), tableId: 0, priority, actions };
}

/** Adds flows as a bridge does, each with an action list of its own. */
function install(flows: Iterable<Flow>): { table: FlowTable; bytes: number; ms: number } {
  const before = memoryBytes();
  const start = performance.now();
  const table = new FlowTable(0, new RuleStats(), new MaskShapes());
  for (const flow of flows) {
    const rule = table.makeRule(
      flowMod(flow, [{ type: 'output', port: 1 + (flow.priority & 7), maxLength: 0 }]),
      NOW_MS,
    );
    if (!table.find(rule.match, rule.priority)) table.insert(rule);
  }
  const ms = performance.now() - start;
  return { table, ms, bytes: memoryBytes() - before };
}

export function measureFilters(name: string, filters: readonly FilterRule[]): ClassifierResult {
  const flows = flowsOf(filters);
  const { table, ms, bytes } = install(flows);
  const dice = new Dice(SEED);
  const keys = Array.from({ length: KEYS }, () => {
    const key = new Int32Array(FLOW_WORDS);
    writeHit(dice.pick(filters), dice.pick(filters), dice, key);
    return key;
  });
  const wildcards = new Int32Array(FLOW_WORDS);
  let fastest = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (const key of keys) {
      wildcards.fill(0);
      if (!table.lookup(key, wildcards)) throw new Error('a key that a filter accepts finds no flow');
    }
    fastest = Math.min(fastest, performance.now() - start);
  }
  let bits = 0;
  for (const key of keys) {
    wildcards.fill(0);
    table.lookup(key, wildcards);
    for (const word of wildcards) bits += ones(word);
  }
  return {
    name,
    flows: table.size,
    masks: new Set(flows.map(({ match }) => match.mask.join())).size,
    tables: table.hashTables,
    installMs: ms,
    bytesPerFlow: bytes / table.size,
    lookupsPerSecond: (KEYS * 1000) / fastest,
    wildcardBits: bits / KEYS,
  };
}

/** A million flows of one mask in one table. */
function measureMany(): ClassifierResult {
  function* flows(): Iterable<Flow> {
    for (let i = 0; i < MANY_FLOWS; i++) {
      const match = new Match();
      match.mask[KEY_TYPE_VLAN] = 0xffff_0000 | 0;
      match.value[KEY_TYPE_VLAN] = ETH_TYPE_IPV4 << 16;
      match.mask[KEY_NW_SRC] = -1;
      match.value[KEY_NW_SRC] = Math.imul(i, 0x9e37_79b1 | 0);
      match.mask[KEY_NW_DST] = -1;
      match.value[KEY_NW_DST] = 0x0a00_0000 + (i & 0xffff);
      yield { match, priority: 0x8000 };
    }
  }
  const { table, ms, bytes } = install(flows());
  return {
    name: 'one mask',
    flows: table.size,
    masks: 1,
    tables: table.hashTables,
    installMs: ms,
    bytesPerFlow: bytes / table.size,
    lookupsPerSecond: undefined,
    wildcardBits: undefined,
  };
}

function ones(word: number): number {
  let count = 0;
  for (let left = word; left !== 0; left &= left - 1) count++;
  return count;
}

let collectGarbage: (() => void) | undefined;

function memoryBytes(): number {
  if (!collectGarbage) {
    setFlagsFromString('--expose-gc');
    collectGarbage = runInNewContext('gc') as () => void;
  }
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function print(result: ClassifierResult): void {
  const { name, flows, masks, tables, installMs, bytesPerFlow, lookupsPerSecond, wildcardBits } = result;
  const lookups =
    lookupsPerSecond === undefined
      ? ''
      : `, ${Math.round(lookupsPerSecond / 1000)} k lookups/s, ${wildcardBits!.toFixed(0)} bits of wildcards`;
  console.log(
    `${name}: ${flows} flows of ${masks} masks in ${tables} tables, installed in ${installMs.toFixed(0)} ms, ` +
      `${bytesPerFlow.toFixed(0)} bytes per flow${lookups}`,
  );
}

function main(): void {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      large: { type: 'boolean', default: false },
      rules: { type: 'string', multiple: true, default: [] },
    },
  });
  const results: ClassifierResult[] = [];
  const measure = (result: ClassifierResult): void => {
    results.push(result);
    if (!values.json) print(result);
  };
  for (const file of values.rules)
    measure(measureFilters(basename(file), parseFilters(readFileSync(file, 'utf8'))));
  if (values.rules.length === 0) {
    for (const size of values.large ? [10_000, 100_000] : [10_000]) {
      for (const kind of FILTER_KINDS) {
        measure(measureFilters(`${kind} ${size / 1000}k`, makeFilters(kind, size, SEED)));
      }
    }
    if (values.large) measure(measureMany());
  }
  if (values.json) console.log(JSON.stringify(results));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main();
