// What: the state file survives crashes, damage and downgrades without losing or inventing configuration.

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { STATE_VERSION, Store, type StoredState } from '../../src/control/store.ts';

const STATE: StoredState = {
  systemUuid: 'f47ac10b-58cc-4372-a567-0e02b2c3d479',
  bridges: [
    {
      spec: {
        name: 'br0',
        datapathId: '00000200000000aa',
        address: '02:00:00:00:00:aa',
        failMode: 'secure',
        protocols: ['OpenFlow13'],
        macAgeSeconds: 300,
        macTableSize: 8192,
      },
      ports: [{ name: 'tap0', type: 'tap', ofport: 7 }],
    },
  ],
};

let directory: string;
let store: Store;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsswitch-store-'));
  store = new Store(directory);
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('Store', () => {
  it('returns what was saved, and leaves one file that only the owner reads', async () => {
    await store.save(STATE);
    expect(await new Store(directory).load()).toEqual({ state: STATE, notices: [] });
    expect(readdirSync(directory)).toEqual(['state.json']);
    expect(statSync(store.path).mode & 0o777).toBe(0o600);
  });

  it('starts empty when there is no file', async () => {
    expect(await store.load()).toEqual({ state: undefined, notices: [] });
  });

  it('keeps the old state when the new one cannot be written', async () => {
    await store.save(STATE);
    const before = readFileSync(store.path, 'utf8');
    mkdirSync(`${store.path}.new`); // the temporary file cannot be created
    await expect(store.save({ ...STATE, bridges: [] })).rejects.toMatchObject({
      code: 'failed-precondition',
      message: `The state cannot be written to ${store.path} (EISDIR): nothing was changed.`,
    });
    expect(readFileSync(store.path, 'utf8')).toBe(before);
  });

  it('ignores what a crash left of an unfinished write', async () => {
    await store.save(STATE);
    writeFileSync(`${store.path}.new`, '{"version": 1, "sys');
    expect((await store.load()).state).toEqual(STATE);
    await store.save({ ...STATE, bridges: [] });
    expect((await store.load()).state?.bridges).toEqual([]);
  });

  const damaged = {
    'cut off': '{"version": 1, "systemUuid": "f47a',
    empty: '',
    'no object': '[]',
    'without version': '{"systemUuid": "x", "bridges": []}',
    'a port without number': JSON.stringify({
      version: STATE_VERSION,
      systemUuid: 'x',
      bridges: [{ ...STATE.bridges[0], ports: [{ name: 'tap0', type: 'tap' }] }],
    }),
    'an unknown fail mode': JSON.stringify({
      version: STATE_VERSION,
      systemUuid: 'x',
      bridges: [{ spec: { ...STATE.bridges[0]!.spec, failMode: 'maybe' }, ports: [] }],
    }),
  };
  it.each(Object.entries(damaged))('sets a damaged file aside and says so: %s', async (_name, content) => {
    writeFileSync(store.path, content);
    const { state, notices } = await store.load();
    expect(state).toBeUndefined();
    const [aside] = readdirSync(directory);
    expect(aside).toMatch(/^state\.json\.damaged-/);
    expect(readFileSync(join(directory, aside!), 'utf8')).toBe(content);
    expect(notices).toEqual([
      `${store.path} was damaged: it is now ${join(directory, aside!)}, and a new state begins.`,
    ]);
  });

  it('refuses a file of a newer version and does not touch it', async () => {
    const content = JSON.stringify({ version: STATE_VERSION + 1, anything: true });
    writeFileSync(store.path, content);
    await expect(store.load()).rejects.toMatchObject({
      code: 'failed-precondition',
      message: expect.stringContaining('was written by a newer tsswitch'),
    });
    expect(readFileSync(store.path, 'utf8')).toBe(content);
    expect(readdirSync(directory)).toEqual(['state.json']);
  });

  it('says when the file cannot be read', async () => {
    mkdirSync(store.path);
    chmodSync(store.path, 0o700);
    await expect(store.load()).rejects.toMatchObject({
      code: 'failed-precondition',
      message: `The state in ${store.path} cannot be read (EISDIR).`,
    });
  });
});
