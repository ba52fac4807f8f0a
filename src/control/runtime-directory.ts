// What: creates the directories of a switch and checks that others cannot reach into them. Why: in /tmp anybody may
// have been first with a name. Who: main.ts, before it binds the socket and reads the state.

import { lstat, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SwitchError } from '../datapath/index.ts';
import { type RuntimePaths, sharedTmpDirectory } from './runtime-paths.ts';
import { systemErrorCode } from './system-error.ts';

const OTHERS = 0o077;

/** Creates the directories of socket and state, closed to others. Throws SwitchError. */
export async function prepareDirectories(paths: RuntimePaths): Promise<void> {
  const userId = process.getuid!();
  const shared = sharedTmpDirectory(userId);
  for (const directory of [dirname(paths.socketPath), paths.stateDirectory]) {
    if (`${directory}/`.startsWith(`${shared}/`)) await claimPrivateDirectory(shared, userId);
    await createDirectory(directory);
  }
}

/** Creates `directory` unless it is there, and throws SwitchError unless only this user can use it. */
export async function claimPrivateDirectory(directory: string, userId: number): Promise<void> {
  await createDirectory(directory);
  const found = await lstat(directory);
  if (found.isDirectory() && found.uid === userId && (found.mode & OTHERS) === 0) return;
  throw new SwitchError(
    'permission-denied',
    `${directory} is not a directory that only you can use: remove it, or choose others with --socket and --state.`,
  );
}

async function createDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    const code = systemErrorCode(error);
    throw new SwitchError(
      code === 'EACCES' || code === 'EPERM' ? 'permission-denied' : 'failed-precondition',
      `The directory ${directory} cannot be created (${code}): choose others with --socket and --state.`,
      { cause: error },
    );
  }
}
