// What: the one place where a failed command becomes an exit code and a sentence. Who: main.ts.

import { CommanderError } from 'commander';

export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** No failure: diff-flows found differences. */
export const EXIT_DIFFERENT = 2;

/** The command line itself is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** 0 when there was no failure (help, version), 2 for a wrong command line, else 1. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
}

/** What to print after `tsswitch: `; '' when it has been printed already or when there is nothing to say. */
export function sentenceOf(error: unknown): string {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 || error.code === 'commander.help' ? '' : commanderSentence(error);
  }
  if (error instanceof UsageError) return `${error.message} (see 'tsswitch --help')`;
  return error instanceof Error ? error.message : String(error);
}

function commanderSentence(error: CommanderError): string {
  const sentence = error.message.replace(/^error: /, '').replace('\n', ' ');
  return `${sentence} (see 'tsswitch --help')`;
}
