// What: `npm run bench`: compares tsswitch with what else is installed, side by side in one run. Why: figures move
// between machines and from hour to hour; ratios of the same round move less. Who: a person; docs/benchmarks.md holds
// a run. Invariant: one round measures each metric on all candidates before the next metric, and the order of the
// candidates rotates from round to round, so that none is always first on a cold or last on a hot machine.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Lab } from '../test/support/netns.ts';
import { projectRoot } from '../test/support/project-root.ts';
import { obstacle } from '../test/support/require-feature.ts';
import { buildTopology, CANDIDATES, type Candidate, candidateObstacle, type Topology } from './candidates.ts';
import { type ControlTimes, formatControl, measureControl } from './control.ts';
import { cpuTimes, describeMachine, warningsAfter, warningsBefore } from './machine.ts';
import { METRICS, type Metric, trafficObstacle } from './metrics.ts';
import { type ColumnReport, formatColumn, type Results, reportColumn } from './report.ts';

const USAGE = `usage: npm run bench [-- OPTIONS]
  --quick          2 short rounds, under 90 s; else 5 rounds
  --rounds N       number of rounds
  --seconds S      length of one measurement
  --only NAMES     candidates and metrics to run, by commas:
                   ${CANDIDATES.map(({ name }) => name).join(', ')}; ${METRICS.map(({ name }) => name).join(', ')}, control
  --json FILE      where to write the figures (default: dist/bench/results.json)
`;

interface Plan {
  rounds: number;
  seconds: number;
  candidates: Candidate[];
  metrics: Metric[];
  control: boolean;
  jsonPath: string;
}

function fail(sentence: string): never {
  console.error(`bench: ${sentence}`);
  process.exit(1);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) fail(`--${name} is a number greater than 0, not '${text}'.`);
  return value;
}

function readPlan(): Plan {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const only = values.only?.split(',') ?? [];
  const known = [...CANDIDATES, ...METRICS].map(({ name }) => name).concat('control');
  for (const name of only)
    if (!known.includes(name)) fail(`--only knows ${known.join(', ')}, not '${name}'.`);
  const chosen = <T extends { name: string }>(all: readonly T[]) => {
    const picked = all.filter(({ name }) => only.includes(name));
    return picked.length > 0 ? picked : [...all];
  };
  const onlyControl = only.length === 1 && only[0] === 'control';
  const names = chosen(CANDIDATES).map(({ name }) => name);
  return {
    rounds: positive('rounds', values.rounds ?? (values.quick ? '2' : '5')),
    seconds: positive('seconds', values.seconds ?? (values.quick ? '1' : '2')),
    candidates: chosen(CANDIDATES),
    metrics: onlyControl ? [] : chosen(METRICS),
    control:
      only.includes('control') || (names.includes('tsswitch') && chosen(METRICS).length === METRICS.length),
    jsonPath: resolve(values.json ?? join(projectRoot, 'dist/bench/results.json')),
  };
}

interface Measured {
  reports: ColumnReport[];
  control: ControlTimes | undefined;
}

async function run(plan: Plan, lab: Lab): Promise<Measured> {
  const topologies = new Map<string, Topology>();
  const obstacles = new Map<string, string>();
  if (plan.metrics.length > 0) await buildAll(plan, lab, topologies, obstacles);
  const results = new Map<Metric, Results>(
    plan.metrics.map((metric) => [metric, new Map(plan.candidates.map(({ name }) => [name, []]))]),
  );
  for (let round = 0; round < plan.rounds; round++) {
    if (topologies.size > 0) console.log(`Round ${round + 1} of ${plan.rounds} ...`);
    const turn = round % plan.candidates.length;
    const order = [...plan.candidates.slice(turn), ...plan.candidates.slice(0, turn)];
    for (const metric of plan.metrics) {
      for (const { name } of order) {
        const topology = topologies.get(name);
        const usable = topology !== undefined && !obstacles.has(`${name} ${metric.offloads}`);
        if (usable) topology.setOffloads(metric.offloads);
        results
          .get(metric)!
          .get(name)!
          .push(usable ? await metric.measure(topology, plan.seconds) : undefined);
      }
    }
  }
  const reports: ColumnReport[] = [];
  for (const metric of plan.metrics) {
    const reasons = new Map(
      plan.candidates.map(({ name }) => [
        name,
        obstacles.get(name) ?? obstacles.get(`${name} ${metric.offloads}`) ?? '',
      ]),
    );
    for (const column of metric.columns) {
      const report = reportColumn(column, results.get(metric)!);
      reports.push(report);
      console.log(`\n${formatColumn(report, plan.candidates, reasons).trimEnd()}`);
    }
  }
  // Alone on the machine: the other switches are gone by now.
  lab.dispose();
  const control = plan.control ? await measureControl(Math.max(3, plan.rounds)) : undefined;
  if (control) console.log(`\n${formatControl(control).trimEnd()}`);
  return { reports, control };
}

/** Builds what can be built; why not, and what does not pass, goes to `obstacles`. */
async function buildAll(
  plan: Plan,
  lab: Lab,
  topologies: Map<string, Topology>,
  obstacles: Map<string, string>,
): Promise<void> {
  for (const candidate of plan.candidates) {
    const { name, title } = candidate;
    const reason = candidateObstacle(candidate);
    if (reason !== '') {
      obstacles.set(name, reason);
      continue;
    }
    console.log(`Building: ${title} ...`);
    const topology = await buildTopology(lab, candidate);
    topologies.set(name, topology);
    for (const offloads of new Set(plan.metrics.map((metric) => metric.offloads))) {
      const broken = await trafficObstacle(topology, offloads);
      if (broken !== '') obstacles.set(`${name} ${offloads}`, broken);
    }
  }
}

const plan = readPlan();
for (const feature of ['root', 'netns', 'ethtool', 'iperf3', 'ping', 'g++'] as const) {
  if (obstacle(feature) !== '') fail(`needs ${feature}: ${obstacle(feature)}.`);
}
const machine = describeMachine();
console.log(`${machine.cores} x ${machine.processor}, Linux ${machine.kernel}, Node ${machine.node}`);
const warnings = await warningsBefore();
const startedTimes = cpuTimes();
for (const warning of warnings) console.log(`Warning: ${warning}`);
const lab = new Lab();
try {
  const { reports, control } = await run(plan, lab);
  const late = warningsAfter(startedTimes);
  for (const warning of late) console.log(`\nWarning: ${warning}`);
  const { rounds, seconds } = plan;
  const figures = { machine, rounds, seconds, warnings: [...warnings, ...late], columns: reports, control };
  mkdirSync(dirname(plan.jsonPath), { recursive: true });
  writeFileSync(plan.jsonPath, `${JSON.stringify(figures, null, 2)}\n`);
  console.log(`\nMedian of ${rounds} rounds, least - most. Figures: ${plan.jsonPath}`);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  lab.dispose();
}
