// What: start, stop, status, version: the life of the daemon. Who: program.ts.

import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { programVersion } from '../../src/control/version.ts';
import { SwitchService } from '../../src/generated/services.ts';
import { action, type Session } from '../session.ts';

/** How long `stop` waits for the process to end. */
const STOP_PATIENCE_MS = 10_000;
const STOP_POLL_MS = 5;

export function addDaemonCommands(program: Command): void {
  program
    .command('start')
    .description('run a switch until a signal or `tsswitch stop`')
    .option('--detach', 'run it in the background; return when it is ready')
    .option('--group <name>', 'let the members of a group use the socket')
    .action(action(start));
  program.command('stop').description('end the switch, and wait until it is gone').action(action(stop));
  program.command('status').description('tell whether a switch runs, and which').action(action(status));
  program
    .command('version')
    .description('print the version of this program')
    .action(
      action(async (session) => {
        const version = programVersion();
        await session.answer({ version }, () => `tsswitch ${version}\n`);
      }),
    );
}

interface StartOptions {
  detach?: boolean;
  group?: string;
}

async function start(session: Session, _args: string[], { detach, group }: StartOptions): Promise<void> {
  if (!detach) {
    const { runDaemon } = await import('../../src/control/main.ts');
    process.exit(await runDaemon({ ...session.paths, group }));
  }
  const { startInBackground } = await import('../../src/control/detach.ts');
  const { socketPath, stateDirectory } = session.paths;
  const options = ['--socket', socketPath, '--state', stateDirectory, ...(group ? ['--group', group] : [])];
  const nodeArguments = [...process.execArgv, process.argv[1]!, 'start', ...options];
  const report = await startInBackground({ ...session.paths, nodeArguments });
  if ('error' in report) throw new Error(report.error);
  await session.answer({ ready: report.ready }, () => `${report.ready}\n`);
}

async function stop(session: Session): Promise<void> {
  const { pid } = await session.client.call(SwitchService.stop, {});
  session.close();
  const deadline = performance.now() + STOP_PATIENCE_MS;
  // Seen from another process namespace the process is never alive; the socket then tells.
  while (isAlive(pid) || existsSync(session.paths.socketPath)) {
    if (performance.now() > deadline)
      throw new Error(`the switch (process ${pid}) was told to stop, but does not end`);
    await sleep(STOP_POLL_MS);
  }
  await session.answer({ pid }, () => '');
}

/** A process that has ended stays in the table, as a zombie, until its parent looks; see proc_pid_stat(5). */
function isAlive(pid: number): boolean {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!;
    return !/^[ZX]/.test(afterName);
  } catch {
    return false; // no such process, or none that this process namespace shows
  }
}

async function status(session: Session): Promise<void> {
  const found = await session.client.call(SwitchService.getSwitch, {});
  const { version, pid, uptimeSeconds, stateDirectory, bridgeCount, portCount, systemUuid } = found;
  const { socketPath } = session.paths;
  const value = {
    version,
    pid,
    uptimeSeconds,
    socketPath,
    stateDirectory,
    systemUuid,
    bridgeCount,
    portCount,
  };
  await session.answer(
    value,
    () =>
      `tsswitch ${version} runs: pid ${pid}, up ${Math.floor(uptimeSeconds)} s, ` +
      `${plural(bridgeCount, 'bridge')}, ${plural(portCount, 'port')}\n` +
      `socket ${socketPath}\nstate ${stateDirectory}\n`,
  );
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
