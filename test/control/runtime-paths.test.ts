// What: daemon and CLI agree on paths, and no directory of another user is ever trusted.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimPrivateDirectory, prepareDirectories } from '../../src/control/runtime-directory.ts';
import { runtimePaths } from '../../src/control/runtime-paths.ts';

const ALICE = 1000;

describe('runtimePaths', () => {
  it('uses /run/tsswitch for root', () => {
    expect(runtimePaths({}, { XDG_RUNTIME_DIR: '/run/user/0' }, 0)).toEqual({
      socketPath: '/run/tsswitch/tsswitch.sock',
      stateDirectory: '/run/tsswitch/state',
    });
  });

  it("uses the user's runtime directory, or one in /tmp", () => {
    expect(runtimePaths({}, { XDG_RUNTIME_DIR: '/run/user/1000' }, ALICE).socketPath).toBe(
      '/run/user/1000/tsswitch/tsswitch.sock',
    );
    expect(runtimePaths({}, {}, ALICE).stateDirectory).toBe('/tmp/tsswitch-1000/state');
  });

  it('lets an option win over the environment, and the environment over the default', () => {
    const environment = { TSSWITCH_SOCKET: '/env/sock', TSSWITCH_STATE: '/env/state' };
    expect(runtimePaths({ socket: '/option/sock' }, environment, ALICE)).toEqual({
      socketPath: '/option/sock',
      stateDirectory: '/env/state',
    });
  });

  it('makes paths absolute', () => {
    expect(runtimePaths({ socket: 'a.sock' }, {}, ALICE).socketPath).toBe(join(process.cwd(), 'a.sock'));
  });
});

describe('runtime directories', () => {
  let directory: string;
  const userId = process.getuid!();

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tsswitch-paths-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('are created closed to others', async () => {
    const paths = { socketPath: join(directory, 'a/b/s.sock'), stateDirectory: join(directory, 'c/state') };
    await prepareDirectories(paths);
    await prepareDirectories(paths);
    for (const name of ['a', 'a/b', 'c', 'c/state']) {
      expect(statSync(join(directory, name)).mode & 0o777, name).toBe(0o700);
    }
  });

  it('are refused with a sentence when they cannot be created', async () => {
    writeFileSync(join(directory, 'file'), '');
    const paths = { socketPath: join(directory, 'file/s.sock'), stateDirectory: join(directory, 'state') };
    await expect(prepareDirectories(paths)).rejects.toMatchObject({
      code: 'failed-precondition',
      message: `The directory ${join(directory, 'file')} cannot be created (EEXIST): choose others with --socket and --state.`,
    });
  });

  it('in a shared place must belong to this user and be closed', async () => {
    const mine = join(directory, 'mine');
    await claimPrivateDirectory(mine, userId);
    await expect(claimPrivateDirectory(mine, userId + 1)).rejects.toMatchObject({
      code: 'permission-denied',
    });
    chmodSync(mine, 0o750);
    await expect(claimPrivateDirectory(mine, userId)).rejects.toMatchObject({ code: 'permission-denied' });
  });

  it('in a shared place must not be a link to somewhere else', async () => {
    mkdirSync(join(directory, 'target'), { mode: 0o700 });
    symlinkSync(join(directory, 'target'), join(directory, 'link'));
    await expect(claimPrivateDirectory(join(directory, 'link'), userId)).rejects.toMatchObject({
      code: 'permission-denied',
    });
  });
});
