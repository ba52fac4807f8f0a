// What: real TCP and UDP between every mix of ports and offload settings, each byte checked at the other end. Why:
// "ping works, TCP does not" is the best-known failure of user-space switches: a super-frame or an open checksum that
// reaches a port which cannot carry it.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import type { DropRow } from '../support/lab-switch.ts';
import type { Offloads } from '../support/netns.ts';
import { type Attachment, type Host, SwitchLab } from '../support/switch-lab.ts';
import { ping, type TransferResult, tcpTransfer, udpTransfer } from '../support/traffic.ts';

const PAIRS: [Attachment, Attachment][] = [
  ['veth', 'veth'],
  ['veth', 'tap'],
  ['veth', 'internal'],
  ['tap', 'tap'],
  ['tap', 'internal'],
];
const SETTINGS: [Offloads, Offloads][] = [
  ['on', 'on'],
  ['off', 'on'],
  ['on', 'off'],
  ['off', 'off'],
];
const TCP_BYTES = 8_000_003;
const UDP_BYTES = 1_000_003;

function expectWhole(result: TransferResult, bytes: number): void {
  expect(result.problem).toBe('');
  expect(result.received).toBe(bytes);
  expect(result.sha256Received).toBe(result.sha256Sent);
}

for (const [left, right] of PAIRS) {
  describeWith(['root', 'netns', 'tap', 'ethtool', 'ping', 'g++'], `${left} to ${right}`, () => {
    let world: SwitchLab;
    let a: Host;
    let b: Host;
    /** The local port was down at first, and hosts say hello by IPv6 as soon as they are up. */
    let dropsBefore: DropRow[];
    beforeAll(async () => {
      world = await SwitchLab.create({ ipv6: true });
      a = await world.addHost('a', left, { address: '10.0.0.1/24', ipv6Address: 'fd00::1/64' });
      b = await world.addHost('b', right, { address: '10.0.0.2/24', ipv6Address: 'fd00::2/64' });
      dropsBefore = await world.switch.drops();
    });
    afterAll(() => world?.dispose());

    const there = () => ({ from: a.namespace, to: b.namespace, address: '10.0.0.2' });
    const back = () => ({ from: b.namespace, to: a.namespace, address: '10.0.0.1' });

    for (const [leftOffloads, rightOffloads] of SETTINGS) {
      test(`offloads ${leftOffloads} and ${rightOffloads}: ping, TCP and UDP both ways`, async () => {
        a.setOffloads(leftOffloads);
        b.setOffloads(rightOffloads);
        expect(await ping(a.namespace, '10.0.0.2')).toEqual({ sent: 3, received: 3 });
        for (const way of [there(), back()]) {
          expectWhole(await tcpTransfer({ ...way, bytes: TCP_BYTES }), TCP_BYTES);
          expectWhole(await udpTransfer({ ...way, bytes: UDP_BYTES }), UDP_BYTES);
          // One send call of 28,000 bytes, which the kernel cuts, or leaves to the switch to cut, every 1,400 bytes.
          const cut = { datagramBytes: 28_000, segmentBytes: 1_400 };
          expectWhole(await udpTransfer({ ...way, ...cut, bytes: UDP_BYTES }), UDP_BYTES);
          // Longer than the MTU, so in IP fragments.
          expectWhole(await udpTransfer({ ...way, datagramBytes: 9_000, bytes: UDP_BYTES }), UDP_BYTES);
        }
      });
    }

    test('IPv6: TCP with offloads on and off', async () => {
      for (const offloads of ['on', 'off'] as const) {
        a.setOffloads(offloads);
        b.setOffloads('on');
        const way = { ...there(), address: 'fd00::2', bytes: TCP_BYTES };
        expectWhole(await tcpTransfer(way), TCP_BYTES);
        const wayBack = { ...back(), address: 'fd00::1', bytes: TCP_BYTES };
        expectWhole(await tcpTransfer(wayBack), TCP_BYTES);
        expectWhole(
          await udpTransfer({ ...way, bytes: UDP_BYTES, datagramBytes: 27_600, segmentBytes: 1_380 }),
          UDP_BYTES,
        );
      }
    });

    test('nothing was dropped on the way', async () => {
      expect(await world.switch.drops()).toEqual(dropsBefore);
    });
  });
}

describeWith(['root', 'netns', 'ethtool', 'g++'], 'veth ends at the switch with offloads off', () => {
  test('super-frames from the hosts arrive whole', async () => {
    const world = await SwitchLab.create();
    try {
      const a = await world.addHost('a', 'veth', { address: '10.0.0.1/24' });
      const b = await world.addHost('b', 'veth', { address: '10.0.0.2/24' });
      for (const port of [a.port, b.port]) world.namespace.setOffloads(port, 'off');
      const way = {
        from: a.namespace,
        to: b.namespace,
        address: '10.0.0.2',
        bytes: TCP_BYTES,
        timeoutMs: 5_000,
      };
      expectWhole(await tcpTransfer(way), TCP_BYTES);
      expectWhole(
        await udpTransfer({ ...way, bytes: UDP_BYTES, datagramBytes: 28_000, segmentBytes: 1_400 }),
        UDP_BYTES,
      );
    } finally {
      world.dispose();
    }
  });
});
