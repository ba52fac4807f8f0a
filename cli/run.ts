// What: one run of the command line: from arguments to exit code. Why: everything that a person does with a switch
// from a shell. Who: talks to the daemon by gRPC only; `start` alone runs the daemon's code. main.ts loads it, bundled.

import { exitCodeOf, sentenceOf } from './failure.ts';
import { commandLine, program } from './program.ts';

async function run(): Promise<void> {
  try {
    process.exitCode = 0;
    await program().parseAsync(commandLine(process.argv.slice(2)), { from: 'user' });
  } catch (error) {
    const sentence = sentenceOf(error);
    if (sentence !== '') process.stderr.write(`tsswitch: ${sentence}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

// A reader that went away, as `head` does, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
void run();
