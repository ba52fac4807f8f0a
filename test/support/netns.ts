// What: Lab, a set of network namespaces joined by veth pairs, and Namespace, one of them. Why: traffic of a test
// must never touch the machine's own network, and everything must be gone afterwards, however the test ends. Who:
// system tests, demo, bench, and anybody who tests a topology of their own; docs/testing.md shows how.
// Invariants: the name of a namespace holds the pid of its owner, `tss-<pid>-<lab>-<name>`, so that cleanDeadLabs()
// can tell leftovers from what is in use. IPv6 is off in a namespace unless asked for: its neighbour discovery would
// add frames that no test sent.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BackgroundProcess, type ProcessResult } from './background-process.ts';

const PREFIX = 'tss-';
const RUN_NETNS = '/run/netns';

/** Offload features of a sender that decide what its frames look like; scatter-gather follows `tx`. */
const SEND_OFFLOADS = ['tx', 'tso', 'gso'] as const;

export type Offloads = 'on' | 'off';

export interface NamespaceOptions {
  /** Leave IPv6 on. */
  ipv6?: boolean;
}

export interface TapOptions {
  /** User id that may attach to the tap without being root. */
  userId?: number;
}

/** One end of a veth pair. */
export interface VethEnd {
  namespace: Namespace;
  /** Device name, at most 15 characters. */
  name: string;
  /** For example `10.0.0.1/24`. */
  address?: string;
  /** MAC address; the kernel chooses when it is left out. */
  mac?: string;
  /** Segmentation and checksum offloads; the kernel's default (on) when left out. */
  offloads?: Offloads;
}

/** A network namespace. Made by Lab.namespace(). */
export class Namespace {
  /** The name given to Lab.namespace(). */
  readonly name: string;
  /** The name that ip-netns(8) knows. */
  readonly netnsName: string;
  readonly #background: BackgroundProcess[] = [];

  constructor(name: string, netnsName: string, options: NamespaceOptions) {
    this.name = name;
    this.netnsName = netnsName;
    runIp('netns', 'add', netnsName);
    if (!options.ipv6) {
      this.exec('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
    }
    this.ip('link', 'set', 'lo', 'up');
  }

  /** Runs ip(8) on this namespace. Throws with what it said when it fails. */
  ip(...args: string[]): string {
    return runIp('-n', this.netnsName, ...args);
  }

  /** Runs a command inside and returns its output. Throws with what it wrote to stderr when it fails. */
  exec(command: string, ...args: string[]): string {
    return runSync('ip', this.#inside(command, args));
  }

  /** Starts a command inside, and goes on. It is killed at the latest when the lab is disposed of. */
  start(command: string, ...args: string[]): BackgroundProcess {
    const process = new BackgroundProcess('ip', this.#inside(command, args));
    this.#background.push(process);
    return process;
  }

  /** Runs a command inside without blocking this process; failure is told by the exit code. */
  run(command: string, ...args: string[]): Promise<ProcessResult> {
    const process = this.start(command, ...args);
    process.endInput();
    return process.exited;
  }

  /** As run(), but throws when the exit code is not 0. */
  async must(command: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, ...args);
    if (code === 0) return stdout;
    throw new Error(`${this.name}: '${command} ${args.join(' ')}' ended with ${code}: ${stderr}${stdout}`);
  }

  /** Adds an address and sets the device up. */
  addAddress(device: string, address: string): void {
    this.ip('address', 'add', address, 'dev', device);
    this.ip('link', 'set', device, 'up');
  }

  /** Creates a persistent tap device, down, with nobody attached. */
  addTap(device: string, { userId }: TapOptions = {}): void {
    const owner = userId === undefined ? [] : ['user', String(userId)];
    this.ip('tuntap', 'add', device, 'mode', 'tap', ...owner);
  }

  /** Moves a device of this namespace into another one. It arrives down and without addresses. */
  moveDevice(device: string, to: Namespace): void {
    this.ip('link', 'set', device, 'netns', to.netnsName);
  }

  setLink(device: string, state: 'up' | 'down'): void {
    this.ip('link', 'set', device, state);
  }

  /**
   * Turns checksum, segmentation and GRO offloads of a device off, or back to what the kernel gives to a new one. GRO
   * is off on a new veth: on, it would also change how the device receives (NAPI). Needs ethtool.
   */
  setOffloads(device: string, offloads: Offloads): void {
    const features = SEND_OFFLOADS.flatMap((feature) => [feature, offloads]);
    this.exec('ethtool', '-K', device, ...features, 'gro', 'off');
  }

  /** MAC address of a device. */
  mac(device: string): string {
    return this.#link(device).address;
  }

  /** Names of all devices except lo. */
  devices(): string[] {
    const links = JSON.parse(this.ip('-json', 'link', 'show')) as { ifname: string }[];
    return links.map(({ ifname }) => ifname).filter((name) => name !== 'lo');
  }

  /** The kernel's own counters of a device, as seen from the namespace. */
  counters(device: string): { rxPackets: number; rxBytes: number; txPackets: number; txBytes: number } {
    const { rx, tx } = this.#link(device).stats64;
    return { rxPackets: rx.packets, rxBytes: rx.bytes, txPackets: tx.packets, txBytes: tx.bytes };
  }

  /** Ends what was started inside, then deletes the namespace and its devices. */
  dispose(): void {
    for (const process of this.#background) process.signal('SIGKILL');
    deleteNamespace(this.netnsName);
  }

  #link(device: string): LinkJson {
    const [link] = JSON.parse(this.ip('-json', '-statistics', 'link', 'show', device)) as LinkJson[];
    return link!;
  }

  #inside(command: string, args: string[]): string[] {
    return ['netns', 'exec', this.netnsName, command, ...args];
  }
}

interface LinkJson {
  address: string;
  stats64: Record<'rx' | 'tx', { packets: number; bytes: number }>;
}

/** Namespaces that live and end together. Use it with `using`-like care: call dispose() in afterEach or finally. */
export class Lab {
  /** A directory for sockets, captures and the like; removed with the lab. */
  readonly directory: string;
  readonly #id: number;
  readonly #namespaces: Namespace[] = [];
  static #count = 0;
  static readonly #live = new Set<Lab>();

  constructor() {
    this.#id = ++Lab.#count;
    this.directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
    if (Lab.#count === 1) disposeAtExit(() => Lab.disposeAll());
    Lab.#live.add(this);
  }

  /** Creates a namespace. Throws when this process may not. */
  namespace(name: string, options: NamespaceOptions = {}): Namespace {
    const namespace = new Namespace(name, `${PREFIX}${process.pid}-${this.#id}-${name}`, options);
    this.#namespaces.push(namespace);
    return namespace;
  }

  /** Joins two namespaces by a veth pair, both ends up. */
  veth(a: VethEnd, b: VethEnd): void {
    const end = ({ namespace, name, mac }: VethEnd) => [
      ...['name', name, 'netns', namespace.netnsName],
      ...(mac === undefined ? [] : ['address', mac]),
    ];
    runIp('link', 'add', ...end(a), 'type', 'veth', 'peer', ...end(b));
    for (const { namespace, name, address, offloads } of [a, b]) {
      if (offloads !== undefined) namespace.setOffloads(name, offloads);
      if (address === undefined) namespace.setLink(name, 'up');
      else namespace.addAddress(name, address);
    }
  }

  /** Ends all processes, namespaces and devices of the lab. A second call does nothing. */
  dispose(): void {
    for (const namespace of this.#namespaces.splice(0)) namespace.dispose();
    rmSync(this.directory, { recursive: true, force: true });
    Lab.#live.delete(this);
  }

  static disposeAll(): void {
    for (const lab of Lab.#live) lab.dispose();
  }
}

/** Deletes namespaces whose owner has died without cleaning up, and returns their names. */
export function cleanDeadLabs(): string[] {
  const dead = labNamespaces().filter((name) => !isAlive(Number(/^tss-(\d+)-/.exec(name)?.[1])));
  for (const name of dead) deleteNamespace(name);
  return dead;
}

/** Names of the namespaces of all labs on this machine; of this process only when `own`. */
export function labNamespaces({ own = false } = {}): string[] {
  const prefix = own ? `${PREFIX}${process.pid}-` : PREFIX;
  try {
    return readdirSync(RUN_NETNS).filter((name) => name.startsWith(prefix));
  } catch {
    return []; // the directory comes with the first namespace
  }
}

/** Kills what runs inside by pid: a namespace lives as long as its last process. */
function deleteNamespace(netnsName: string): void {
  const pids = spawnSync('ip', ['netns', 'pids', netnsName], { encoding: 'utf8' }).stdout ?? '';
  for (const pid of pids.split(/\s+/).filter((text) => text !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // ended in between
    }
  }
  spawnSync('ip', ['netns', 'delete', netnsName]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Also on Ctrl-C and on the SIGTERM with which a test runner ends a worker. */
function disposeAtExit(dispose: () => void): void {
  process.once('exit', dispose);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      dispose();
      process.kill(process.pid, signal);
    });
  }
}

function runIp(...args: string[]): string {
  return runSync('ip', args);
}

function runSync(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new Error(`'${[command, ...args].join(' ')}' failed: ${stderr?.trim() || message}`);
  }
}
