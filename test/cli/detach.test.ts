// What: the real daemon in the background: start --detach, a second one, a crash, stop. Needs root, because the
// daemon runs in a network namespace of its own, which ends with it.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../support/describe-with.ts';

const PROGRAM = new URL('../../dist/cli/main.js', import.meta.url).pathname;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsswitch-detach-'));
});

afterEach(async () => {
  await run(['stop']);
  rmSync(directory, { recursive: true });
});

const socketPath = () => join(directory, 's.sock');

interface CommandResult {
  stdout: string;
  stderr: string;
  exitCode: number | null;
}

/** Runs a command; `inNamespace` gives it, and the daemon that it starts, a new network namespace. */
function run(args: string[], inNamespace = false): Promise<CommandResult> {
  const command = [process.execPath, PROGRAM, ...args];
  const env = { ...process.env, TSSWITCH_SOCKET: socketPath(), TSSWITCH_STATE: join(directory, 'state') };
  const [file, ...rest] = inNamespace ? ['unshare', '--net', ...command] : command;
  const child: ChildProcess = spawn(file!, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const result = { stdout: '', stderr: '' };
  child.stdout!.on('data', (chunk) => {
    result.stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    result.stderr += chunk;
  });
  return new Promise((resolve) => child.on('close', (exitCode) => resolve({ ...result, exitCode })));
}

const start = (...options: string[]) => run(['start', '--detach', ...options], true);

async function daemonPid(): Promise<number> {
  return JSON.parse((await run(['status', '--json'])).stdout).pid;
}

/** The state letter of a process, or '' when there is none; an ended one is a zombie until its parent looks. */
function processState(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)![0]!;
  } catch {
    return '';
  }
}

describeWith(['root', 'netns', 'tap'], 'start --detach', () => {
  it('returns when the switch is ready, and stop when it is gone', async () => {
    const ready = `tsswitch 0.1.0 ready: socket ${socketPath()}, bridge br0, 0 ports\n`;
    expect(await start()).toEqual({ stdout: ready, stderr: '', exitCode: 0 });
    expect(statSync(socketPath()).mode & 0o777).toBe(0o600);
    expect((await run(['show'])).stdout).toContain('Interface br0\n                type: internal');
    expect((await run(['dump-flows'])).stdout).toContain('priority=0 actions=NORMAL');
    const pid = await daemonPid();
    expect(await run(['stop'])).toEqual({ stdout: '', stderr: '', exitCode: 0 });
    expect(existsSync(socketPath())).toBe(false);
    expect(processState(pid)).toMatch(/^[ZX]?$/);
    expect(readFileSync(join(directory, 'state/tsswitch.log'), 'utf8')).toBe(ready);
  });

  it('brings ports and bridges back', async () => {
    await start();
    expect((await run(['add-port', 'tap0', '--ofport', '3'])).exitCode).toBe(0);
    expect((await run(['add-br', 'br1', '--dpid', 'ab'])).exitCode).toBe(0);
    const before = (await run(['show', '--json'])).stdout;
    await run(['stop']);
    expect((await start()).stdout).toContain('2 bridges, 1 port');
    const withoutDevice = (text: string) => text.replace(/"(ifindex|address)": .*/g, '');
    expect(withoutDevice((await run(['show', '--json'])).stdout)).toBe(withoutDevice(before));
  });

  it('takes over from a switch that crashed', async () => {
    await start();
    process.kill(await daemonPid(), 'SIGKILL');
    expect((await run(['show'])).stderr).toContain('no switch answers');
    expect(existsSync(socketPath())).toBe(true);
    expect(await start()).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await run(['show'])).exitCode).toBe(0);
  });

  it('refuses a second switch with one sentence', async () => {
    await start();
    const pid = await daemonPid();
    expect(await start()).toEqual({
      stdout: '',
      stderr:
        `tsswitch: Another switch uses the state in ${directory}/state: stop it with 'tsswitch stop', or choose ` +
        'another directory with --state.\n',
      exitCode: 1,
    });
    expect(await start('--state', join(directory, 'other'))).toMatchObject({
      stderr: expect.stringContaining(`Another program answers at ${socketPath()}`),
      exitCode: 1,
    });
    expect(await daemonPid()).toBe(pid);
  });
});
