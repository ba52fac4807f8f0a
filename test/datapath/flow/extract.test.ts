// What: keys of frames, field by field, and against Open vSwitch's own flow extraction. Why: what is read wrong here
// is matched wrong everywhere.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extractKey } from '../../../src/datapath/flow/extract.ts';
import { KEY_WORDS } from '../../../src/datapath/flow/key.ts';
import { formatFlowKey } from '../../../src/datapath/flow/key-text.ts';
import { describeWith } from '../../support/describe-with.ts';
import { DummyOpenVswitch } from '../../support/dummy-ovs.ts';
import { arp, ethernet, hex, icmpEcho, tcp, udp } from '../../support/frames.ts';
import { anyFrame } from './random-frames.ts';

/** The whole key of a frame that stands amid bytes of `surroundings`. */
function keyOf(frame: Uint8Array, surroundings = 0, vlanLimit?: number): Int32Array {
  const arena = new Uint8Array(frame.length + 200).fill(surroundings);
  arena.set(frame, 70);
  const key = new Int32Array(KEY_WORDS + 2).fill(0x5555);
  extractKey(new DataView(arena.buffer), 70, frame.length, 3, key, 1, vlanLimit);
  expect([key[0], ...key.slice(KEY_WORDS + 1)]).toEqual(Array(2).fill(0x5555));
  return key.slice(1, KEY_WORDS + 1);
}

/** The key in text, without in_port. */
function describeKey(key: Int32Array): string {
  return formatFlowKey(key).replace(/in_port=[^,]*,/, '');
}

const MACS = { destination: '02:00:00:00:00:0b', source: '02:00:00:00:00:0a' };
const V4 = { source: '10.0.0.1', destination: '10.0.0.2' };
const V6 = { source: '2001:db8::1', destination: 'fe80::2' };
const L2 = 'dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b';

describe('fields', () => {
  test.each([
    [
      'TCP',
      ethernet({ ...MACS, ...tcp(V4, { sourcePort: 80, destinationPort: 40000, sequence: 0 }) }),
      `tcp,vlan_tci=0x0000,${L2},nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=80,tp_dst=40000,tcp_flags=ack`,
    ],
    [
      'UDP over IPv6 in a VLAN',
      ethernet({
        ...MACS,
        vlans: [{ id: 100, priority: 5 }],
        ...udp(V6, { sourcePort: 5, destinationPort: 6 }),
      }),
      `udp6,dl_vlan=100,dl_vlan_pcp=5,vlan_tci1=0x0000,${L2},ipv6_src=2001:db8::1,ipv6_dst=fe80::2,ipv6_label=0x00000,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=5,tp_dst=6`,
    ],
    [
      'ICMP',
      ethernet({ ...MACS, ...icmpEcho(V4, { identifier: 7, sequence: 9 }) }),
      `icmp,vlan_tci=0x0000,${L2},nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,icmp_type=8,icmp_code=0`,
    ],
    [
      'ARP',
      ethernet({
        ...MACS,
        type: 0x0806,
        payload: arp({
          operation: 'reply',
          senderMac: '02:00:00:00:00:0a',
          senderIp: '10.0.0.1',
          targetMac: '02:00:00:00:00:0b',
          targetIp: '10.0.0.2',
        }),
      }),
      `arp,vlan_tci=0x0000,${L2},arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_op=2,arp_sha=02:00:00:00:00:0a,arp_tha=02:00:00:00:00:0b`,
    ],
    [
      'a later IPv4 fragment: no ports',
      hex(`02000000000b 02000000000a 0800
           45b9 0024 0000 2001 4011 0000 0a000001 0a000002  # offset 8, more fragments, UDP
           0035 0036 0010 0000 0000000000000000`),
      `udp,vlan_tci=0x0000,${L2},nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=184,nw_ecn=1,nw_ttl=64,nw_frag=later`,
    ],
    [
      'an IPv4 total length beyond the frame: an IP frame of which nothing is known',
      hex(`02000000000b 02000000000a 0800
           4500 00ff 0000 0000 4011 0000 0a000001 0a000002`),
      `ip,vlan_tci=0x0000,${L2},nw_src=0.0.0.0,nw_dst=0.0.0.0,nw_proto=0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no`,
    ],
    [
      'a tag that is cut off is no tag',
      hex('02000000000b 02000000000a 8100 2005'),
      `vlan_tci=0x0000,${L2},dl_type=0x8100`,
    ],
    [
      '802.3 without SNAP',
      hex('02000000000b 02000000000a 0004 42420300'),
      `vlan_tci=0x0000,${L2},dl_type=0x05ff`,
    ],
  ])('%s', (_name, frame, text) => {
    expect(describeKey(keyOf(frame))).toBe(text);
  });

  test('nothing outside of the frame is read', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        expect(keyOf(frame, 0xff)).toEqual(keyOf(frame, 0));
        expect(keyOf(frame, 0x45)).toEqual(keyOf(frame, 0));
      }),
      { numRuns: 1000 },
    );
  });

  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 14, maxLength: 120 }), (frame) => {
        keyOf(frame, 0xff);
      }),
    );
  });
});

/** libpcap file format, Ethernet, microseconds. */
function pcap(frames: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap((frame) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([header, ...records]);
}

describeWith(['ovs'], 'against Open vSwitch', () => {
  test('the same fields from random frames, two tags looked at', () => {
    // ovs-ofctl looks at two tags; a switch with its default settings, as this one, at one.
    const frames = fc.sample(anyFrame, { numRuns: 8000, seed: 42 });
    const directory = mkdtempSync(join(tmpdir(), 'extract-'));
    try {
      const file = join(directory, 'frames.pcap');
      writeFileSync(file, pcap(frames));
      const lines = execFileSync('ovs-ofctl', ['parse-pcap', file], { encoding: 'utf8', maxBuffer: 2 ** 28 })
        .trim()
        .split('\n');
      expect(lines.length).toBe(frames.length);
      for (const [i, line] of lines.entries()) {
        const theirs = line.replace('in_port=ANY,', '');
        const frame = Buffer.from(frames[i]!).toString('hex');
        const key = describeKey(keyOf(frames[i]!, 0, 2));
        expect({ frame, key }).toEqual({ frame, key: theirs });
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('the same fields in a trace, one tag looked at', async () => {
    const ovs = await DummyOpenVswitch.start(3);
    try {
      for (const bytes of fc.sample(anyFrame, { numRuns: 1000, seed: 7 })) {
        const frame = Buffer.from(bytes).toString('hex');
        const trace = await ovs.appctl('ofproto/trace', 'br0', 'in_port=3', frame);
        const theirs = /^Flow: (.*)$/m.exec(trace)![1];
        expect({ frame, key: formatFlowKey(keyOf(bytes)) }).toEqual({ frame, key: theirs });
      }
    } finally {
      await ovs.stop();
    }
  });
});
