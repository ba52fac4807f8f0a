// What: runs the CLI inside the test process and catches what it prints. Why: a hundred command lines in the time of
// one process. Who: test/cli. What only a process can show, command-process.test.ts runs.

import { expect, vi } from 'vitest';
import { exitCodeOf, sentenceOf } from '../../cli/failure.ts';
import { commandLine, program } from '../../cli/program.ts';

export interface CommandResult {
  stdout: string;
  /** The sentence that would be printed after `tsswitch: `. */
  sentence: string;
  exitCode: number;
}

/** As cli/run.ts does it, with the given arguments. */
export async function runCommand(...args: string[]): Promise<CommandResult> {
  let stdout = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += text;
    return true;
  });
  process.exitCode = 0;
  try {
    await program().parseAsync(commandLine(args), { from: 'user' });
    return { stdout, sentence: '', exitCode: Number(process.exitCode) };
  } catch (error) {
    return { stdout, sentence: sentenceOf(error), exitCode: exitCodeOf(error) };
  } finally {
    process.exitCode = 0;
    write.mockRestore();
  }
}

/** Commands on the switch at a socket, and what a test expects of each. */
export function commandsOn(socketPath: () => string) {
  const run = (...args: string[]) => runCommand('--socket', socketPath(), ...args);

  /** The output of a command that succeeds. */
  const output = async (...args: string[]): Promise<string> => {
    const { stdout, sentence, exitCode } = await run(...args);
    expect([sentence, exitCode]).toEqual(['', 0]);
    return stdout;
  };

  /** The output of a command that succeeds, with --json, as a value. */
  const json = async (...args: string[]) => JSON.parse(await output(...args, '--json'));

  /** The sentence of a command that fails: exit code 1 when the switch refuses, 2 when the command line is wrong. */
  const refusal = async (exitCode: 1 | 2, ...args: string[]): Promise<string> => {
    const result = await run(...args);
    expect(result).toMatchObject({ exitCode, stdout: '' });
    return result.sentence;
  };

  return { run, output, json, refusal };
}
