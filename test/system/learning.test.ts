// What: learning, moving, flooding and isolation on real devices. Why: a learning bridge is what a fresh switch is.
// A frame that must not arrive is followed by one that must: frames keep their order, so no test waits for nothing.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { BROADCAST, ethernet } from '../support/frames.ts';
import { Capture, sendFrames } from '../support/packets.ts';
import { type Host, SwitchLab } from '../support/switch-lab.ts';
import { ping } from '../support/traffic.ts';

const STATION_X = '02:00:00:00:01:01';
const STATION_Y = '02:00:00:00:01:02';

let marker = 0;

/** A frame that no other is equal to. */
function frameOf(source: string, destination: string): Uint8Array {
  const payload = new Uint8Array(46);
  new DataView(payload.buffer).setUint32(0, ++marker);
  return ethernet({ source, destination, type: 0x88b5, payload });
}

const send = (host: Host, ...frames: Uint8Array[]) => sendFrames(host.namespace, host.device, frames);
const listen = (host: Host) => Capture.start(host.namespace, host.device, { timeoutMs: 10_000 });

/** What arrived up to and including `last`, as hex. */
async function arrivedUntil(capture: Capture, last: Uint8Array): Promise<string[]> {
  await capture.waitForFrame(last);
  return (await capture.stop()).map(({ frame }) => Buffer.from(frame).toString('hex'));
}

const toHex = (...frames: Uint8Array[]) => frames.map((frame) => Buffer.from(frame).toString('hex'));

describeWith(['root', 'netns', 'tap', 'ping', 'g++'], 'a learning bridge', () => {
  let world: SwitchLab;
  beforeEach(async () => {
    world = await SwitchLab.create();
  });
  afterEach(() => world?.dispose());

  const placeOf = async (mac: string, bridge = 'br0') =>
    (await world.switch.fdb(bridge)).find((entry) => entry.mac === mac)?.portName;

  test('floods what it does not know, sends what it knows to one port, never back', async () => {
    const a = await world.addHost('a', 'veth');
    const b = await world.addHost('b', 'tap');
    const c = await world.addHost('c', 'veth');
    const captures = await Promise.all([a, b, c].map(listen));
    const unknown = frameOf(STATION_X, STATION_Y);
    await send(a, unknown);
    await Promise.all([captures[1]!.waitForFrame(unknown), captures[2]!.waitForFrame(unknown)]);
    expect(await placeOf(STATION_X)).toBe(a.port);

    const answer = frameOf(STATION_Y, STATION_X);
    await send(b, answer);
    await captures[0]!.waitForFrame(answer);
    expect(await placeOf(STATION_Y)).toBe(b.port);

    const known = frameOf(STATION_X, STATION_Y);
    const end = frameOf(STATION_X, BROADCAST);
    await send(a, known, end);
    const endForA = frameOf(STATION_Y, BROADCAST);
    await captures[2]!.waitForFrame(end);
    await send(b, endForA);
    expect(await arrivedUntil(captures[0]!, endForA)).toEqual(toHex(answer, endForA));
    expect(await arrivedUntil(captures[1]!, end)).toEqual(toHex(unknown, known, end));
    expect(await arrivedUntil(captures[2]!, endForA)).toEqual(toHex(unknown, end, endForA));
  });

  test('follows a station that moves, and counts the move', async () => {
    const a = await world.addHost('a', 'veth');
    const b = await world.addHost('b', 'veth');
    const c = await world.addHost('c', 'veth');
    const atC = await listen(c);
    const first = frameOf(STATION_X, BROADCAST);
    await send(a, first);
    await atC.waitForFrame(first);
    expect(await placeOf(STATION_X)).toBe(a.port);
    const second = frameOf(STATION_X, BROADCAST);
    await send(b, second);
    await atC.waitForFrame(second);
    await atC.stop();
    expect(await placeOf(STATION_X)).toBe(b.port);
    expect(await world.switch.json('fdb', 'stats-show')).toMatchObject({ movedTotal: 1, entryCount: 1 });

    const [atA, atB] = await Promise.all([listen(a), listen(b)]);
    const toX = frameOf(STATION_Y, STATION_X);
    const end = frameOf(STATION_Y, BROADCAST);
    await send(c, toX, end);
    expect(await arrivedUntil(atB, end)).toEqual(toHex(toX, end));
    expect(await arrivedUntil(atA, end)).toEqual(toHex(end));
  });

  test('a pinned address does not move; flush and del forget', async () => {
    const a = await world.addHost('a', 'veth');
    const b = await world.addHost('b', 'veth');
    await world.switch.cli('fdb', 'add', a.port, '0', STATION_X);
    const atA = await listen(a);
    const frame = frameOf(STATION_X, BROADCAST);
    const other = frameOf(STATION_Y, BROADCAST);
    await send(b, frame, other);
    await atA.waitForFrame(other);
    await atA.stop();
    expect(await placeOf(STATION_X)).toBe(a.port);
    expect(await placeOf(STATION_Y)).toBe(b.port);
    expect(await world.switch.cli('fdb', 'flush')).toBe('table successfully flushed\n');
    expect((await world.switch.fdb()).map(({ mac, isStatic }) => ({ mac, isStatic }))).toEqual([
      { mac: STATION_X, isStatic: true },
    ]);
    await world.switch.cli('fdb', 'del', '0', STATION_X);
    expect(await world.switch.fdb()).toEqual([]);
  });

  test('a frame to a link-local group goes nowhere and says why', async () => {
    const a = await world.addHost('a', 'veth');
    const b = await world.addHost('b', 'veth');
    const atB = await listen(b);
    const end = frameOf(STATION_X, BROADCAST);
    await send(a, frameOf(STATION_X, '01:80:c2:00:00:0e'), end);
    expect(await arrivedUntil(atB, end)).toEqual(toHex(end));
    expect(await world.switch.drops()).toContainEqual(
      expect.objectContaining({ port: a.port, reason: 'reserved-multicast', count: 1 }),
    );
  });

  test('two bridges have nothing in common', async () => {
    await world.switch.cli('add-br', 'br1');
    expect(await world.switch.cli('list-br')).toBe('br0\nbr1\n');
    const [a0, b0] = [
      await world.addHost('a0', 'veth', { address: '10.0.0.1/24' }),
      await world.addHost('b0', 'veth', { address: '10.0.0.2/24' }),
    ];
    const [a1, b1] = [
      await world.addHost('a1', 'veth', { address: '10.0.0.1/24', bridge: 'br1' }),
      await world.addHost('b1', 'tap', { address: '10.0.0.2/24', bridge: 'br1' }),
    ];
    for (const host of [a0, a1]) {
      expect(await ping(host.namespace, '10.0.0.2')).toEqual({ sent: 3, received: 3 });
    }
    const atB1 = await listen(b1);
    const atB0 = await listen(b0);
    const [inBr0, inBr1] = [frameOf(STATION_X, BROADCAST), frameOf(STATION_Y, BROADCAST)];
    await send(a0, inBr0);
    await atB0.waitForFrame(inBr0);
    await send(a1, inBr1);
    expect(await arrivedUntil(atB1, inBr1)).toEqual(toHex(inBr1));
    expect(await placeOf(STATION_X, 'br0')).toBe(a0.port);
    expect(await placeOf(STATION_X, 'br1')).toBeUndefined();

    await world.switch.cli('del-br', 'br1');
    expect(await world.switch.cli('list-br')).toBe('br0\n');
    expect(await ping(a1.namespace, '10.0.0.2', { count: 1 })).toEqual({ sent: 1, received: 0 });
    expect(await ping(a0.namespace, '10.0.0.2')).toEqual({ sent: 3, received: 3 });
  });

  test('flows steer, and a drop flow drops until it is deleted', async () => {
    const a = await world.addHost('a', 'veth', { address: '10.0.0.1/24' });
    const b = await world.addHost('b', 'veth', { address: '10.0.0.2/24' });
    expect(
      (await world.switch.flows()).map(({ priority, match, actions }) => ({ priority, match, actions })),
    ).toEqual([{ priority: 0, match: '', actions: 'NORMAL' }]);
    expect(await ping(a.namespace, '10.0.0.2')).toEqual({ sent: 3, received: 3 });
    await world.switch.cli('add-flow', 'priority=100,icmp,nw_src=10.0.0.1,actions=drop');
    expect(await ping(a.namespace, '10.0.0.2', { count: 2 })).toEqual({ sent: 2, received: 0 });
    const dropping = (await world.switch.flows()).find(({ actions }) => actions === 'drop');
    expect(dropping).toMatchObject({ priority: 100, packets: 2, bytes: 2 * 98 });
    expect(await world.switch.drops()).toContainEqual(
      expect.objectContaining({ port: a.port, reason: 'flow-drop', count: 2 }),
    );
    await world.switch.cli('del-flows', 'icmp');
    expect(await ping(a.namespace, '10.0.0.2')).toEqual({ sent: 3, received: 3 });
    expect(await ping(b.namespace, '10.0.0.1')).toEqual({ sent: 3, received: 3 });
  });
});
