// What: runs daemons in a directory of their own, over a datapath that needs no root. Who: test/control, test/cli.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SwitchClient } from '../../src/control/client.ts';
import { Daemon, type DaemonOptions } from '../../src/control/daemon.ts';
import { FakeDatapath } from './fake-datapath.ts';

export class TestDaemon {
  readonly directory = mkdtempSync(join(tmpdir(), 'tsswitch-test-'));
  readonly socketPath = join(this.directory, 'tsswitch.sock');
  readonly stateDirectory = join(this.directory, 'state');
  readonly notices: string[] = [];
  datapath = new FakeDatapath();
  readonly #clients: SwitchClient[] = [];
  readonly #locks = new Set<string>();
  #daemon: Daemon | undefined;

  get daemon(): Daemon {
    return this.#daemon!;
  }

  /** A daemon on the same state, with a new datapath, as after a restart. */
  async start(options: Partial<DaemonOptions> = {}): Promise<SwitchClient> {
    if (this.datapath.closed) this.datapath = new FakeDatapath();
    const { socketPath, stateDirectory } = this;
    const notice = (sentence: string) => this.notices.push(sentence);
    this.#daemon = await Daemon.start(
      { socketPath, stateDirectory, notice, ...options },
      { startDatapath: async () => this.datapath.client(), lockFile: (path) => this.#lock(path) },
    );
    return this.connect();
  }

  connect(socketPath = this.socketPath): SwitchClient {
    const client = new SwitchClient(socketPath);
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    this.#daemon?.stop();
    await this.#daemon?.stopped;
    this.#daemon = undefined;
    this.#locks.clear();
  }

  async cleanUp(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true });
  }

  /** The kernel's lock ends with the process; this one ends with stop(). */
  #lock(path: string): boolean {
    if (this.#locks.has(path)) return false;
    this.#locks.add(path);
    return true;
  }
}
