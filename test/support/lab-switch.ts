// What: LabSwitch, a real switch daemon inside a namespace, with a socket and a state directory of its own, and its
// command line. Why: system tests use the switch exactly as people do. Who: system tests, demo, bench. Talks to
// dist/cli/main.js, so the project must be built.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BackgroundProcess, ProcessResult } from './background-process.ts';
import type { Namespace } from './netns.ts';
import { projectRoot } from './project-root.ts';

/** The program under test. */
export const programPath: string = join(projectRoot, 'dist/cli/main.js');

const READY = /^tsswitch \S+ ready: .*$/m;

export interface SwitchOptions {
  /** Existing directory for socket and state. */
  directory: string;
  /** Run as this user and group, without capabilities. The directory must be theirs. */
  userId?: number;
  /** Name of the socket in the directory. */
  socketName?: string;
  /** Name of the state directory in the directory. */
  stateName?: string;
}

/** What `dump-ports --json` tells of a port. */
export interface PortCounters {
  name: string;
  ofport: number;
  rxPackets: number;
  rxBytes: number;
  rxDropped: number;
  rxErrors: number;
  txPackets: number;
  txBytes: number;
  txDropped: number;
  txErrors: number;
}

/** What `show --json` tells of a port. */
export interface PortState {
  bridge: string;
  name: string;
  type: string;
  ofport: number;
  link: { attached: boolean; adminUp: boolean; up: boolean; address: string; error: string };
}

export interface FdbRow {
  ofport: number;
  portName: string;
  vlan: number;
  mac: string;
  ageSeconds: number;
  isStatic: boolean;
}

export interface FlowRow {
  priority: number;
  match: string;
  actions: string;
  packets: number;
  bytes: number;
}

export interface DropRow {
  bridge: string;
  port: string;
  reason: string;
  count: number;
}

export class LabSwitch {
  readonly namespace: Namespace;
  readonly socketPath: string;
  readonly stateDirectory: string;
  readonly #options: SwitchOptions;
  #daemon: BackgroundProcess | undefined;

  constructor(namespace: Namespace, options: SwitchOptions) {
    this.namespace = namespace;
    this.#options = options;
    this.socketPath = join(options.directory, options.socketName ?? 'tsswitch.sock');
    this.stateDirectory = join(options.directory, options.stateName ?? 'state');
  }

  /** Arguments with which Node runs a switch in the foreground. */
  static startArguments(socketPath: string, stateDirectory: string): string[] {
    return [programPath, 'start', '--socket', socketPath, '--state', stateDirectory];
  }

  /** Starts a switch in `namespace` and waits until it is ready. */
  static async start(namespace: Namespace, options: SwitchOptions): Promise<LabSwitch> {
    const lab = new LabSwitch(namespace, options);
    await lab.start();
    return lab;
  }

  /** Starts the daemon (again) and waits for its readiness line, which it returns. Throws with its complaint. */
  async start(): Promise<string> {
    this.launch();
    return (await this.#daemon!.waitFor(READY, 20_000))[0];
  }

  /** Starts the daemon and does not wait. */
  launch(): BackgroundProcess {
    if (!existsSync(programPath)) throw new Error(`${programPath} is missing: run 'npm run build' first.`);
    const { userId } = this.#options;
    const start = [process.execPath, ...LabSwitch.startArguments(this.socketPath, this.stateDirectory)];
    const [command, ...args] = (userId === undefined ? start : [...asUser(userId), ...start]) as [
      string,
      ...string[],
    ];
    this.#daemon = this.namespace.start(command, ...args);
    return this.#daemon;
  }

  /** Process id of the daemon that was started last. */
  get pid(): number {
    return this.#daemon?.pid ?? 0;
  }

  /** All that the daemon that was started last has written. */
  get output(): string {
    return `${this.#daemon?.stdout ?? ''}${this.#daemon?.stderr ?? ''}`;
  }

  /** Ends the daemon with a signal and returns how it ended. */
  async stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<ProcessResult> {
    return this.#daemon!.stop(signal);
  }

  /** Waits until the daemon has ended on its own. */
  async exited(): Promise<ProcessResult> {
    return this.#daemon!.exited;
  }

  /** Ends the daemon as a crash would. */
  async kill(): Promise<void> {
    await this.#daemon!.stop('SIGKILL');
  }

  /** Runs a command of the switch; a failure is told by the exit code. */
  run(...args: string[]): Promise<ProcessResult> {
    return runProgram('--socket', this.socketPath, '--state', this.stateDirectory, ...args);
  }

  /** Runs a command of the switch and returns its output. Throws with its complaint when it fails. */
  async cli(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code === 0) return stdout;
    throw new Error(`'tsswitch ${args.join(' ')}' ended with ${code}: ${stderr.trim()}`);
  }

  /** As cli(), with --json. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.cli('--json', ...args)) as T;
  }

  /** The ports of all bridges, local ports included. */
  async ports(): Promise<PortState[]> {
    const { bridges } = await this.json<{ bridges: { ports: PortState[] }[] }>('show');
    return bridges.flatMap(({ ports }) => ports);
  }

  /** The state of one port. Throws when there is none of that name. */
  async port(name: string): Promise<PortState> {
    const found = (await this.ports()).find((port) => port.name === name);
    if (!found) throw new Error(`the switch has no port ${name}`);
    return found;
  }

  portCounters(bridge = 'br0'): Promise<PortCounters[]> {
    return this.json('dump-ports', bridge);
  }

  fdb(bridge = 'br0'): Promise<FdbRow[]> {
    return this.json('fdb', 'show', bridge);
  }

  flows(bridge = 'br0'): Promise<FlowRow[]> {
    return this.json('dump-flows', bridge);
  }

  drops(): Promise<DropRow[]> {
    return this.json('drops');
  }

  /** Asks until `condition` holds for the port; returns its last state. Throws after `timeoutMs`. */
  async waitForPort(
    name: string,
    condition: (port: PortState) => boolean,
    timeoutMs = 5_000,
  ): Promise<PortState> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const port = await this.port(name);
      if (condition(port)) return port;
      if (performance.now() > deadline) throw new Error(`port ${name} stays ${JSON.stringify(port)}`);
    }
  }
}

/**
 * The words in front of a command that runs as another user, without capabilities. udev opens /dev/net/tun to all; a
 * machine without udev may not, so the command gets a node of its own (ip-netns(8) gave it a mount namespace).
 */
function asUser(userId: number): string[] {
  const openTun = 'mount -t tmpfs tmpfs /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"';
  const identity = [`--reuid=${userId}`, `--regid=${userId}`, '--clear-groups', '--bounding-set=-all'];
  return ['sh', '-c', openTun, 'sh', 'setpriv', ...identity];
}

/** Runs the program as a user of this machine's own namespace would, with these arguments and nothing else. */
export function runProgram(...args: string[]): Promise<ProcessResult> {
  const child = spawn(process.execPath, [programPath, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });
}
