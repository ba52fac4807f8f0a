// What: a socket of a live program is left alone, one of a dead one is taken over, and nobody else may connect.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimSocketPath, shareSocketWithGroup, withPrivateUmask } from '../../src/control/socket-file.ts';

let directory: string;
let path: string;
let servers: Server[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsswitch-socket-'));
  path = join(directory, 's.sock');
  servers = [];
});

afterEach(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

function listen(): Promise<void> {
  const server = createServer();
  servers.push(server);
  return new Promise((resolve) => server.listen(path, resolve));
}

/** A socket file whose process was killed. */
function leaveDeadSocket(): void {
  const program =
    'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  spawnSync(process.execPath, ['-e', program, path]);
}

describe('claimSocketPath', () => {
  it('accepts a free path', async () => {
    await expect(claimSocketPath(path)).resolves.toBeUndefined();
  });

  it('refuses the socket of a live program and leaves it', async () => {
    await listen();
    await expect(claimSocketPath(path)).rejects.toMatchObject({
      code: 'failed-precondition',
      message: `Another program answers at ${path}: stop it with 'tsswitch stop', or choose another socket with --socket.`,
    });
    expect(existsSync(path)).toBe(true);
  });

  it('removes the socket of a dead program', async () => {
    leaveDeadSocket();
    expect(statSync(path).isSocket()).toBe(true);
    await claimSocketPath(path);
    expect(existsSync(path)).toBe(false);
  });

  it('removes nothing that is not a socket', async () => {
    writeFileSync(path, 'precious');
    await expect(claimSocketPath(path)).rejects.toThrow(`${path} exists and is not a socket`);
    expect(existsSync(path)).toBe(true);
    symlinkSync(path, join(directory, 'link'));
    await expect(claimSocketPath(join(directory, 'link'))).rejects.toThrow('is not a socket');
  });

  it('refuses a path that the kernel would cut', async () => {
    const long = join(directory, 'x'.repeat(100));
    await expect(claimSocketPath(long)).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

describe('the socket file', () => {
  it('is open to this user only from its first moment', async () => {
    const before = process.umask();
    await withPrivateUmask(listen);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(process.umask()).toBe(before);
  });

  it('restores the umask when binding fails', async () => {
    const before = process.umask();
    await expect(withPrivateUmask(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(process.umask()).toBe(before);
  });

  it('opens to a group, with the closed directory around it', async () => {
    await withPrivateUmask(listen);
    chmodSync(directory, 0o700);
    const group = process.getgid!();
    await shareSocketWithGroup(path, String(group));
    expect(statSync(path)).toMatchObject({ gid: group });
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(statSync(directory).mode & 0o777).toBe(0o710);
  });

  it('says which group does not exist', async () => {
    await withPrivateUmask(listen);
    await expect(shareSocketWithGroup(path, 'no-such-group-here')).rejects.toMatchObject({
      code: 'not-found',
      message: 'There is no group named no-such-group-here: give --group one that exists.',
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});
