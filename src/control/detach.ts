// What: starts a daemon in the background and waits until it is ready. Why: a script that goes on after `tsswitch
// start --detach` may use the switch at once, and sees why it did not start. Who: the CLI.

import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { StartReport } from './main.ts';
import { prepareDirectories } from './runtime-directory.ts';
import type { RuntimePaths } from './runtime-paths.ts';

export interface BackgroundStart extends RuntimePaths {
  /** Arguments of Node: the program and what it is to do in the foreground. */
  nodeArguments: string[];
}

/** Starts the daemon in a session of its own, its output appended to tsswitch.log in the state directory.
 * Throws SwitchError when that directory cannot be used. */
export async function startInBackground(start: BackgroundStart): Promise<StartReport> {
  await prepareDirectories(start);
  const logPath = join(start.stateDirectory, 'tsswitch.log');
  const log = await open(logPath, 'a', 0o600);
  try {
    const child = spawn(process.execPath, start.nodeArguments, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.fd, log.fd, 'ipc'],
    });
    const report = await new Promise<StartReport>((resolve) => {
      child.once('message', (message) => resolve(message as StartReport));
      child.once('error', (error) => resolve({ error: `The daemon cannot be started (${error.message}).` }));
      child.once('exit', (code, signal) =>
        resolve({
          error: `The daemon ended before it was ready (${signal ?? `code ${code}`}): see ${logPath}.`,
        }),
      );
    });
    child.removeAllListeners();
    if (child.connected) child.disconnect();
    child.unref();
    return report;
  } finally {
    await log.close();
  }
}
