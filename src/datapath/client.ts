// What: the main thread's end of the datapath: starts the worker and turns each command into a message and its
// reply into a promise. Why: control never waits on forwarding and forwarding never waits on control. Who:
// src/control through index.ts; the other end is worker.ts.

import type { SwitchCommands } from './api.ts';

export interface DatapathOptions {
  /** Microseconds to spin for more frames before the worker sleeps; default chosen by measurement. */
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

/** Starts a datapath worker with kernel ports. Throws SwitchError failed-precondition when the addon is not built. */
export async function startDatapath(_options: DatapathOptions = {}): Promise<DatapathClient> {
  throw new Error('being written');
}
