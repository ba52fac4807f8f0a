// What: the main thread's end of the datapath: starts the worker and turns each command into a message and its
// reply into a promise. Why: control never waits on forwarding and forwarding never waits on control. Who:
// src/control through index.ts; the other end is worker.ts.

import { constants } from 'node:os';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { SwitchCommands } from './api.ts';
import { SwitchError } from './errors.ts';
import { loadAddon } from './port/native-addon.ts';
import type { Reply, Request, WorkerInit } from './worker-messages.ts';

export interface DatapathOptions {
  /** Microseconds to look for more frames before the worker sleeps. */
  spinUs?: number;
}

/** SwitchCommands, each asynchronous. Rejects with SwitchError. */
export type DatapathClient = {
  [K in keyof SwitchCommands]: (
    ...args: Parameters<SwitchCommands[K]>
  ) => Promise<ReturnType<SwitchCommands[K]>>;
} & {
  /** Closes all ports and ends the worker. */
  close(): Promise<void>;
  /** Resolves with an error when the worker dies on its own; never when close() ended it. */
  readonly died: Promise<Error>;
};

const DEFAULT_SPIN_US = 20;

/** Starts a datapath worker with kernel ports. Throws SwitchError failed-precondition when the addon is not built. */
export async function startDatapath(options: DatapathOptions = {}): Promise<DatapathClient> {
  const addon = loadAddon();
  const { port1: commands, port2 } = new MessageChannel();
  const workerData: WorkerInit = { commands: port2, spinUs: options.spinUs ?? DEFAULT_SPIN_US };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, transferList: [port2] });

  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let closing = false;

  const died = new Promise<Error>((resolve) => {
    const end = (error: Error) => {
      for (const { reject } of pending.values())
        reject(new SwitchError('unavailable', 'The datapath has ended.'));
      pending.clear();
      commands.close();
      if (!closing) resolve(error);
    };
    worker.once('error', end);
    worker.once('exit', (code) => end(new Error(`the datapath worker ended with code ${code}`)));
  });

  const settle = ({ id, value, error }: Reply) => {
    const waiting = pending.get(id);
    pending.delete(id);
    if (error) waiting?.reject(new SwitchError(error.code, error.message));
    else waiting?.resolve(value);
  };
  commands.on('message', settle);

  const expectReply = (id: number) =>
    new Promise<unknown>((resolve, reject) => {
      pending.set(id, { resolve, reject });
    });
  const wakeFd = (await Promise.race([
    expectReply(0),
    died.then((error) => Promise.reject(error)),
  ])) as number;

  const call = (command: Request['command'], args: unknown[]): Promise<unknown> => {
    if (closing) return Promise.reject(new SwitchError('unavailable', 'The datapath is stopping.'));
    const id = ++lastId;
    const reply = expectReply(id);
    commands.postMessage({ id, command, args } satisfies Request);
    addon.wake(wakeFd);
    return reply;
  };

  const close = async () => {
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    const closed = call('close', []);
    closing = true;
    await closed;
    await exited;
  };

  // Every SwitchCommands name becomes a method that sends it.
  return new Proxy({ close, died } as DatapathClient, {
    get: (own, name) => {
      if (name in own || name === 'then' || typeof name === 'symbol') return Reflect.get(own, name);
      return (...args: unknown[]) => call(name as keyof SwitchCommands, args);
    },
  });
}

/** Takes an exclusive lock on a file until this process ends, however it ends. False: another process holds it. */
export function lockFile(path: string): boolean {
  const result = loadAddon().lockFile(path);
  if (result >= 0) return true;
  if (result === -constants.errno.EWOULDBLOCK) return false;
  throw new SwitchError('permission-denied', `Cannot lock ${path} (errno ${-result}).`);
}
