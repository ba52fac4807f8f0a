// What: the test kit itself, with the kernel's bridge in the place of the switch. Why: a kit that reports success
// without traffic would make all other system tests worthless.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import {
  arp,
  BROADCAST,
  checksum,
  ethernet,
  hex,
  icmpEcho,
  pad,
  TYPE_ARP,
  tcp,
  udp,
} from '../support/frames.ts';
import { cleanDeadLabs, Lab, labNamespaces, type Namespace } from '../support/netns.ts';
import { Capture, sendFrames } from '../support/packets.ts';
import { skipReason } from '../support/require-feature.ts';
import { ping, reachable, tcpTransfer, udpTransfer } from '../support/traffic.ts';

const MAC1 = '02:00:00:00:00:01';
const MAC2 = '02:00:00:00:00:02';
const BETWEEN = { source: '10.0.0.1', destination: '10.0.0.2' };

test('a missing feature is a reason to skip, and a failure when REQUIRE names it', () => {
  const asUser = (required: string) =>
    spawnSync(
      process.execPath,
      [
        '-e',
        "process.getuid = () => 1; import('./dist/test/support/require-feature.js')" +
          ".then((module) => console.log(module.skipReason('root')))",
      ],
      { env: { ...process.env, REQUIRE: required }, encoding: 'utf8' },
    );
  expect(asUser('').stdout).toBe('needs root: this process is not root\n');
  const { stderr, status } = asUser('tap,root');
  expect(stderr).toContain("REQUIRE asks for 'root', which is missing here: this process is not root.");
  expect(status).toBe(1);
});

describeWith(['root', 'netns', 'ping', 'g++'], 'over a bridge of the kernel', () => {
  let lab: Lab;
  let [left, right, middle] = [] as unknown as Namespace[] & [Namespace, Namespace, Namespace];

  beforeEach(() => {
    lab = new Lab();
    [left, right, middle] = [lab.namespace('left'), lab.namespace('right'), lab.namespace('middle')];
    middle.ip('link', 'add', 'br0', 'type', 'bridge');
    middle.setLink('br0', 'up');
    const end = (namespace: Namespace, mac: string, address: string) => ({
      namespace,
      name: 'eth0',
      mac,
      address,
    });
    lab.veth(end(left, MAC1, '10.0.0.1/24'), { namespace: middle, name: 's1' });
    lab.veth(end(right, MAC2, '10.0.0.2/24'), { namespace: middle, name: 's2' });
    for (const port of ['s1', 's2']) middle.ip('link', 'set', port, 'master', 'br0');
  });
  afterEach(() => lab.dispose());

  test('ping counts what came back, and a dead link is told from a live one', async () => {
    expect(await ping(left, '10.0.0.2', { count: 5 })).toEqual({ sent: 5, received: 5 });
    middle.setLink('s2', 'down');
    expect(await ping(left, '10.0.0.2', { count: 2 })).toEqual({ sent: 2, received: 0 });
    expect(await reachable(left, '10.0.0.2', 300)).toBe(false);
  });

  test('transfers arrive whole', async () => {
    const transfer = { from: left, to: right, address: '10.0.0.2', bytes: 3_000_001 };
    const results = [
      await tcpTransfer(transfer),
      await udpTransfer(transfer),
      await udpTransfer({ ...transfer, datagramBytes: 28_000, segmentBytes: 1_400 }),
    ];
    for (const { received, sha256Sent, sha256Received, problem } of results) {
      expect(problem).toBe('');
      expect(received).toBe(3_000_001);
      expect(sha256Received).toBe(sha256Sent);
    }
  });

  test('a UDP transfer over a path that loses frames says so', async () => {
    middle.ip('link', 'set', 's2', 'mtu', '1000'); // the bridge drops what does not fit
    const result = await udpTransfer({ from: left, to: right, address: '10.0.0.2', bytes: 500_000 });
    expect(result.problem).toMatch(/datagram \d+ did not arrive/);
    expect(result.sha256Received).not.toBe(result.sha256Sent);
  });

  test('frames are captured as they were sent, tags included', async () => {
    const capture = await Capture.start(right, 'eth0', { count: 2 });
    const frames = [
      ethernet({
        destination: MAC2,
        source: MAC1,
        vlans: [{ id: 10, priority: 3 }],
        type: 0x88b5,
        payload: hex('01 02'),
      }),
      ethernet({ destination: BROADCAST, source: MAC1, type: 0x88b5, payload: hex('ff # experimental') }),
    ].map((frame) => pad(frame));
    await sendFrames(left, 'eth0', frames);
    expect((await capture.frames()).map(({ frame }) => Buffer.from(frame).toString('hex'))).toEqual(
      frames.map((frame) => Buffer.from(frame).toString('hex')),
    );
  });

  test('the kernel answers the frames that the kit builds', async () => {
    const capture = await Capture.start(left, 'eth0', { timeoutMs: 1_000 });
    const request = {
      operation: 'request',
      senderMac: MAC1,
      senderIp: '10.0.0.1',
      targetIp: '10.0.0.2',
    } as const;
    const toRight = (packet: { type: number; payload: Uint8Array }) =>
      pad(ethernet({ destination: MAC2, source: MAC1, ...packet }));
    await sendFrames(left, 'eth0', [
      ethernet({ destination: BROADCAST, source: MAC1, type: TYPE_ARP, payload: arp(request) }),
      toRight(icmpEcho(BETWEEN, { identifier: 0x1234, payload: hex('abcdef') })),
      toRight(udp(BETWEEN, { sourcePort: 4000, destinationPort: 4001, payload: hex('01') })),
      toRight(tcp(BETWEEN, { sourcePort: 4000, destinationPort: 4002, flags: 2 })),
    ]);
    const replies = (await capture.frames()).map(({ frame }) => Buffer.from(frame).toString('hex'));
    const reply = arp({
      operation: 'reply',
      senderMac: MAC2,
      senderIp: '10.0.0.2',
      targetMac: MAC1,
      targetIp: '10.0.0.1',
    });
    expect(replies.some((frame) => frame.includes(Buffer.from(reply).toString('hex')))).toBe(true);
    expect(replies.some((frame) => /^.{68}0000.{4}1234/.test(frame))).toBe(true); // echo reply
    expect(replies.some((frame) => /^.{68}0303/.test(frame))).toBe(true); // port unreachable
    expect(replies.some((frame) => /^.{46}06.{44}50(14|04)/.test(frame))).toBe(true); // TCP reset
  });

  test('a lab leaves nothing behind, and the leftovers of dead owners are found', () => {
    expect(labNamespaces({ own: true })).toHaveLength(3);
    lab.dispose();
    expect(labNamespaces({ own: true })).toEqual([]);
    expect(existsSync(lab.directory)).toBe(false);
    const { pid } = spawnSync('true'); // a pid that no process has any more
    spawnSync('ip', ['netns', 'add', `tss-${pid}-1-left`]);
    expect(cleanDeadLabs()).toContain(`tss-${pid}-1-left`);
    expect(labNamespaces()).not.toContain(`tss-${pid}-1-left`);
  });
});

test('the checksum of the kit agrees with the example of RFC 1071', () => {
  expect(checksum(hex('0001 f203 f4f5 f6f7'))).toBe(0xffff - 0xddf2);
});

test('what a feature lacks is said in one line', () => {
  expect(skipReason()).toBe('');
});
