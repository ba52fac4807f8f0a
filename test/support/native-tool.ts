// What: compiles the small C++ programs of kit and bench when they are first used. Why: what they do (packet sockets,
// bulk system calls) is out of reach for Node, and a compiler is here anyway for the addon. Who: traffic, packets,
// bench. Invariant: a program is compiled again when its source is newer; two processes may do so at the same time.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { projectRoot } from './project-root.ts';

const FLAGS = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Werror'];

/**
 * Path of the program made from `source`, a path below the project such as `test/support/tools/packet-end.cc`. Throws
 * with the compiler's messages.
 */
export function nativeTool(source: string): string {
  const directory = join(projectRoot, 'node_modules', '.cache', 'tsswitch-tools');
  const input = join(projectRoot, source);
  const program = join(directory, basename(source, '.cc'));
  if (existsSync(program) && statSync(program).mtimeMs > statSync(input).mtimeMs) return program;
  mkdirSync(directory, { recursive: true });
  const temporary = `${program}.${process.pid}`;
  execFileSync('g++', [...FLAGS, '-o', temporary, input], { stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(temporary, program);
  return program;
}
