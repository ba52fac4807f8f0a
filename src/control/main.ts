// What: the daemon as a process: signals, output, exit code. Why: Daemon itself must run inside a test too. Who:
// `tsswitch start` calls it in the foreground; `tsswitch start --detach` starts that in the background and listens.

import { Daemon, type DaemonOptions } from './daemon.ts';

/** What a background daemon tells the command that started it. */
export type StartReport = { ready: string } | { error: string };

const SIGNALS: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Runs a switch until a signal or a Stop request. Returns the exit code. */
export async function runDaemon(options: Omit<DaemonOptions, 'notice'>): Promise<number> {
  const complain = (sentence: string) => process.stderr.write(`tsswitch: ${sentence}\n`);
  try {
    const daemon = await Daemon.start({ ...options, notice: complain });
    for (const signal of SIGNALS) process.on(signal, () => daemon.stop());
    process.stdout.write(`${daemon.readyLine}\n`);
    await report({ ready: daemon.readyLine });
    const error = await daemon.stopped;
    if (error === undefined) return 0;
    complain(`The datapath ended: ${error.message}.`);
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error);
    complain(sentence);
    await report({ error: sentence });
  }
  return 1;
}

/** Tells the parent process, when there is one that listens, and lets it go. */
function report(message: StartReport): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return resolve();
    process.send?.(message, () => {
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}
