// What: the Switch object as a whole, over memory ports with a clock of its own. Why: these are the promises that a
// user sees: who gets a frame, what is counted, what a bad request answers.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DROP_REASON_NAMES, type DropReason } from '../../src/datapath/drop.ts';
import type { SwitchError } from '../../src/datapath/errors.ts';
import { BURST } from '../../src/datapath/port/batch.ts';
import { MemoryProvider } from '../../src/datapath/port/memory.ts';
import { Switch } from '../../src/datapath/switch.ts';
import { BROADCAST, ethernet, hex, tcp, udp } from '../support/frames.ts';
import { anyFrame } from './flow/random-frames.ts';
import { BRIDGE, frameBetween, MemorySwitch, station } from './memory-switch.ts';

const V4 = { source: '10.0.0.1', destination: '10.0.0.2' };

function tagged(source: number, destination: number, id: number): Uint8Array {
  return ethernet({
    destination: station(destination),
    source: station(source),
    vlans: [{ id }],
    type: 0x88b5,
    payload: new Uint8Array(42),
  });
}

function errorOf(body: () => unknown): Pick<SwitchError, 'code' | 'message'> {
  try {
    body();
  } catch (error) {
    return error as SwitchError;
  }
  throw new Error('nothing was refused');
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

describe('flows', () => {
  test('the highest priority decides, and counts', () => {
    const lab = new MemorySwitch(3);
    lab.sw.addFlow('br0', 'priority=10,udp,actions=output:2');
    lab.sw.addFlow('br0', 'priority=20,udp,tp_dst=53,actions=3,local');
    const macs = { destination: station(2), source: station(1) };
    const dns = ethernet({ ...macs, ...udp(V4, { sourcePort: 9, destinationPort: 53 }) });
    const other = ethernet({ ...macs, ...udp(V4, { sourcePort: 9, destinationPort: 54 }) });
    const notUdp = ethernet({ ...macs, ...tcp(V4, { sourcePort: 9, destinationPort: 53 }) });
    expect(lab.send('p1', dns, dns)).toEqual(['br0', 'br0', 'p3', 'p3']);
    expect(lab.send('p1', other)).toEqual(['p2']);
    expect(lab.send('p1', notUdp)).toEqual(['br0', 'p2', 'p3']);
    lab.wait(2500);
    const common = { tableId: 0, cookie: '0x0', durationSeconds: 2.5 };
    expect(lab.sw.listFlows('br0', '', 0)).toEqual({
      items: [
        {
          ...common,
          priority: 20,
          match: 'udp,tp_dst=53',
          actions: 'output:3,LOCAL',
          packets: 2,
          bytes: dns.length * 2,
        },
        { ...common, priority: 10, match: 'udp', actions: 'output:2', packets: 1, bytes: other.length },
        { ...common, priority: 0, match: '', actions: 'NORMAL', packets: 1, bytes: notUdp.length },
      ],
      next: 0,
    });
  });

  test('a change holds for the very next frame', () => {
    const lab = new MemorySwitch(3);
    lab.send('p1', frameBetween(1, 2));
    lab.sw.addFlow('br0', 'in_port=1,actions=2');
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p2']);
    lab.sw.addFlow('br0', 'in_port=1,actions=3');
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p3']);
    expect(lab.sw.listFlows('br0', 'in_port=1', 0).items).toMatchObject([
      { actions: 'output:3', packets: 1 },
    ]);
    expect(lab.sw.deleteFlows('br0', 'in_port=1')).toBe(1);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0', 'p2', 'p3']);
  });

  test.each<[string, string[], DropReason | undefined]>([
    ['drop', [], 'flow-drop'],
    ['1', [], 'ingress-only'],
    ['7', [], 'no-such-port'],
    ['in_port', ['p1'], undefined],
    ['1,in_port,2', ['p1', 'p2'], undefined],
    ['2,2,2', ['p2', 'p2', 'p2'], undefined],
    ['flood', ['br0', 'p2', 'p3'], undefined],
    ['all,in_port', ['br0', 'p1', 'p2', 'p3'], undefined],
    ['7,1,2', ['p2'], undefined],
    ['normal,3', ['br0', 'p2', 'p3', 'p3'], undefined],
    ['flood,flood', ['br0', 'br0', 'p2', 'p2', 'p3', 'p3'], undefined],
    ['local', ['br0'], undefined],
  ])('actions=%s', (actions, ports, reason) => {
    const lab = new MemorySwitch(3);
    lab.sw.addFlow('br0', `in_port=1,actions=${actions}`);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(ports);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(ports);
    if (reason) expect(lab.drops('p1', reason)).toBe(2);
    expect(lab.balance()).toEqual({ received: 2, accounted: 2 });
  });

  test('an action list that names a port more often than a burst has frames', () => {
    const lab = new MemorySwitch(2);
    lab.sw.addFlow('br0', `in_port=1,actions=${Array(5).fill('2').join()}`);
    const frames = Array.from({ length: BURST }, (_, i) => frameBetween(i, 200));
    expect(lab.send('p1', ...frames)).toEqual(Array(5 * BURST).fill('p2'));
    expect(lab.balance()).toEqual({ received: BURST, accounted: BURST });
  });

  test('a secure bridge drops what no flow matches', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    expect(lab.sw.listFlows('br0', '', 0).items).toEqual([]);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual([]);
    expect(lab.drops('p1', 'table-miss')).toBe(1);
    lab.sw.setBridge('br0', { failMode: 'standalone' });
    expect(lab.sw.listFlows('br0', '', 0).items).toMatchObject([{ priority: 0, actions: 'NORMAL' }]);
  });

  test('loose delete takes what the match covers, by cookie and output port too', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    for (const flow of [
      'tcp,actions=1',
      'tcp,tp_dst=80,actions=2',
      'udp,cookie=5,actions=1',
      'arp,actions=drop',
    ]) {
      lab.sw.addFlow('br0', flow);
    }
    const matches = () => lab.sw.listFlows('br0', '', 0).items.map(({ match }) => match);
    expect(lab.sw.listFlows('br0', 'cookie=5/-1', 0).items).toMatchObject([{ match: 'udp', cookie: '0x5' }]);
    expect(lab.sw.deleteFlows('br0', 'tcp,tp_dst=81')).toBe(0);
    expect(lab.sw.deleteFlows('br0', 'tcp,tp_dst=80')).toBe(1);
    expect(lab.sw.deleteFlows('br0', 'ip,out_port=1')).toBe(2);
    expect(matches()).toEqual(['arp']);
    expect(lab.sw.deleteFlows('br0', '')).toBe(1);
  });

  test('lists many flows in pages, without loss while flows come and go', () => {
    const lab = new MemorySwitch(1, { failMode: 'secure' });
    for (let i = 0; i < 1200; i++) lab.sw.addFlow('br0', `priority=${i % 7},udp,tp_dst=${i},actions=1`);
    const seen: string[] = [];
    let after = 0;
    do {
      const page = lab.sw.listFlows('br0', '', after);
      seen.push(...page.items.map(({ match }) => match));
      after = page.next;
      lab.sw.deleteFlows('br0', 'udp,tp_dst=6');
      lab.sw.addFlow('br0', 'priority=6,udp,tp_dst=6,actions=drop');
    } while (after !== 0);
    for (let i = 0; i < 1200; i++) if (i !== 6) expect(seen).toContain(`udp,tp_dst=${i}`);
    expect(new Set(seen).size).toBe(1200);
  });

  test('a flow that is refused changes nothing', () => {
    const lab = new MemorySwitch(1);
    const before = lab.sw.listFlows('br0', '', 0);
    expect(errorOf(() => lab.sw.addFlow('br0', 'in_port=9,actions=nowhere')).code).toBe('invalid-argument');
    expect(lab.sw.listFlows('br0', '', 0)).toEqual(before);
  });
});

describe('ports', () => {
  test('a flow to an absent port begins to work when the port comes, and stops when it goes', () => {
    const lab = new MemorySwitch(1);
    lab.sw.addFlow('br0', 'in_port=1,actions=7');
    expect(lab.send('p1', frameBetween(1, 2))).toEqual([]);
    lab.addPort('late', 7);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['late']);
    lab.sw.deletePort('br0', 'late');
    expect(lab.send('p1', frameBetween(1, 2))).toEqual([]);
    expect(lab.drops('p1', 'no-such-port')).toBe(2);
  });

  test('a deleted port takes its stations along; another one under its number starts afresh', () => {
    const lab = new MemorySwitch(3);
    lab.send('p2', frameBetween(2, 1));
    lab.sw.deletePort(undefined, 'p2');
    expect(lab.sw.listFdb('br0', 0).items).toEqual([]);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0', 'p3']);
    lab.addPort('p2', 2);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0', 'p3', 'p2']);
  });

  test('get the lowest free number', () => {
    const lab = new MemorySwitch(3);
    lab.sw.deletePort('br0', 'p2');
    lab.addPort('x');
    lab.addPort('y');
    const numbers = lab.sw.listPorts('br0').map(({ name, ofport }) => [name, ofport]);
    expect(numbers).toEqual([
      ['p1', 1],
      ['x', 2],
      ['p3', 3],
      ['y', 4],
      ['br0', 65_534],
    ]);
  });

  test('a port that is down drops what should leave by it', () => {
    const lab = new MemorySwitch(2);
    lab.port('p2').setLink(false);
    lab.sw.addFlow('br0', 'in_port=1,actions=output:2');
    expect(lab.send('p1', frameBetween(1, 2))).toEqual([]);
    expect(lab.drops('p2', 'tx-link-down')).toBe(1);
    expect(lab.sw.listPorts('br0').find(({ name }) => name === 'p2')).toMatchObject({
      link: { up: false },
      stats: { txDropped: 1, txPackets: 0, drops: { 'tx-link-down': 1 } },
    });
    expect(lab.balance()).toEqual({ received: 1, accounted: 1 });
  });

  test('a flood leaves out ports that are down, without a drop', () => {
    const lab = new MemorySwitch(2);
    lab.port('p2').setLink(false);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0']);
    lab.port('br0').setLink(false);
    expect(lab.drops('p2', 'tx-link-down')).toBe(0);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual([]);
    expect(lab.drops('p1', 'no-flood-port')).toBe(1);
    lab.port('p2').setLink(true);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p2']);
    expect(lab.balance()).toEqual({ received: 3, accounted: 3 });
  });

  test('with nowhere to flood to the frame is dropped', () => {
    const lab = new MemorySwitch(0);
    expect(lab.send('br0', frameBetween(1, 2))).toEqual([]);
    expect(lab.drops('br0', 'no-flood-port')).toBe(1);
  });

  test('of two bridges have nothing to do with each other', () => {
    const lab = new MemorySwitch(2);
    lab.sw.addBridge({ ...BRIDGE, name: 'br1' });
    lab.sw.addPort('br1', { name: 'q1' });
    lab.sw.addPort('br1', { name: 'q2' });
    for (const name of ['br1', 'q1', 'q2']) lab.everyPort.push(lab.port(name));
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0', 'p2']);
    expect(lab.send('q1', frameBetween(1, 2))).toEqual(['br1', 'q2']);
    lab.sw.addFlow('br1', 'priority=1,actions=drop');
    expect(lab.send('q1', frameBetween(1, 2))).toEqual([]);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0', 'p2']);
    lab.sw.deleteBridge('br1');
    expect(lab.sw.listPorts().map(({ name }) => name)).toEqual(['p1', 'p2', 'br0']);
    expect(lab.sw.listBridges().map(({ name }) => name)).toEqual(['br0']);
  });

  test('a burst is bounded, and busy ports take turns', () => {
    const lab = new MemorySwitch(3);
    for (let i = 0; i < 2 * BURST; i++) lab.port('p1').inject(frameBetween(1, 9));
    lab.port('p2').inject(frameBetween(2, 9));
    expect(lab.sw.poll(lab.nowMs)).toBe(BURST + 1);
    expect(lab.sw.poll(lab.nowMs)).toBe(BURST);
    expect(lab.sw.poll(lab.nowMs)).toBe(0);
    expect(lab.provider.ready.ports).toEqual([]);
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
    ['an unknown bridge', (sw) => sw.listFlows('nope', '', 0), 'not-found', /no bridge nope/],
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

// Random histories: what happens between the frames must never lose one, nor make a cached flow lie.

const PORT_NAMES = ['p1', 'p2', 'p3', 'p4'];
const portName = fc.constantFrom('br0', ...PORT_NAMES);
const flowText = fc
  .tuple(
    fc.nat(3),
    fc.constantFrom(
      '',
      'in_port=1,',
      'udp,',
      'tcp,',
      'arp,',
      'ip,nw_dst=10.0.0.2,',
      'dl_vlan=5,',
      'udp,tp_dst=53,',
    ),
    fc.constantFrom(
      'normal',
      'drop',
      '1',
      '2,3',
      'flood',
      'in_port',
      'all,in_port',
      'normal,4',
      '9',
      'local',
    ),
  )
  .map(([priority, match, actions]) => `priority=${priority},${match}actions=${actions}`);
const smallFrame = fc
  .tuple(fc.nat(5), fc.nat(5))
  .map(([source, destination]) => frameBetween(source, destination));
const historyStep = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('frames' as const),
      port: portName,
      frames: fc.array(fc.oneof(anyFrame, smallFrame, fc.uint8Array({ maxLength: 20 })), { maxLength: 12 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flow' as const), flow: flowText }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('link' as const), port: portName, up: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('plug' as const), port: fc.constantFrom(...PORT_NAMES) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(400_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const), port: portName }) },
);
type HistoryStep = typeof historyStep extends fc.Arbitrary<infer T> ? T : never;

/** Carries out a step. `uncached`: all cached flows are made stale before any frame is looked at. */
function take(lab: MemorySwitch, step: HistoryStep, uncached: boolean): unknown {
  const has = (name: string) => lab.sw.listPorts().some((port) => port.name === name);
  switch (step.kind) {
    case 'frames':
      if (!has(step.port)) return undefined;
      for (const frame of step.frames) {
        if (uncached) {
          // A flow that matches no frame comes and goes.
          lab.sw.addFlow('br0', 'priority=65535,in_port=65000,actions=drop');
          lab.sw.deleteFlows('br0', 'in_port=65000');
        }
        lab.port(step.port).inject(frame);
        lab.run();
      }
      return lab.takeSent();
    case 'flow':
      return lab.sw.addFlow('br0', step.flow);
    case 'delete':
      return lab.sw.deleteFlows('br0', 'ip');
    case 'link':
      return has(step.port) ? lab.port(step.port).setLink(step.up) : undefined;
    case 'plug':
      if (has(step.port)) lab.sw.deletePort('br0', step.port);
      else lab.addPort(step.port, Number(step.port[1]));
      return undefined;
    case 'wait':
      return lab.wait(step.ms);
    case 'flush':
      return has(step.port) ? lab.sw.flushFdb('br0', step.port) : undefined;
    default:
      return step satisfies never;
  }
}

test('each frame is accounted for, whatever happens', () => {
  fc.assert(
    fc.property(fc.array(historyStep, { maxLength: 40 }), (history) => {
      const lab = new MemorySwitch(4, { macTableSize: 4 });
      for (const step of history) {
        take(lab, step, false);
        const { received, accounted } = lab.balance();
        expect(accounted).toBe(received);
        expect(lab.sw.fdbStats('br0').entries).toBeLessThanOrEqual(4);
      }
      const { cacheHits, cacheMisses } = lab.sw.datapathStats();
      const { received } = lab.balance();
      const bad = lab.everyPort.reduce(
        (sum, { counters }) => sum + counters[6 + DROP_REASON_NAMES.indexOf('rx-too-short')]!,
        0,
      );
      expect(cacheHits + cacheMisses + bad).toBe(received);
    }),
    { numRuns: 60 },
  );
});

test('with the cache and without it the same frames leave by the same ports', () => {
  fc.assert(
    fc.property(fc.array(historyStep, { maxLength: 40 }), (history) => {
      const cached = new MemorySwitch(4);
      const fresh = new MemorySwitch(4);
      for (const step of history) {
        expect(take(cached, step, false)).toEqual(take(fresh, step, true));
        const counts = ({ sw }: MemorySwitch) => sw.listFlows('br0', '', 0).items;
        expect(counts(cached)).toEqual(counts(fresh));
        expect(cached.sw.listFdb('br0', 0)).toEqual(fresh.sw.listFdb('br0', 0));
      }
    }),
    { numRuns: 60 },
  );
});
