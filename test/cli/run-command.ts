// What: runs the CLI inside the test process and catches what it prints. Why: a hundred command lines in the time of
// one process. Who: test/cli. What only a process can show, command-process.test.ts runs.

import { vi } from 'vitest';
import { exitCodeOf, sentenceOf } from '../../cli/failure.ts';
import { program } from '../../cli/program.ts';

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
  try {
    await program().parseAsync(args, { from: 'user' });
    return { stdout, sentence: '', exitCode: 0 };
  } catch (error) {
    return { stdout, sentence: sentenceOf(error), exitCode: exitCodeOf(error) };
  } finally {
    write.mockRestore();
  }
}
