// What: DummyOpenVswitch, a private ovs-vswitchd with dummy ports: frames in by command, frames out by capture file.
// Why: where Open vSwitch defines the behaviour it is asked, with no root, no device and no real time. Who: oracle tests.
// Invariant: everything lies in one temporary directory and ends with stop(); the caches of Open vSwitch are off
// (flow-limit=0), since it keeps using a cached megaflow for some milliseconds after a change.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BackgroundProcess } from './background-process.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const PROTOCOLS = '[OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15]';
/** Headers of a pcap file, and of each frame in it. */
const PCAP_FILE_HEADER = 24;
const PCAP_FRAME_HEADER = 16;

const run = promisify(execFile);

export interface PortFrame {
  /** OpenFlow port number. */
  port: number;
  frame: Uint8Array;
}

export class DummyOpenVswitch {
  readonly #directory: string;
  readonly #ports: number;
  readonly #processes: BackgroundProcess[] = [];
  /** How much of each capture file is read. */
  readonly #read = new Map<number, number>();
  #control!: UnixControl;

  private constructor(ports: number) {
    this.#directory = mkdtempSync(join(tmpdir(), 'tsswitch-ovs-'));
    this.#ports = ports;
  }

  /** A bridge br0, fail-mode secure, with ports p1, p2, … of these OpenFlow numbers. */
  static async start(ports: number): Promise<DummyOpenVswitch> {
    const ovs = new DummyOpenVswitch(ports);
    try {
      await ovs.#start();
    } catch (error) {
      await ovs.stop();
      throw error;
    }
    return ovs;
  }

  async #start(): Promise<void> {
    const at = (name: string) => join(this.#directory, name);
    await run('ovsdb-tool', ['create', at('conf.db'), SCHEMA]);
    this.#spawn(
      'ovsdb-server',
      at('conf.db'),
      `--remote=punix:${at('db.sock')}`,
      `--unixctl=${at('db.ctl')}`,
    );
    await this.#appears('db.sock');
    await this.#vsctl('--no-wait', 'init');
    const dummy = ['--enable-dummy=override', '--disable-system', '--disable-system-route'];
    this.#spawn('ovs-vswitchd', `unix:${at('db.sock')}`, ...dummy, `--unixctl=${at('vs.ctl')}`);
    await this.#appears('vs.ctl');
    const settings = ['datapath-type=dummy', 'fail-mode=secure', `protocols=${PROTOCOLS}`];
    const words = ['add-br', 'br0', '--', 'set', 'bridge', 'br0', ...settings];
    words.push(
      'other-config:hwaddr=aa:55:aa:55:00:00',
      '--',
      'set',
      'Open_vSwitch',
      '.',
      'other_config:flow-limit=0',
    );
    for (let port = 1; port <= this.#ports; port++) {
      const capture = `options:tx_pcap=${this.#capture(port)}`;
      words.push('--', 'add-port', 'br0', `p${port}`, '--', 'set', 'interface', `p${port}`);
      words.push('type=dummy', `ofport_request=${port}`, capture);
    }
    await this.#vsctl(...words);
    for (let port = 1; port <= this.#ports; port++) await this.#appears(`p${port}.pcap`);
    this.#control = await UnixControl.connect(at('vs.ctl'));
  }

  /** ovs-ofctl with the management socket of the bridge behind the first word; `input` goes to its stdin. */
  ofctl(words: readonly string[], input = ''): Promise<string> {
    return this.#run('ovs-ofctl', [...words.slice(0, 3), this.managementSocket, ...words.slice(3)], input);
  }

  get managementSocket(): string {
    return `unix:${join(this.#directory, 'br0.mgmt')}`;
  }

  /** A command of ovs-appctl. Rejects with what it answers when it fails. */
  appctl(command: string, ...words: string[]): Promise<string> {
    return this.#control.call(command, words);
  }

  /** Puts a frame in at a port. What comes of it is found by outputs(), perhaps some milliseconds later. */
  async inject(port: number, frame: Uint8Array): Promise<void> {
    await this.appctl('netdev-dummy/receive', `p${port}`, Buffer.from(frame).toString('hex'));
  }

  /** What left since the last call, by port. Waits until no more comes. */
  async outputs(): Promise<PortFrame[]> {
    const all = this.#collect();
    for (let quiet = 0; quiet < 3; ) {
      await this.appctl('time/warp', '4', '1');
      const more = this.#collect();
      all.push(...more);
      quiet = more.length > 0 ? 0 : quiet + 1;
    }
    return all;
  }

  /** False once a daemon has died; 3.1 has assertions that some tables reach. */
  get alive(): boolean {
    return this.#processes.every((process) => !process.ended);
  }

  /** A program that listens to the bridge until stop(), for example `ovs-ofctl monitor`. */
  spawn(command: string, ...words: string[]): BackgroundProcess {
    return this.#spawn(command, ...words);
  }

  async stop(): Promise<void> {
    this.#control?.close();
    for (const process of this.#processes.reverse()) await process.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #capture(port: number): string {
    return join(this.#directory, `p${port}.pcap`);
  }

  #collect(): PortFrame[] {
    const frames: PortFrame[] = [];
    for (let port = 1; port <= this.#ports; port++) {
      const bytes = readFileSync(this.#capture(port));
      let at = this.#read.get(port) ?? PCAP_FILE_HEADER;
      while (bytes.length >= at + PCAP_FRAME_HEADER) {
        const end = at + PCAP_FRAME_HEADER + bytes.readUInt32LE(at + 8);
        if (bytes.length < end) break;
        frames.push({ port, frame: new Uint8Array(bytes.subarray(at + PCAP_FRAME_HEADER, end)) });
        at = end;
      }
      this.#read.set(port, at);
    }
    return frames;
  }

  #environment(): string[] {
    return ['RUNDIR', 'LOGDIR', 'DBDIR', 'SYSCONFDIR'].map((name) => `OVS_${name}=${this.#directory}`);
  }

  #spawn(command: string, ...words: string[]): BackgroundProcess {
    const process = new BackgroundProcess('env', [...this.#environment(), command, ...words]);
    this.#processes.push(process);
    return process;
  }

  async #run(command: string, words: readonly string[], input: string): Promise<string> {
    const process = new BackgroundProcess('env', [...this.#environment(), command, ...words]);
    process.endInput(input);
    const { code, stdout, stderr } = await process.exited;
    if (code !== 0) throw new Error(`${process.title}: ${stderr}${stdout}`);
    return stdout;
  }

  async #vsctl(...words: string[]): Promise<void> {
    const database = `--db=unix:${join(this.#directory, 'db.sock')}`;
    await this.#run('ovs-vsctl', [database, '--timeout=10', ...words], '');
  }

  async #appears(name: string): Promise<void> {
    for (let i = 0; i < 500; i++) {
      if (existsSync(join(this.#directory, name))) return;
      await sleep(20);
    }
    const said = this.#processes.map((process) => process.stderr).join('');
    throw new Error(`Open vSwitch made no ${name}: ${said}`);
  }
}

/** JSON-RPC to the control socket of an Open vSwitch daemon (ovs-appctl(8)), one command at a time. */
class UnixControl {
  readonly #socket: Socket;
  #received = '';
  #settle: ((reply: { result: string | null; error: string | null }) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('close', () => this.#fail?.(new Error('Open vSwitch closed its control socket.')));
    socket.on('error', (error) => this.#fail?.(error));
  }

  static connect(path: string): Promise<UnixControl> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new UnixControl(socket)));
      socket.once('error', reject);
    });
  }

  async call(method: string, params: string[]): Promise<string> {
    const reply = new Promise<{ result: string | null; error: string | null }>((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    this.#socket.write(JSON.stringify({ id: 0, method, params }));
    const { result, error } = await reply;
    if (error !== null) throw new Error(error.trim());
    return result ?? '';
  }

  close(): void {
    this.#fail = undefined;
    this.#socket.destroy();
  }

  /** A reply is complete when it reads as JSON. */
  #take(text: string): void {
    this.#received += text;
    if (!this.#received.trimEnd().endsWith('}')) return;
    let reply: { result: string | null; error: string | null };
    try {
      reply = JSON.parse(this.#received);
    } catch {
      return;
    }
    this.#received = '';
    this.#settle?.(reply);
  }
}
