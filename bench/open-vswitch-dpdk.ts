// What: tsswitch's datapath side by side with that of Open vSwitch with DPDK: the same frames from memory, the same flow
// tables, one core each, no kernel. Why: it is the fastest switch of its kind, so it is the measure of the fast path. Who:
// by hand, where Debian's openvswitch-switch-dpdk is installed:
//   node dist/bench/open-vswitch-dpdk.js [--json] [--rounds N] [--seconds S] [--flows N]...
// How: Open vSwitch reads the frames from a pcap file with DPDK's pcap driver (which keeps them in memory and goes round
// them) and sends into its null driver; what counts are packets sent there. Its process is stopped (SIGSTOP) while
// tsswitch has its turn. Rates are per second of processor time, so that what else the machine does disturbs them less.
// Rounds alternate, and the ratio is the median of the ratios of the rounds.
// Invariant: it has its own database, sockets and files, and touches nothing of an Open vSwitch that the machine may run.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MemoryLab } from './memory-lab.ts';
import { writePcap } from './pcap.ts';
import { median } from './statistics.ts';
import { FLOW_COUNTS, flowsTitle, TABLES, udpFrames } from './udp-flows.ts';

const VSWITCHD = '/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk';
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
/** DPDK keeps files of this name here, and leaves them behind. */
const DPDK_PREFIX = `tsswitch-bench-${process.pid}`;
const DPDK_RUNTIME = '/var/run/dpdk';
/** Memory for DPDK, in MB: the pcap driver keeps each frame in a buffer of two kilobytes and more. */
const MEMORY_MB = 1024;
const START_TIMEOUT_MS = 20_000;
const WARM_UP_MS = 300;
const WARM_UP_FRAMES = 2_000_000;
/** Frames that tsswitch forwards between two looks at the clock. */
const FRAMES_PER_TURN = 200_000;

/** An Open vSwitch of its own whose bridge br0 reads frames from a file at port 1 and loses what it sends to port 2. */
class OpenVswitchDpdk {
  private readonly directory = mkdtempSync(join(tmpdir(), 'tsswitch-ovs-dpdk-'));
  private readonly processes: ChildProcess[] = [];
  private vswitchd!: ChildProcess;

  async start(frames: readonly Uint8Array[]): Promise<void> {
    const file = join(this.directory, 'frames.pcap');
    writePcap(file, frames);
    const database = join(this.directory, 'conf.db');
    this.run('ovsdb-tool', 'create', database, SCHEMA);
    this.spawn(
      'ovsdb-server',
      database,
      `--remote=punix:${this.path('db.sock')}`,
      `--unixctl=${this.path('db.ctl')}`,
    );
    await this.until(() => this.vsctl('--no-wait', 'init'));
    const memory = hasHugePages() ? `-m ${MEMORY_MB}` : `--no-huge --legacy-mem -m ${2 * MEMORY_MB}`;
    const config = [
      'other_config:dpdk-init=true',
      `other_config:dpdk-extra="--no-pci ${memory} --file-prefix=${DPDK_PREFIX}"`,
      // The last core; the first is where interrupts tend to be.
      `other_config:pmd-cpu-mask=0x${(2 ** (cpus().length - 1)).toString(16)}`,
    ];
    this.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', ...config);
    this.vswitchd = this.spawn(
      VSWITCHD,
      `unix:${this.path('db.sock')}`,
      `--unixctl=${this.path('vs.ctl')}`,
      `--log-file=${this.path('vs.log')}`,
    );
    await this.until(() =>
      this.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev', 'fail_mode=secure'),
    );
    this.vsctl(
      ...['add-port', 'br0', 'sink', '--', 'set', 'Interface', 'sink', 'type=dpdk', 'ofport_request=2'],
      ...['options:dpdk-devargs=net_null0', '--'],
      ...['add-port', 'br0', 'source', '--', 'set', 'Interface', 'source', 'type=dpdk', 'ofport_request=1'],
      `options:dpdk-devargs="net_pcap0,rx_pcap=${file},infinite_rx=1"`,
    );
    const error = this.vsctl('get', 'Interface', 'source', 'error').trim();
    if (error !== '[]') throw new Error(`Open vSwitch did not take the source: ${error}`);
  }

  /** Gives the bridge these flows, and none beside. */
  setFlows(flows: readonly string[]): void {
    const file = this.path('flows.txt');
    writeFileSync(file, `${flows.join('\n')}\n`);
    this.ofctl('replace-flows', 'br0', file);
  }

  /** Millions of packets that its polling thread sends in a second of processor time, over `seconds`. */
  async measure(seconds: number): Promise<number> {
    const thread = this.pollingThread();
    const [packets, startNs] = [this.sentPackets(), processorNs(thread)];
    await sleep(seconds * 1000);
    const sent = this.sentPackets() - packets;
    return (sent * 1000) / (processorNs(thread) - startNs);
  }

  /** Directory in /proc of the thread that polls the ports. */
  private pollingThread(): string {
    const tasks = `/proc/${this.vswitchd.pid}/task`;
    const isPolling = (id: string) => readFileSync(join(tasks, id, 'comm'), 'utf8').startsWith('pmd');
    return join(tasks, readdirSync(tasks).find(isPolling)!);
  }

  /** Lets the process rest, or go on. */
  pause(resting: boolean): void {
    this.vswitchd.kill(resting ? 'SIGSTOP' : 'SIGCONT');
  }

  async stop(): Promise<void> {
    for (const child of this.processes.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await Promise.race([exited, sleep(3000, undefined, { ref: false })]);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    }
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(join(DPDK_RUNTIME, DPDK_PREFIX), { recursive: true, force: true });
  }

  private sentPackets(): number {
    const text = this.ofctl('dump-ports', 'br0', 'sink');
    const found = /tx pkts=(\d+)/.exec(text);
    if (!found) throw new Error(`no packet counter in: ${text}`);
    return Number(found[1]);
  }

  private path(name: string): string {
    return join(this.directory, name);
  }

  private vsctl(...words: string[]): string {
    return this.run('ovs-vsctl', `--db=unix:${this.path('db.sock')}`, '--timeout=15', ...words);
  }

  private ofctl(command: string, bridge: string, ...words: string[]): string {
    return this.run('ovs-ofctl', command, `unix:${this.path(`${bridge}.mgmt`)}`, ...words);
  }

  private get environment(): NodeJS.ProcessEnv {
    const own = ['OVS_RUNDIR', 'OVS_LOGDIR', 'OVS_DBDIR', 'OVS_SYSCONFDIR'].map((name) => [
      name,
      this.directory,
    ]);
    return { ...process.env, ...Object.fromEntries(own) };
  }

  private run(program: string, ...words: string[]): string {
    return execFileSync(program, words, {
      encoding: 'utf8',
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  private spawn(program: string, ...words: string[]): ChildProcess {
    const child = spawn(program, [...words, '-vconsole:off'], { env: this.environment, stdio: 'ignore' });
    this.processes.push(child);
    return child;
  }

  /** Calls `attempt` until it does not throw. */
  private async until(attempt: () => unknown): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        attempt();
        return;
      } catch (error) {
        const dead = this.processes.some(
          ({ exitCode, signalCode }) => exitCode !== null || signalCode !== null,
        );
        if (dead || performance.now() > deadline)
          throw new Error(`Open vSwitch does not start: ${error}\n${this.log()}`);
        await sleep(50);
      }
    }
  }

  private log(): string {
    const file = this.path('vs.log');
    if (!existsSync(file)) return '';
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => /\|(ERR|EMER)\|/.test(line))
      .join('\n');
  }
}

function hasHugePages(): boolean {
  const free = /HugePages_Free:\s+(\d+)[\s\S]*?Hugepagesize:\s+(\d+) kB/.exec(
    readFileSync('/proc/meminfo', 'utf8'),
  );
  return free !== null && Number(free[1]) * Number(free[2]) >= MEMORY_MB * 1024;
}

/** Nanoseconds that a thread has run. */
function processorNs(thread: string): number {
  return Number(readFileSync(join(thread, 'schedstat'), 'utf8').split(' ')[0]);
}

/** Millions of frames that tsswitch forwards in a second of processor time, over about `seconds`. */
function measureLab(lab: MemoryLab, seconds: number): number {
  const start = process.cpuUsage();
  let frames = 0;
  for (let elapsed = 0; elapsed < seconds; frames += FRAMES_PER_TURN) elapsed += lab.forward(FRAMES_PER_TURN);
  const { user, system } = process.cpuUsage(start);
  return frames / (user + system);
}

interface Comparison {
  scenario: string;
  tsswitch: number[];
  openVswitch: number[];
  /** Median of the ratios of the rounds. */
  ratio: number;
}

async function compare(flowCount: number, rounds: number, seconds: number): Promise<Comparison[]> {
  const frames = udpFrames(flowCount);
  const ovs = new OpenVswitchDpdk();
  try {
    await ovs.start(frames);
    const results: Comparison[] = [];
    for (const { name, flows } of TABLES) {
      ovs.setFlows(flows);
      await sleep(WARM_UP_MS);
      ovs.pause(true);
      const lab = new MemoryLab(flows, frames);
      lab.forward(WARM_UP_FRAMES);
      const result: Comparison = {
        scenario: `${name}, ${flowsTitle(flowCount)}`,
        tsswitch: [],
        openVswitch: [],
        ratio: 0,
      };
      for (let round = 0; round < rounds; round++) {
        result.tsswitch.push(measureLab(lab, seconds));
        ovs.pause(false);
        await sleep(WARM_UP_MS);
        result.openVswitch.push(await ovs.measure(seconds));
        ovs.pause(true);
      }
      ovs.pause(false);
      result.ratio = median(result.tsswitch.map((rate, round) => rate / result.openVswitch[round]!));
      results.push(result);
    }
    return results;
  } finally {
    await ovs.stop();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '0.7' },
      flows: { type: 'string', multiple: true },
    },
  });
  if (!existsSync(VSWITCHD)) {
    console.error(`bench: there is no ${VSWITCHD}: install openvswitch-switch-dpdk.`);
    process.exit(1);
  }
  const counts = values.flows?.map(Number) ?? FLOW_COUNTS;
  const results: Comparison[] = [];
  for (const count of counts) {
    for (const result of await compare(count, Number(values.rounds), Number(values.seconds))) {
      results.push(result);
      if (!values.json) console.log(formatComparison(result));
    }
  }
  if (values.json) console.log(JSON.stringify({ hugePages: hasHugePages(), results }, null, 2));
}

function formatComparison({ scenario, tsswitch, openVswitch, ratio }: Comparison): string {
  const rates = (all: number[]) =>
    `${median(all).toFixed(1)} (${Math.min(...all).toFixed(1)}..${Math.max(...all).toFixed(1)})`;
  return `${scenario}: tsswitch ${rates(tsswitch)}, Open vSwitch with DPDK ${rates(openVswitch)} M frames/s, ratio ${ratio.toFixed(2)}`;
}

await main();
