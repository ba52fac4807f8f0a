// What: datapath and state file never disagree, whatever fails in between.

import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Store } from '../../src/control/store.ts';
import { SwitchConfiguration } from '../../src/control/switch-configuration.ts';
import { SwitchError } from '../../src/datapath/index.ts';
import { FakeDatapath } from './fake-datapath.ts';

let directory: string;
let store: Store;
let datapath: FakeDatapath;
let configuration: SwitchConfiguration;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tsswitch-config-'));
  store = new Store(directory);
  await restart();
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

async function restart(prepare: (fresh: FakeDatapath) => void = () => {}): Promise<string[]> {
  datapath = new FakeDatapath();
  prepare(datapath);
  configuration = new SwitchConfiguration(datapath.client(), store);
  return configuration.restore();
}

const bridge = (name: string) => ({ name, datapathId: '', failMode: 'standalone' as const, protocols: [] });
const addPort = (name: string, ofport?: number) =>
  configuration.addPort({ bridge: 'br0', name, ...(ofport === undefined ? {} : { ofport }) }, false);

function stored(): unknown {
  return JSON.parse(readFileSync(store.path, 'utf8')).bridges.map(
    (item: { spec: { name: string }; ports: { name: string; ofport: number }[] }) => [
      item.spec.name,
      ...item.ports.map(({ name, ofport }) => `${name}:${ofport}`),
    ],
  );
}

const running = () => datapath.listPorts().map(({ bridge, name, ofport }) => `${bridge}/${name}:${ofport}`);

/** Makes every write of the state fail until it is called again with false. */
function failWrites(fail: boolean): void {
  if (fail) mkdirSync(`${store.path}.new`);
  else rmdirSync(`${store.path}.new`);
}

describe('a fresh switch', () => {
  it('has br0 with its local port', () => {
    expect(stored()).toEqual([['br0']]);
    expect(running()).toEqual(['br0/br0:65534']);
    expect(datapath.ports[0]).toMatchObject({ type: 'internal' });
  });

  it('keeps its identity over restarts', async () => {
    const { systemUuid } = configuration;
    expect(systemUuid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    await restart();
    expect(configuration.systemUuid).toBe(systemUuid);
  });
});

describe('ports', () => {
  it('get the lowest free number, and are back after a restart with type and number', async () => {
    await addPort('a');
    await addPort('b', 7);
    await addPort('c');
    await configuration.deletePort(undefined, 'a', false);
    await addPort('d');
    const expected = ['br0/br0:65534', 'br0/b:7', 'br0/c:2', 'br0/d:1'];
    expect(running()).toEqual(expected);
    await restart();
    expect(running()).toEqual(expected);
  });

  it('keep their number while their device cannot be opened, and say why', async () => {
    await addPort('a');
    const failure = new SwitchError('failed-precondition', 'a is busy: end the program that has it.');
    expect(await restart((fresh) => fresh.broken.set('a', failure))).toEqual([`Port a: ${failure.message}`]);
    const [a, local] = await configuration.ports('br0');
    expect(a).toMatchObject({
      name: 'a',
      ofport: 1,
      type: 'system',
      link: { up: false, error: failure.message },
    });
    expect(local).toMatchObject({ name: 'br0' });
    expect((await addPort('b')).ofport).toBe(2);
    await expect(addPort('c', 1)).rejects.toThrow('port number 1 on bridge br0 belongs to a');
    await configuration.deletePort('br0', 'a', false);
    expect(stored()).toEqual([['br0', 'b:2']]);
    expect((await configuration.ports()).map(({ name }) => name)).toEqual(['b', 'br0']);
  });

  it.each([0, -1, 65280, 1.5])('cannot have the number %s', async (ofport) => {
    await expect(addPort('a', ofport)).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  it('are refused in the words of OVS', async () => {
    await addPort('a');
    await configuration.addBridge(bridge('br1'), false);
    const onBr1 = { bridge: 'br1', name: 'a' };
    await expect(addPort('a')).rejects.toThrow(
      'cannot create a port named a because a port named a already exists on bridge br0',
    );
    await expect(configuration.addPort(onBr1, false)).rejects.toMatchObject({ code: 'already-exists' });
    await expect(addPort('br1')).rejects.toThrow(
      'cannot create a port named br1 because a bridge named br1 already exists',
    );
    await expect(configuration.addPort({ bridge: 'br9', name: 'x' }, false)).rejects.toThrow(
      'no bridge named br9',
    );
    await expect(configuration.addPort(onBr1, true)).rejects.toThrow(
      '"--may-exist add-port br1 a" but a is actually attached to bridge br0',
    );
    await expect(configuration.deletePort(undefined, 'x', false)).rejects.toThrow('no port named x');
    await expect(configuration.deletePort('br1', 'a', false)).rejects.toThrow(
      'bridge br1 does not have a port a',
    );
    await expect(configuration.deletePort('br0', 'br0', true)).rejects.toThrow(
      'cannot delete port br0 because it is the local port for bridge br0 (deleting this port requires deleting ' +
        'the entire bridge)',
    );
    expect(stored()).toEqual([['br0', 'a:1'], ['br1']]);
  });

  it('may exist, or not, when the request says so', async () => {
    const first = await addPort('a');
    expect(await configuration.addPort({ bridge: 'br0', name: 'a' }, true)).toEqual(first);
    await configuration.deletePort('br0', 'nothing', true);
    expect(stored()).toEqual([['br0', 'a:1']]);
  });

  it('that the datapath refuses leave no trace', async () => {
    const failure = new SwitchError('not-found', 'no such device');
    datapath.broken.set('a', failure);
    await expect(addPort('a')).rejects.toMatchObject({ code: 'not-found' });
    expect(stored()).toEqual([['br0']]);
    expect(running()).toEqual(['br0/br0:65534']);
  });
});

describe('bridges', () => {
  it('come back with all of their settings', async () => {
    const request = {
      name: 'br1',
      datapathId: '0xab',
      failMode: 'secure' as const,
      protocols: ['OpenFlow13'],
    };
    const spec = await configuration.addBridge(request, false);
    expect(await configuration.addBridge(bridge('br1'), true)).toEqual(spec);
    await restart();
    expect(configuration.bridges()[1]).toEqual(spec);
    expect(datapath.bridges.get('br1')).toEqual(spec);
  });

  it('take their ports with them', async () => {
    await configuration.addBridge(bridge('br1'), false);
    await configuration.addPort({ bridge: 'br1', name: 'a' }, false);
    await configuration.deleteBridge('br1', false);
    expect(running()).toEqual(['br0/br0:65534']);
    await expect(configuration.deleteBridge('br1', false)).rejects.toThrow('no bridge named br1');
    await configuration.deleteBridge('br1', true);
    await addPort('a');
  });

  it('cannot have the name of a bridge or port', async () => {
    await addPort('a');
    await expect(configuration.addBridge(bridge('br0'), false)).rejects.toThrow(
      'cannot create a bridge named br0 because a bridge named br0 already exists',
    );
    await expect(configuration.addBridge(bridge('a'), false)).rejects.toThrow(
      'cannot create a bridge named a because a port named a already exists on bridge br0',
    );
  });
});

describe('when the state cannot be written', () => {
  it('every change is undone and reported', async () => {
    await configuration.addBridge(bridge('br1'), false);
    await addPort('a');
    const before = { stored: stored(), running: running(), bridges: configuration.bridges() };
    failWrites(true);
    const changes = [
      () => addPort('b'),
      () => configuration.deletePort('br0', 'a', false),
      () => configuration.addBridge(bridge('br2'), false),
      () => configuration.deleteBridge('br1', false),
    ];
    for (const change of changes) {
      await expect(change()).rejects.toThrow('The state cannot be written to');
      expect({ stored: stored(), running: running(), bridges: configuration.bridges() }).toEqual(before);
    }
    failWrites(false);
    for (const change of changes) await change();
    expect(stored()).toEqual([['br0', 'b:2'], ['br2']]);
  });
});

it('changes that come at once happen one after the other', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `p${index}`);
  const ports = await Promise.all(names.map((name) => addPort(name)));
  expect(ports.map(({ ofport }) => ofport)).toEqual(names.map((_, index) => index + 1));
  const twice = await Promise.allSettled([addPort('same'), addPort('same')]);
  expect(twice.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
});
