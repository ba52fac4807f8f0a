// What: ports of a bridge that come, go, go down, and are configured. Why: flows speak of port numbers, and must do the
// right thing whatever becomes of the port.

import { describe, expect, test } from 'vitest';
import { BURST } from '../../src/datapath/port/batch.ts';
import { errorOf } from './error-of.ts';
import { BRIDGE, frameBetween, MemorySwitch } from './memory-switch.ts';

describe('ports', () => {
  test('a flow to an absent port begins to work when the port comes, and stops when it goes', () => {
    const lab = new MemorySwitch(1);
    lab.add('in_port=1,actions=7');
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
    lab.add('in_port=1,actions=output:2');
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
    lab.sw.modFlow('br1', 'add', 'priority=1,actions=drop');
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

  test('are used as mod-port says', () => {
    const lab = new MemorySwitch(3);
    const frame = frameBetween(1, 2);
    lab.sw.modPort('br0', 'p2', { noFlood: true });
    expect(lab.send('p1', frame)).toEqual(['br0', 'p3']);
    lab.add('in_port=1,actions=2,3');
    expect(lab.send('p1', frame)).toEqual(['p2', 'p3']);
    lab.sw.modPort('br0', 'p2', { noForward: true });
    expect(lab.send('p1', frame)).toEqual(['p3']);
    lab.sw.modPort('br0', 'p1', { noReceive: true });
    expect(lab.send('p1', frame)).toEqual([]);
    lab.sw.modPort('br0', '1', { noReceive: false });
    lab.sw.modPort('br0', 'p3', { down: true });
    expect(lab.send('p1', frame)).toEqual([]);
    expect(lab.send('p3', frame)).toEqual([]);
    const down = { down: true, noFlood: false, noForward: false, noReceive: false, noPacketIn: false };
    expect(lab.sw.listPorts('br0').find(({ name }) => name === 'p3')?.config).toEqual(down);
    lab.sw.modPort('br0', 'p3', { down: false });
    expect(lab.send('p1', frame)).toEqual(['p3']);
    expect(lab.balance()).toEqual({ received: 7, accounted: 7 });
    expect(errorOf(() => lab.sw.modPort('br0', 'p9', { down: true })).code).toBe('not-found');
  });
});
