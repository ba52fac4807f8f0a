// What: keys of frames, field by field, and against Open vSwitch's own flow extraction. Why: what is read wrong here
// is matched wrong everywhere.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extractKey, extractTypeVlan } from '../../../src/datapath/flow/extract.ts';
import {
  KEY_L2_WORDS,
  KEY_L4_WORDS,
  KEY_NW,
  KEY_TP,
  KEY_TYPE_VLAN,
  KEY_WORDS,
  NW_FRAG_LATER,
} from '../../../src/datapath/flow/key.ts';
import { Match } from '../../../src/datapath/flow/match.ts';
import { formatMatch } from '../../../src/datapath/flow/match-text.ts';
import { describeWith } from '../../support/describe-with.ts';
import { arp, ethernet, hex, icmpEcho, tcp, udp } from '../../support/frames.ts';
import { anyFrame } from './random-frames.ts';

/** The whole key of a frame that stands amid bytes of `surroundings`. */
function keyOf(frame: Uint8Array, surroundings = 0, words = KEY_WORDS): Int32Array {
  const arena = new Uint8Array(frame.length + 200).fill(surroundings);
  arena.set(frame, 70);
  const key = new Int32Array(KEY_WORDS + 2).fill(0x5555);
  extractKey(new DataView(arena.buffer), 70, frame.length, 3, words, key, 1);
  expect([key[0], ...key.slice(words + 1)]).toEqual(Array(KEY_WORDS + 2 - words).fill(0x5555));
  return key.slice(1, words + 1);
}

/** The key as the match that accepts only it, in text, without in_port. */
function describeKey(key: Int32Array): string {
  const exact = new Match();
  const type = key[KEY_TYPE_VLAN]! >>> 16;
  const proto = key[KEY_NW]! >>> 24;
  const isIp = [0x0800, 0x86dd].includes(type);
  exact.mask.fill(-1, 1, KEY_L2_WORDS);
  if (isIp || [0x0806, 0x8035].includes(type)) exact.mask.fill(-1, KEY_L2_WORDS, KEY_WORDS);
  // The bits of word KEY_NW that are no field.
  exact.mask[KEY_NW]! &= ~0xfc;
  const hasPorts = isIp && [1, 2, 6, 17, 58, 132].includes(proto) && !(key[KEY_NW]! & NW_FRAG_LATER);
  if (!hasPorts) exact.mask[KEY_TP] = 0;
  for (const [i, word] of key.entries()) exact.value[i] = word & exact.mask[i]!;
  return formatMatch(exact);
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
      `tcp,vlan_tci=0x0000,${L2},nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=80,tp_dst=40000`,
    ],
    [
      'UDP over IPv6 in a VLAN',
      ethernet({
        ...MACS,
        vlans: [{ id: 100, priority: 5 }],
        ...udp(V6, { sourcePort: 5, destinationPort: 6 }),
      }),
      `udp6,dl_vlan=100,dl_vlan_pcp=5,${L2},ipv6_src=2001:db8::1,ipv6_dst=fe80::2,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=5,tp_dst=6`,
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

  test('a key that stops early has the same words as the whole one', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const whole = keyOf(frame);
        expect(keyOf(frame, 0, KEY_L4_WORDS)).toEqual(whole.slice(0, KEY_L4_WORDS));
        const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
        expect(extractTypeVlan(view, 0, frame.length)).toBe(whole[KEY_TYPE_VLAN]);
      }),
    );
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
  test('the same fields from random frames', () => {
    // Open vSwitch reads two tags here; a switch with its default settings, as this one, reads one.
    const oneTag = (frame: Uint8Array) => {
      const inner = (frame[16]! << 8) | frame[17]!;
      return inner !== 0x8100 && inner !== 0x88a8;
    };
    const frames = fc.sample(anyFrame, { numRuns: 4000, seed: 42 }).filter(oneTag);
    const directory = mkdtempSync(join(tmpdir(), 'extract-'));
    try {
      const file = join(directory, 'frames.pcap');
      writeFileSync(file, pcap(frames));
      const lines = execFileSync('ovs-ofctl', ['parse-pcap', file], { encoding: 'utf8' }).trim().split('\n');
      expect(lines.length).toBe(frames.length);
      const unknown = /,?(in_port=ANY|vlan_tci1=|tcp_flags=|ipv6_label=|nd_|igmp|mpls|nsh)[^,]*/g;
      for (const [i, line] of lines.entries()) {
        const theirs = line.replace(unknown, '').replace(/^,/, '');
        const frame = Buffer.from(frames[i]!).toString('hex');
        expect({ frame, key: describeKey(keyOf(frames[i]!)) }).toEqual({ frame, key: theirs });
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
