// What: a bridge that nobody told anything: NORMAL over memory ports, the commands of its MAC table, and requests that
// are refused. Why: these are the promises that a user sees: who gets a frame, what is counted, what a bad request answers.

import { describe, expect, test } from 'vitest';
import type { DropReason } from '../../src/datapath/drop.ts';
import { BURST } from '../../src/datapath/port/batch.ts';
import { MemoryProvider } from '../../src/datapath/port/memory.ts';
import { Switch } from '../../src/datapath/switch.ts';
import { BROADCAST, ethernet, hex } from '../support/frames.ts';
import { errorOf } from './error-of.ts';
import { BRIDGE, frameBetween, MemorySwitch, station } from './memory-switch.ts';

function tagged(source: number, destination: number, id: number): Uint8Array {
  return ethernet({
    destination: station(destination),
    source: station(source),
    vlans: [{ id }],
    type: 0x88b5,
    payload: new Uint8Array(42),
  });
}

describe('NORMAL', () => {
  test('floods to all ports but the ingress, the local one too, until the station is known', () => {
    const lab = new MemorySwitch(3);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0', 'p2', 'p3']);
    expect(lab.send('p2', frameBetween(2, 1))).toEqual(['p1']);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p2']);
    expect(lab.sw.listFdb('br0', 0).items).toMatchObject([
      { ofport: 1, portName: 'p1', vlan: 0, mac: station(1), ageSeconds: 0, static: false },
      { ofport: 2, portName: 'p2', vlan: 0, mac: station(2), ageSeconds: 0, static: false },
    ]);
  });

  test('sends frames on unchanged, in order', () => {
    const lab = new MemorySwitch(2);
    const frames = Array.from({ length: 3 * BURST + 5 }, (_, i) => {
      const frame = frameBetween(i % 7, 99);
      frame[20] = i;
      return frame;
    });
    for (const frame of frames) lab.port('p1').inject(frame);
    lab.run();
    const sent = lab.takeSent().filter(({ port }) => port === 'p2');
    expect(sent.map(({ frame }) => frame)).toEqual(frames);
  });

  test('learns per VLAN; priority-tagged and untagged frames are in the same one', () => {
    const lab = new MemorySwitch(2);
    lab.send('p2', tagged(2, 1, 10));
    expect(lab.send('p1', tagged(1, 2, 10))).toEqual(['p2']);
    expect(lab.send('p1', tagged(1, 2, 11))).toEqual(['br0', 'p2']);
    lab.send('p2', tagged(2, 1, 0));
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p2']);
  });

  test('follows a station to another port at once, cached flows too', () => {
    const lab = new MemorySwitch(3);
    lab.send('p2', frameBetween(2, 1));
    for (let i = 0; i < 3; i++) expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p2']);
    lab.send('p3', frameBetween(2, 1));
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p3']);
    expect(lab.sw.fdbStats('br0')).toMatchObject({ learned: 2, moved: 1, entries: 2 });
  });

  test('a burst that teaches and uses a station in one go', () => {
    const lab = new MemorySwitch(3);
    lab.port('p2').inject(frameBetween(2, 9));
    lab.port('p1').inject(frameBetween(1, 2));
    lab.port('p1').inject(frameBetween(1, 2));
    lab.run();
    expect(lab.takeSent().map(({ port }) => port)).toEqual(['br0', 'p1', 'p2', 'p2', 'p3']);
  });

  test('forgets a station after its age, unless its frames keep coming', () => {
    const lab = new MemorySwitch(3);
    lab.send('p2', frameBetween(2, 1));
    lab.send('p3', frameBetween(3, 1));
    for (let i = 0; i < 4; i++) {
      lab.wait(100_000);
      lab.send('p3', frameBetween(3, 1));
    }
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0', 'p2', 'p3']);
    expect(lab.send('p1', frameBetween(1, 3))).toEqual(['p3']);
    expect(lab.sw.fdbStats('br0')).toMatchObject({ expired: 1 });
  });

  test('a cached flow to a station that has aged floods again', () => {
    const lab = new MemorySwitch(2, { macAgeSeconds: 10 });
    lab.send('p2', frameBetween(2, 1));
    lab.wait(9000);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p2']);
    lab.wait(1000);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0', 'p2']);
  });

  test('a storm of new addresses leaves other flows cached', () => {
    const lab = new MemorySwitch(3, { macTableSize: 100 });
    lab.send('p2', frameBetween(2, 1));
    lab.send('p1', frameBetween(1, 2));
    for (let i = 0; i < 200; i++) lab.send('p3', frameBetween(1000 + i, 2));
    const before = lab.sw.datapathStats();
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p2']);
    const after = lab.sw.datapathStats();
    expect(after.cacheHits - before.cacheHits).toBe(1);
    expect(lab.sw.fdbStats('br0')).toMatchObject({ entries: 100, evicted: 102 });
  });

  test('forwards a frame from a group address, but learns nothing from it', () => {
    const lab = new MemorySwitch(2);
    const frame = ethernet({ destination: station(2), source: BROADCAST, type: 0x88b5 });
    expect(lab.send('p1', frame)).toEqual(['br0', 'p2']);
    expect(lab.sw.fdbStats('br0')).toMatchObject({ entries: 0, learned: 0 });
  });

  test.each<[string, Uint8Array, DropReason]>([
    [
      'a reserved group',
      ethernet({ destination: '01:80:c2:00:00:0e', source: station(1), type: 0x88cc }),
      'reserved-multicast',
    ],
    ['a station on the ingress port', frameBetween(8, 9), 'same-port'],
    ['13 bytes', hex('020000000002 020000000001 08'), 'rx-too-short'],
    ['0 bytes', hex(''), 'rx-too-short'],
    ['65,558 bytes', new Uint8Array(65_558), 'rx-too-long'],
  ])('drops %s and counts it', (_name, frame, reason) => {
    const lab = new MemorySwitch(2);
    lab.send('p1', frameBetween(9, 1));
    expect(lab.send('p1', frame)).toEqual([]);
    expect(lab.drops('p1', reason)).toBe(1);
    expect(lab.sw.listPorts('br0')[0]?.stats.drops).toEqual({ [reason]: 1 });
    expect(lab.balance()).toEqual({ received: 2, accounted: 2 });
  });

  test('the last group that is not reserved is flooded', () => {
    const lab = new MemorySwitch(2);
    const frame = ethernet({ destination: '01:80:c2:00:00:10', source: station(1), type: 0x88b5 });
    expect(lab.send('p1', frame)).toEqual(['br0', 'p2']);
  });

  test('drops offload headers that point outside of the frame', () => {
    const lab = new MemorySwitch(2);
    const frame = frameBetween(1, 2);
    // Checksum wanted, from byte 34 on, at offset 40: beyond the end of 60 bytes.
    lab.port('p1').inject(frame, hex('01 00 0000 0000 2200 2800'));
    // TCP super-frame with segments of no bytes.
    lab.port('p1').inject(frame, hex('01 01 0000 0000 2200 1000'));
    lab.run();
    expect(lab.takeSent()).toEqual([]);
    expect(lab.drops('p1', 'rx-bad-offload')).toBe(2);
  });
});

describe('FDB commands', () => {
  test('a static station does not move', () => {
    const lab = new MemorySwitch(3);
    lab.sw.addFdb('br0', 'p3', 0, station(2));
    lab.send('p2', frameBetween(2, 1));
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p3']);
    expect(lab.sw.flushFdb('br0')).toBe(1);
    expect(lab.sw.listFdb('br0', 0).items).toMatchObject([{ mac: station(2), static: true, ageSeconds: 0 }]);
    lab.sw.deleteFdb('br0', 0, station(2));
    lab.send('p2', frameBetween(2, 1));
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p2']);
  });

  test('flush makes cached flows flood again, of one port when asked', () => {
    const lab = new MemorySwitch(3);
    lab.send('p2', frameBetween(2, 1));
    lab.send('p3', frameBetween(3, 1));
    lab.send('p1', frameBetween(1, 2), frameBetween(1, 3));
    expect(lab.sw.flushFdb('br0', 'p2')).toBe(1);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0', 'p2', 'p3']);
    expect(lab.send('p1', frameBetween(1, 3))).toEqual(['p3']);
  });

  test('a smaller table and a shorter age hold at once', () => {
    const lab = new MemorySwitch(2);
    for (let i = 0; i < 20; i++) lab.send('p1', frameBetween(10 + i, 1));
    lab.sw.setBridge('br0', { macTableSize: 5, macAgeSeconds: 2 });
    expect(lab.sw.fdbStats('br0')).toMatchObject({ entries: 5, maximum: 5, evicted: 15 });
    lab.wait(2000);
    expect(lab.sw.fdbStats('br0')).toMatchObject({ entries: 0, expired: 5 });
  });
});

describe('bad requests', () => {
  test.each<[string, (sw: Switch) => unknown, string, RegExp]>([
    ['an unknown bridge', (sw) => sw.listFlows('nope', { match: '' }, 0), 'not-found', /no bridge nope/],
    ['a bridge twice', (sw) => sw.addBridge(BRIDGE), 'already-exists', /bridge br0 already/],
    [
      'a bridge named like a port',
      (sw) => sw.addBridge({ ...BRIDGE, name: 'p1' }),
      'already-exists',
      /p1 is already/,
    ],
    [
      'a bridge with no room',
      (sw) => sw.addBridge({ ...BRIDGE, name: 'x', macTableSize: 0 }),
      'invalid-argument',
      /1 to/,
    ],
    [
      'an age of nothing',
      (sw) => sw.setBridge('br0', { macAgeSeconds: 0 }),
      'invalid-argument',
      /age in 1 to/,
    ],
    [
      'a port twice',
      (sw) => sw.addPort('br0', { name: 'p1' }),
      'already-exists',
      /p1 is already a port of bridge br0/,
    ],
    [
      'a number twice',
      (sw) => sw.addPort('br0', { name: 'x', ofport: 1 }),
      'already-exists',
      /belongs to p1/,
    ],
    ['number 0', (sw) => sw.addPort('br0', { name: 'x', ofport: 0 }), 'invalid-argument', /use 1 to 65279/],
    [
      'number 65280',
      (sw) => sw.addPort('br0', { name: 'x', ofport: 65_280 }),
      'invalid-argument',
      /use 1 to 65279/,
    ],
    ['an unknown port', (sw) => sw.deletePort(undefined, 'x'), 'not-found', /no port x/],
    ['a port of another bridge', (sw) => sw.deletePort('br0', 'x'), 'not-found', /Bridge br0 has no port x/],
    ['the local port', (sw) => sw.deletePort('br0', 'br0'), 'failed-precondition', /delete the bridge/],
    ['a VLAN too high', (sw) => sw.addFdb('br0', 'p1', 4096, station(1)), 'invalid-argument', /no VLAN/],
    ['half a MAC', (sw) => sw.addFdb('br0', 'p1', 0, '02:00'), 'invalid-argument', /no MAC address/],
    ['a group MAC', (sw) => sw.addFdb('br0', 'p1', 0, BROADCAST), 'invalid-argument', /group address/],
    ['an unknown station', (sw) => sw.deleteFdb('br0', 0, station(1)), 'not-found', /knows no/],
  ])('%s', (_name, request, code, sentence) => {
    const lab = new MemorySwitch(1);
    const state = () => [lab.sw.listBridges(), lab.sw.listPorts(), lab.sw.listFdb('br0', 0)];
    const before = state();
    const error = errorOf(() => request(lab.sw));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(sentence);
    expect(state()).toEqual(before);
  });

  test('a bridge whose local port cannot be opened leaves nothing', () => {
    const provider = new MemoryProvider();
    const sw = new Switch(provider);
    provider.open('br0', {});
    expect(errorOf(() => sw.addBridge(BRIDGE)).code).toBe('already-exists');
    expect(sw.listBridges()).toEqual([]);
    provider.port('br0').close();
    sw.addBridge(BRIDGE);
    expect(sw.listPorts()).toHaveLength(1);
  });
});
