// What: the file of the gRPC socket: who owns it, who may use it, when it goes. Why: a socket of a live switch must
// not be taken, one that a dead switch left must be, and nobody else may ever connect. Who: main.ts.
// Invariant: the socket is never open to others, not even between bind and chmod.

import { execFile } from 'node:child_process';
import { chmod, chown, lstat, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { SwitchError } from '../datapath/index.ts';
import { systemErrorCode } from './system-error.ts';

/** sun_path in struct sockaddr_un holds 108 bytes with the final zero, see unix(7). */
const MAX_SOCKET_PATH_BYTES = 107;

/** Makes the path free for a new socket. Throws SwitchError when a live switch or something else holds it. */
export async function claimSocketPath(path: string): Promise<void> {
  const lengthBytes = Buffer.byteLength(path);
  if (lengthBytes > MAX_SOCKET_PATH_BYTES) {
    throw new SwitchError(
      'invalid-argument',
      `The socket path ${path} has ${lengthBytes} bytes: choose one of at most ${MAX_SOCKET_PATH_BYTES}.`,
    );
  }
  const found = await lstat(path).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new SwitchError('failed-precondition', `${path} cannot be used (${systemErrorCode(error)}).`);
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new SwitchError(
      'failed-precondition',
      `${path} exists and is not a socket: choose another with --socket.`,
    );
  }
  if (await isAnswered(path)) {
    throw new SwitchError(
      'failed-precondition',
      `Another program answers at ${path}: stop it with 'tsswitch stop', or choose another socket with --socket.`,
    );
  }
  await rm(path, { force: true });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(systemErrorCode(error) !== 'ECONNREFUSED'));
  });
}

/** Runs `bind` so that the socket file it creates is usable by this user only. */
export async function withPrivateUmask<T>(bind: () => Promise<T>): Promise<T> {
  const previous = process.umask(0o177);
  try {
    return await bind();
  } finally {
    process.umask(previous);
  }
}

/** Lets the members of a group use the socket. Throws SwitchError. */
export async function shareSocketWithGroup(path: string, group: string): Promise<void> {
  const groupId = await lookUpGroup(group);
  try {
    await chown(path, -1, groupId);
    await chmod(path, 0o660);
    await openDirectoryToGroup(dirname(path), groupId);
  } catch (error) {
    const code = systemErrorCode(error);
    throw new SwitchError(
      'permission-denied',
      `The socket cannot be given to the group ${group} (${code}).`,
      {
        cause: error,
      },
    );
  }
}

/** A directory that was closed to all others is opened to the group for passing through, and for nothing more. */
async function openDirectoryToGroup(directory: string, groupId: number): Promise<void> {
  const { mode } = await lstat(directory);
  if ((mode & 0o077) !== 0) return;
  await chown(directory, -1, groupId);
  await chmod(directory, 0o710);
}

/** Node has no getgrnam; getent asks all name services of the system. */
async function lookUpGroup(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group);
  const output = await promisify(execFile)('getent', ['group', group]).catch(() => undefined);
  const groupId = Number(output?.stdout.split(':')[2]);
  if (output === undefined || !Number.isInteger(groupId)) {
    throw new SwitchError('not-found', `There is no group named ${group}: give --group one that exists.`);
  }
  return groupId;
}
