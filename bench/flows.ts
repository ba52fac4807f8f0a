// What: how long it takes to install many flows from a file, to list them and to compare them with the file, and what
// they cost in memory, side by side with Open vSwitch. Why: labs and controllers load tables of 100,000 flows. Who:
// `node dist/bench/flows.js`, as root; docs/benchmarks.md holds a run, flow-tables.ts measures the datapath alone.
// Invariants: whole processes are timed, as a person at a shell would, with their output in a file; rounds alternate.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LabSwitch, programPath } from '../test/support/lab-switch.ts';
import { Lab, type Namespace } from '../test/support/netns.ts';
import { flowLine } from './flow-lines.ts';
import { startOpenVswitch } from './open-vswitch.ts';
import { medianRatio, spread } from './statistics.ts';

/** What is timed, in this order. */
const TASKS = ['install', 'list', 'diff'] as const;
type Task = (typeof TASKS)[number];

class Contender {
  readonly title: string;
  /** Process id of the switch. */
  readonly pid: number;
  readonly samples: Record<Task, number[]> = { install: [], list: [], diff: [] };
  /** By how much the resident memory of the switch grew with the first installation. */
  grownBytes = 0;
  private readonly commands: Record<Task | 'clear', string[]>;

  constructor(title: string, pid: number, commands: Record<Task | 'clear', string[]>) {
    this.title = title;
    this.pid = pid;
    this.commands = commands;
  }

  clear(): Promise<number> {
    return run(this.commands.clear, '/dev/null');
  }

  /** Takes a sample of a task; what it prints goes into a file. */
  async sample(task: Task, outputPath: string): Promise<void> {
    const before = residentBytes(this.pid);
    this.samples[task].push(await run(this.commands[task], outputPath));
    if (task === 'install' && this.samples.install.length === 1)
      this.grownBytes = residentBytes(this.pid) - before;
  }
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/** Runs a command and returns the milliseconds that it took. Throws when it fails. */
async function run([command, ...args]: string[], outputPath: string): Promise<number> {
  const output = openSync(outputPath, 'w');
  try {
    const start = performance.now();
    const child = spawn(command!, args, { stdio: ['ignore', output, 'inherit'] });
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
    if (code !== 0) throw new Error(`'${command} ${args.join(' ')}' ended with ${code}`);
    return performance.now() - start;
  } finally {
    closeSync(output);
  }
}

async function openVswitch(lab: Lab, middle: Namespace, file: string): Promise<Contender> {
  const directory = join(lab.directory, 'ovs');
  await startOpenVswitch(middle, { directory, userspaceTso: false }, []);
  const protocols = 'protocols=OpenFlow10,OpenFlow13,OpenFlow14';
  await middle.must(
    'ovs-vsctl',
    `--db=unix:${join(directory, 'db.sock')}`,
    ...['set', 'bridge', 'br0', protocols],
  );
  const bridge = `unix:${join(directory, 'br0.mgmt')}`;
  const ofctl = (...words: string[]) => ['ovs-ofctl', '-vconsole:err', '-O', 'OpenFlow14', ...words];
  const pid = Number(readFileSync(join(directory, 'ovs-vswitchd.pid'), 'utf8'));
  return new Contender('ovs-ofctl', pid, {
    clear: ofctl('del-flows', bridge),
    install: ofctl('--bundle', 'add-flows', bridge, file),
    list: ofctl('dump-flows', bridge),
    diff: ofctl('diff-flows', bridge, file),
  });
}

async function tsswitch(lab: Lab, middle: Namespace, file: string): Promise<Contender> {
  const daemon = await LabSwitch.start(middle, { directory: lab.directory });
  const cli = (...words: string[]) => [
    process.execPath,
    programPath,
    ...['--socket', daemon.socketPath, '--state', daemon.stateDirectory],
    ...words,
  ];
  return new Contender('tsswitch', daemon.pid, {
    clear: cli('del-flows'),
    install: cli('add-flows', file),
    list: cli('dump-flows'),
    diff: cli('diff-flows', 'br0', file),
  });
}

async function round(contender: Contender, outputPath: string, count: number): Promise<void> {
  await contender.clear();
  for (const task of TASKS) {
    await contender.sample(task, outputPath);
    const lines = readFileSync(outputPath, 'utf8').split('actions=').length - 1;
    const expected = task === 'list' ? count : 0;
    if (lines !== expected) {
      throw new Error(`${contender.title}: ${task} printed ${lines} flows, not ${expected}`);
    }
  }
}

function report(contenders: Contender[], count: number): void {
  const [reference] = contenders as [Contender];
  console.log(`${count} flows; ms, median (least - most), ratio to ovs-ofctl; less is better`);
  for (const { title, samples, grownBytes } of contenders) {
    const figures = TASKS.map((task) => {
      const { median, min, max } = spread(samples[task]);
      const ratio = medianRatio(samples[task], reference.samples[task])!;
      return `${task} ${median.toFixed(0)} (${min.toFixed(0)} - ${max.toFixed(0)}), ${ratio.toFixed(2)} x`;
    });
    const memory = `resident memory grew by ${(grownBytes / count).toFixed(0)} bytes a flow in the first round, garbage included`;
    console.log(`  ${title.padEnd(10)} ${[...figures, memory].join('; ')}`);
  }
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, flows: { type: 'string', default: '100000' } },
});
const [rounds, count] = [Number(values.rounds), Number(values.flows)];
const lab = new Lab();
try {
  const middle = lab.namespace('m');
  const file = join(lab.directory, 'flows.txt');
  writeFileSync(file, `${Array.from({ length: count }, (_, i) => flowLine(i)).join('\n')}\n`);
  const contenders = [await openVswitch(lab, middle, file), await tsswitch(lab, middle, file)];
  for (let i = 0; i < rounds; i++) {
    for (const contender of i % 2 === 0 ? contenders : [...contenders].reverse()) {
      await round(contender, join(lab.directory, 'output.txt'), count);
    }
  }
  report(contenders, count);
} finally {
  lab.dispose();
}
