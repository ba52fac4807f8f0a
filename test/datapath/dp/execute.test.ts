// What: how programs are carried out: what leaves, in which order and how it is counted; edits by hand-made frames.

import { describe, expect, test } from 'vitest';
import * as op from '../../../src/datapath/actions/program.ts';
import * as key from '../../../src/datapath/flow/key.ts';
import { concat, ethernet, hex, ipv6, tcp, transportChecksum, udp } from '../../support/frames.ts';
import { checkFrame } from './check-frame.ts';
import { INGRESS, nest, type Outcome, ProgramRunner } from './program-runner.ts';

const MACS = { destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02' };
const HOSTS = { source: '10.0.0.1', destination: '10.0.0.2' };
const HOSTS6 = { source: '2001:db8::1', destination: '2001:db8::2' };
const PORTS = { sourcePort: 1000, destinationPort: 80 };
const TCP = ethernet({ ...MACS, ...tcp(HOSTS, { ...PORTS, payload: hex('01 02 03') }) });
const UDP = ethernet({ ...MACS, ...udp(HOSTS, { ...PORTS, payload: hex('01 02 03') }) });

const runner = new ProgramRunner();
const text = (frame: Uint8Array) => Buffer.from(frame).toString('hex');
const ports = (outcome: Outcome) => outcome.sent.map(({ port }) => port);
const setTtl = (ttl: number) => [op.OP_SET, key.KEY_NW, ttl << 8, 0xff00];
const output = (port: number) => [op.OP_OUTPUT, port];
const ttlOf = (frame: Uint8Array) => frame[22];

describe('a program', () => {
  test('outputs in order, to the ingress too, and counts all but one as copies', () => {
    const outcome = runner.run(TCP, [...output(4), ...output(op.TO_INGRESS), ...output(5)]);
    expect(ports(outcome)).toEqual([4, INGRESS, 5]);
    expect(outcome).toMatchObject({ copies: 2, drops: [] });
    expect(outcome.sent.every(({ frame }) => text(frame) === text(TCP))).toBe(true);
  });

  test('floods to all usable ports but the ingress', () => {
    runner.down.add(2);
    const flood = [1, 2, INGRESS, 3].flatMap((port) => [op.OP_FLOOD, port]);
    expect(ports(runner.run(TCP, flood))).toEqual([1, 3]);
    expect(runner.run(TCP, [op.OP_FLOOD, 2, op.OP_FLOOD, INGRESS]).drops).toEqual(['no-flood-port']);
    runner.down.clear();
  });

  test('edits a copy when the frame waits already, and none when it does not', () => {
    const outcome = runner.run(TCP, [...setTtl(9), ...output(1), ...setTtl(8), ...output(2), ...output(3)]);
    expect(outcome.sent.map(({ frame }) => ttlOf(frame))).toEqual([9, 8, 8]);
    expect(outcome.copies).toBe(2);
    expect(outcome.flushes).toBe(1);
  });

  test('never changes a frame that waits, however many copies it takes', () => {
    const program = Array.from({ length: 200 }, (_, i) => [...setTtl(i + 1), ...output(i)]).flat();
    const outcome = runner.run(TCP, program);
    expect(outcome.sent.map(({ port, frame }) => [port, ttlOf(frame)])).toEqual(
      Array.from({ length: 200 }, (_, i) => [i, i + 1]),
    );
    expect(outcome.sent.flatMap(({ frame }) => checkFrame(frame).wrong)).toEqual([]);
    expect(outcome.flushes).toBeGreaterThan(1);
  });

  test('clones: what is changed inside does not show outside', () => {
    const inner = [...setTtl(5), ...output(1), op.OP_PUSH_VLAN, 0x8100, 7, ...output(2)];
    const outcome = runner.run(TCP, [...nest([op.OP_CLONE], inner), ...output(3)]);
    expect(outcome.sent.map(({ port, frame }) => [port, frame.length - TCP.length])).toEqual([
      [1, 0],
      [2, 4],
      [3, 0],
    ]);
    expect(text(outcome.sent[2]!.frame)).toBe(text(TCP));
  });

  test('clones within clones, deeper than there are copies, end in a counted drop', () => {
    let program = [...setTtl(1), ...output(1)];
    for (let depth = 0; depth < 100; depth++) {
      program = [...setTtl(depth + 2), ...nest([op.OP_CLONE], program), ...output(2)];
    }
    const outcome = runner.run(TCP, program);
    expect(new Set(outcome.drops)).toEqual(new Set(['too-many-copies']));
    expect(outcome.sent.length + outcome.drops.length).toBe(outcome.copies + 1);
    // And the rows are free again.
    expect(runner.run(TCP, [...output(1), ...setTtl(2), ...output(1)]).drops).toEqual([]);
  });

  test('samples about the share that it is told', () => {
    let hits = 0;
    for (let i = 0; i < 2000; i++) {
      hits += runner.run(TCP, [
        ...nest([op.OP_SAMPLE, 0x4000_0000], [op.OP_SAMPLED, ...output(1)]),
        ...output(2),
      ]).sent.length;
    }
    expect(hits - 2000).toBeGreaterThan(400);
    expect(hits - 2000).toBeLessThan(600);
    expect(runner.executor.sampled[0]).toBe(hits - 2000);
    expect(ports(runner.run(TCP, nest([op.OP_SAMPLE, -1], output(1))))).toEqual([1]);
    expect(runner.run(TCP, nest([op.OP_SAMPLE, 0], output(1))).drops).toEqual(['flow-drop']);
  });

  test('chooses by length without padding', () => {
    const padded = concat(TCP, new Uint8Array(30));
    const check = (size: number) => [op.OP_CHECK_LENGTH, size, 2, 2, ...output(1), ...output(2)];
    expect(ports(runner.run(padded, check(TCP.length)))).toEqual([2]);
    expect(ports(runner.run(padded, check(TCP.length - 1)))).toEqual([1]);
  });

  test('truncates the next output only, and leaves the others whole', () => {
    const program = [op.OP_TRUNCATE, 20, ...output(1), ...output(2), op.OP_TRUNCATE, 1000, ...output(3)];
    const { sent } = runner.run(TCP, program);
    expect(sent.map(({ frame }) => frame.length)).toEqual([20, TCP.length, TCP.length]);
    expect(text(sent[0]!.frame)).toBe(text(TCP.subarray(0, 20)));
  });

  test('gives frames to the control plane as they are at that point', () => {
    const outcome = runner.run(TCP, [
      ...setTtl(3),
      op.OP_TRUNCATE,
      40,
      op.OP_PACKET_IN,
      17,
      ...setTtl(2),
      ...output(1),
    ]);
    expect(outcome.packetIns.map(({ spec, maxLength, frame }) => [spec, maxLength, ttlOf(frame)])).toEqual([
      [17, 40, 3],
    ]);
    expect(outcome.copies).toBe(1);
  });

  test('recirculates the frame as it is, and goes on with it unchanged', () => {
    runner.continuations.set(7, [...setTtl(1), ...output(5), op.OP_PUSH_VLAN, 0x8100, 1, ...output(6)]);
    const outcome = runner.run(TCP, [...setTtl(2), op.OP_RECIRCULATE, 7, ...output(1)]);
    expect(outcome.sent.map(({ port, frame }) => [port, frame.length - TCP.length])).toEqual([
      [5, 0],
      [6, 4],
      [1, 0],
    ]);
    expect(ttlOf(outcome.sent[2]!.frame)).toBe(2);
    // Two ends of the inner run, two of the outer.
    expect(outcome.copies).toBe(2);
  });

  test('ends with a meter that drops; a clone that it ends does not end the rest', () => {
    const meter = runner.meters.add();
    runner.meters.set(meter, 'pktps', [{ rate: 1, burst: 1 }], 0);
    const program = [...nest([op.OP_CLONE], [op.OP_METER, meter, ...output(1)]), ...output(2)];
    expect(ports(runner.run(TCP, program))).toEqual([1, 2]);
    expect(runner.run(TCP, program)).toMatchObject({ drops: ['meter-exceeded'], copies: 1 });
    expect(runner.run(TCP, [op.OP_METER, meter, ...output(1)])).toMatchObject({ sent: [], copies: 0 });
  });

  test('drops with the reason that it is told, or because it says nothing', () => {
    expect(runner.run(TCP, [op.OP_DROP, 0]).drops).toEqual(['rx-too-short']);
    expect(runner.run(TCP, []).drops).toEqual(['flow-drop']);
  });

  test('copies a frame that does not lie in its slot before it edits it', () => {
    runner.place(TCP, undefined, 5);
    const { batch } = runner;
    batch.offset[6] = batch.offset[5]!;
    batch.length[6] = batch.length[5]!;
    batch.offload[6] = 0;
    const verdict = runner.programs.intern(Int32Array.of(op.OP_PUSH_VLAN, 0x8100, 1, ...output(1)));
    runner.executor.run(verdict, 6);
    runner.flush();
    runner.executor.flushed();
    const at = batch.offset[5]!;
    expect(text(batch.bytes.subarray(at - 10, at + TCP.length))).toBe('00'.repeat(10) + text(TCP));
  });
});

describe('tags', () => {
  const push = [op.OP_PUSH_VLAN, 0x88a8, 0xf000 | 10];
  test('are pushed outermost with DEI 0, and popped', () => {
    const one = runner.edit(TCP, push).frame;
    // destination, source, tag: TPID 0x88a8, priority 7, DEI 0, VLAN 10
    expect(text(one.subarray(0, 18))).toBe('020000000001 020000000002 88a8 e00a 0800'.replaceAll(' ', ''));
    expect(text(runner.edit(one, [op.OP_POP_VLAN]).frame)).toBe(text(TCP));
    expect(text(runner.edit(TCP, [op.OP_POP_VLAN]).frame)).toBe(text(TCP));
    expect(
      text(runner.edit(TCP, [...push, op.OP_PUSH_VLAN, 0x8100, 3, op.OP_POP_VLAN, op.OP_POP_VLAN]).frame),
    ).toBe(text(TCP));
  });

  test('are changed in place; a frame without one is left alone', () => {
    const tagged = ethernet({
      ...MACS,
      vlans: [{ id: 5, priority: 3 }],
      type: 0x1234,
      payload: new Uint8Array(50),
    });
    tagged[14]! |= 0x10; // DEI
    const setVid = [op.OP_SET, key.KEY_TYPE_VLAN, 0x1007, 0x1fff];
    expect(text(runner.edit(tagged, setVid).frame.subarray(12, 18))).toBe('810060071234');
    expect(text(runner.edit(TCP, setVid).frame)).toBe(text(TCP));
    const setTpid = [op.OP_SET, key.KEY_TPID_TCP_FLAGS, 0x88a8_0000 | 0, 0xffff_0000 | 0];
    expect(text(runner.edit(tagged, setTpid).frame.subarray(12, 14))).toBe('88a8');
  });

  test('fill the headroom and not one byte more', () => {
    const many = (count: number) => Array.from({ length: count }, () => push).flat();
    expect(runner.edit(TCP, many(16)).frame.length).toBe(TCP.length + 64);
    expect(runner.run(TCP, [...many(17), ...output(1)])).toMatchObject({
      sent: [],
      drops: ['no-headroom'],
      copies: 0,
    });
    expect(runner.run(TCP, [...output(2), ...many(17), ...output(1)])).toMatchObject({
      drops: ['no-headroom'],
      copies: 1,
    });
    const labels = Array.from({ length: 17 }, () => [op.OP_PUSH_MPLS, 0x5140, 0x8847]).flat();
    expect(runner.run(TCP, [...labels, ...output(1)])).toMatchObject({ sent: [], drops: ['no-headroom'] });
  });
});

describe('labels', () => {
  const lse = (16 << 12) | (5 << 9) | 0x100 | 64;
  test('go behind the tags, with the EtherType in front of them', () => {
    const tagged = ethernet({ ...MACS, vlans: [{ id: 5 }], ...tcp(HOSTS, PORTS) });
    const pushed = runner.edit(tagged, [op.OP_PUSH_MPLS, lse, 0x8847]).frame;
    // 802.1Q tag of VLAN 5, MPLS, label 16 with tc 5, bottom of stack, ttl 64; IPv4
    expect(text(pushed.subarray(12, 24))).toBe('8100 0005 8847 00010b40 4500'.replaceAll(' ', ''));
    expect(text(runner.edit(pushed, [op.OP_POP_MPLS, 0x0800]).frame)).toBe(text(tagged));
    const two = runner.edit(pushed, [op.OP_PUSH_MPLS, lse & ~0x100, 0x8848]).frame;
    expect(text(two.subarray(16, 26))).toBe('8848 00010a40 00010b40'.replaceAll(' ', ''));
  });

  test('are set where they are, by entry', () => {
    const pushed = runner.edit(TCP, [op.OP_PUSH_MPLS, lse, 0x8847]).frame;
    const set = (entry: number) => [op.OP_SET, key.KEY_MPLS + entry, (7 << 12) | 9, (0xfffff << 12) | 0xff];
    expect(text(runner.edit(pushed, set(0)).frame.subarray(14, 18))).toBe('00007b09');
    expect(text(runner.edit(pushed, set(1)).frame)).toBe(text(pushed));
    expect(text(runner.edit(TCP, set(0)).frame)).toBe(text(TCP));
  });

  test('are not popped from a stack that is cut off', () => {
    const cut = ethernet({ ...MACS, type: 0x8847, payload: hex('0001') });
    expect(text(runner.edit(cut, [op.OP_POP_MPLS, 0x0800]).frame)).toBe(text(cut));
  });
});

describe('checksums', () => {
  const setSource = [op.OP_SET, key.KEY_NW_SRC, 0x0909_0909, -1];
  test('that are absent (UDP) stay absent, and one that becomes 0 is sent as 0xffff', () => {
    const none = UDP.slice();
    none.set([0, 0], 40);
    expect(
      text(runner.edit(none, [...setSource, op.OP_SET, key.KEY_TP, 5, 0xffff]).frame.subarray(40, 42)),
    ).toBe('0000');
    const at = new DataView(UDP.buffer.slice(0));
    // The port that makes the sum of all other words -0.
    const zero = (at.getUint16(40) + at.getUint16(34)) % 0xffff;
    const { frame } = runner.edit(UDP, [op.OP_SET, key.KEY_TP, zero << 16, 0xffff_0000 | 0]);
    expect(text(frame.subarray(40, 42))).toBe('ffff');
    expect(checkFrame(frame).wrong).toEqual([]);
  });

  test('of a wrong packet stay wrong by as much', () => {
    const wrong = TCP.slice();
    wrong[50]! ^= 0x55;
    const back = runner.edit(runner.edit(wrong, setSource).frame, [
      op.OP_SET,
      key.KEY_NW_SRC,
      0x0a00_0001,
      -1,
    ]).frame;
    expect(text(back)).toBe(text(wrong));
  });

  test('are not looked for in later fragments', () => {
    const fragment = TCP.slice();
    fragment.set([0x00, 0x04], 20); // offset 32 bytes
    const { frame } = runner.edit(fragment, [...setSource, op.OP_SET, key.KEY_TP, 5, 0xffff]);
    expect(text(frame.subarray(34))).toBe(text(TCP.subarray(34)));
  });

  test('count the last destination of an IPv6 routing header, and the source as it is', () => {
    const datagram = hex('0001 0002 000c 0000 01020304');
    const last = { ...HOSTS6, destination: '2001:db8::77' };
    const sum = transportChecksum(last, 17, datagram);
    datagram.set([sum >> 8, sum & 0xff], 6);
    // next header UDP, 16 bytes of addresses, type 0, one segment left
    const routing = hex('11 02 00 01 00000000 20010db8000000000000000000000077');
    const frame = ethernet({
      ...MACS,
      type: 0x86dd,
      payload: ipv6({ ...HOSTS6, protocol: 43, payload: concat(routing, datagram) }),
    });
    expect(checkFrame(frame).wrong).toEqual([]);
    const edited = runner.edit(frame, [
      ...[op.OP_SET, key.KEY_IPV6_SRC + 1, 0x1234, -1],
      ...[op.OP_SET, key.KEY_IPV6_DST + 3, 0x5678, -1],
    ]).frame;
    expect(text(edited)).not.toBe(text(frame));
    expect(checkFrame(edited).wrong).toEqual([]);
  });
});

test('headers that are cut off or lie are left alone, at every length', () => {
  const words = Array.from({ length: key.KEY_WORDS }, (_, word) => [op.OP_SET, word, 0x5a5a_5a5a, -1]);
  const ops = [
    ...words,
    [op.OP_PUSH_VLAN, 0x8100, 1],
    [op.OP_POP_VLAN],
    [op.OP_PUSH_MPLS, 0x140, 0x8847],
    [op.OP_POP_MPLS, 0x86dd],
  ];
  const stacked = ethernet({
    ...MACS,
    vlans: [{ id: 1 }],
    type: 0x8847,
    payload: hex('00010040 00010140 4500'),
  });
  const v6 = ethernet({ ...MACS, ...udp(HOSTS6, PORTS) });
  const nd = ethernet({
    ...MACS,
    type: 0x86dd,
    payload: ipv6({
      ...HOSTS6,
      protocol: 58,
      payload: concat(hex('8700000000000000'), new Uint8Array(16), hex('0101 020000000001')),
    }),
  });
  for (const whole of [TCP, UDP, stacked, v6, nd]) {
    for (let length = 14; length <= whole.length; length++) {
      const frame = whole.slice(0, length);
      for (const program of ops) {
        const { frame: edited } = runner.edit(frame, program);
        const { bytes, offset, length: lengths } = runner.batch;
        // Nothing is written behind the frame.
        expect(bytes[offset[3]! + lengths[3]!]).toBe(0xee);
        const grown = program[0] === op.OP_PUSH_VLAN || program[0] === op.OP_PUSH_MPLS ? 4 : 0;
        if (program[0] === op.OP_SET || grown > 0) expect(edited.length).toBe(length + grown);
      }
    }
  }
});
