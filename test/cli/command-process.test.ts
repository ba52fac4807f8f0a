// What: the built program as a process: exit codes, streams, a reader that goes away. Everything else about commands
// is in commands.test.ts.

import { spawn } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseFlow } from '../control/fake-tables.ts';
import { TestDaemon } from '../control/test-daemon.ts';

const PROGRAM = new URL('../../dist/cli/main.js', import.meta.url).pathname;

let test: TestDaemon;

beforeEach(async () => {
  test = new TestDaemon();
  await test.start();
});

afterEach(() => test.cleanUp());

interface ProcessResult {
  stdout: string;
  stderr: string;
  exitCode: number | null;
}

/** Runs `node dist/cli/main.js`; `maxChunks` is after how many chunks the reader closes its end. */
function runProgram(args: string[], maxChunks = Number.POSITIVE_INFINITY): Promise<ProcessResult> {
  const env = { ...process.env, TSSWITCH_SOCKET: test.socketPath };
  const child = spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const result = { stdout: '', stderr: '' };
  let chunks = 0;
  child.stdout.on('data', (chunk) => {
    result.stdout += chunk;
    if (++chunks === maxChunks) child.stdout.destroy();
  });
  child.stderr.on('data', (chunk) => {
    result.stderr += chunk;
  });
  return new Promise((resolve) => child.on('close', (exitCode) => resolve({ ...result, exitCode })));
}

it('answers on stdout and ends with 0', async () => {
  expect(await runProgram(['list-br'])).toEqual({ stdout: 'br0\n', stderr: '', exitCode: 0 });
});

it('complains on stderr in one sentence and ends with 1', async () => {
  expect(await runProgram(['del-port', 'nix'])).toEqual({
    stdout: '',
    stderr: 'tsswitch: no port named nix\n',
    exitCode: 1,
  });
});

it('ends with 2 when the command line is wrong', async () => {
  expect(await runProgram(['del-port'])).toEqual({
    stdout: '',
    stderr: "tsswitch: missing required argument 'port' (see 'tsswitch --help')\n",
    exitCode: 2,
  });
});

it('is silent when the reader goes away', async () => {
  for (let i = 0; i < 20_000; i++) test.datapath.flows.all.push(parseFlow(`in_port=${i},actions=drop`));
  const { stdout, stderr, exitCode } = await runProgram(['dump-flows'], 1);
  expect(stdout).toContain('in_port=0 ');
  expect([stderr, exitCode]).toEqual(['', 0]);
});
