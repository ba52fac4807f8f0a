// What: the help text, whole, so that a change of the command line is seen in review.

import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { program } from '../../cli/program.ts';
import { runCommand } from './run-command.ts';

function commandPaths(command: Command, path: string[] = []): string[][] {
  return [path, ...command.commands.flatMap((child) => commandPaths(child, [...path, child.name()]))];
}

it.each(commandPaths(program()).map((path) => [path.join(' '), path] as const))(
  'tsswitch %s --help',
  async (_, path) => {
    const { stdout, exitCode } = await runCommand(...path, '--help');
    expect(exitCode).toBe(0);
    expect(stdout).toMatchSnapshot();
  },
);
