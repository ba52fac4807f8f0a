// What: TCP super-frames inside 802.1Q tags, from one port to another. Why: the kernel hands the tag over beside the
// frame, and the offload header counts from the start of the frame: whoever forgets either sends garbage that only
// tagged bulk traffic shows. Frames are raw, because a kernel may lack VLAN devices.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { checksum, ethernet, hex, ipBytes, type VlanTag } from '../support/frames.ts';
import type { Offloads } from '../support/netns.ts';
import { Capture, type OffloadedFrame, sendFrames } from '../support/packets.ts';
import { type Host, SwitchLab } from '../support/switch-lab.ts';

const MAC_A = '02:00:00:00:00:0a';
const MAC_B = '02:00:00:00:00:0b';
const SEGMENT_BYTES = 1_400;
const FIRST_SEQUENCE = 1_000;
const PAYLOAD = Uint8Array.from({ length: 41_003 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
const TAGS: [string, VlanTag[]][] = [
  ['no tag', []],
  ['one tag', [{ id: 10, priority: 5 }]],
  ['a tag of priority only', [{ id: 0, priority: 7 }]],
  ['two tags', [{ id: 20, tpid: 0x88a8 }, { id: 30 }]],
];

/** A TCP super-frame as a kernel hands it over: the checksum holds the pseudo header only. */
function superFrame(vlans: VlanTag[]): Required<OffloadedFrame> {
  const tcpLength = 20 + PAYLOAD.length;
  const ipHeader = new Uint8Array(20);
  const ip = new DataView(ipHeader.buffer);
  ipHeader.set(hex('45 00 0000 0001 4000 40 06 0000')); // version ... TTL 64, TCP
  ip.setUint16(2, 20 + tcpLength);
  ipHeader.set(ipBytes('10.0.0.1'), 12);
  ipHeader.set(ipBytes('10.0.0.2'), 16);
  ip.setUint16(10, checksum(ipHeader));
  const tcp = new Uint8Array(tcpLength);
  const view = new DataView(tcp.buffer);
  view.setUint16(0, 40_000);
  view.setUint16(2, 5_001);
  view.setUint32(4, FIRST_SEQUENCE);
  tcp.set(hex('50 10 ffff'), 12); // 20 bytes, ACK, window
  view.setUint16(16, 0xffff - checksum(pseudoHeader(ipHeader, tcpLength)));
  tcp.set(PAYLOAD, 20);
  const payload = new Uint8Array([...ipHeader, ...tcp]);
  const frame = ethernet({ destination: MAC_B, source: MAC_A, vlans, type: 0x0800, payload });
  const ipStart = 14 + vlans.length * 4;
  const header = new DataView(new ArrayBuffer(10));
  header.setUint8(0, 1); // NEEDS_CSUM
  header.setUint8(1, 1); // TCP over IPv4
  header.setUint16(2, ipStart + 40, true);
  header.setUint16(4, SEGMENT_BYTES, true);
  header.setUint16(6, ipStart + 20, true);
  header.setUint16(8, 16, true);
  return { frame, vnetHeader: new Uint8Array(header.buffer) };
}

function pseudoHeader(ipHeader: Uint8Array, tcpLength: number): Uint8Array {
  return new Uint8Array([...ipHeader.subarray(12, 20), 0, 6, tcpLength >> 8, tcpLength & 0xff]);
}

/** Puts together what a receiver would, after it checked each frame. Frames may be whole or still super-frames. */
function reassemble(frames: Required<OffloadedFrame>[], vlans: VlanTag[]): Uint8Array {
  const ethernetHeader = ethernet({ destination: MAC_B, source: MAC_A, vlans, type: 0x0800 });
  const ipStart = ethernetHeader.length;
  const whole = new Uint8Array(PAYLOAD.length);
  for (const { frame, vnetHeader } of frames) {
    const view = new DataView(frame.buffer);
    expect(frame.subarray(0, ipStart)).toEqual(ethernetHeader);
    const ipHeader = frame.subarray(ipStart, ipStart + 20);
    expect(checksum(ipHeader)).toBe(0);
    const ipLength = view.getUint16(ipStart + 2);
    const segment = frame.subarray(ipStart + 20, ipStart + ipLength);
    const needsChecksum = (vnetHeader[0]! & 1) !== 0;
    if (needsChecksum) {
      const offsets = new DataView(vnetHeader.buffer);
      expect([offsets.getUint16(6, true), offsets.getUint16(8, true)]).toEqual([ipStart + 20, 16]);
      expect(view.getUint16(ipStart + 36)).toBe(0xffff - checksum(pseudoHeader(ipHeader, segment.length)));
    } else {
      expect(checksum(pseudoHeader(ipHeader, segment.length), segment)).toBe(0);
      expect(segment.length).toBeLessThanOrEqual(20 + SEGMENT_BYTES);
    }
    whole.set(segment.subarray(20), view.getUint32(ipStart + 24) - FIRST_SEQUENCE);
  }
  return whole;
}

describeWith(['root', 'netns', 'tap', 'ethtool', 'g++'], 'TCP super-frames in VLAN tags', () => {
  let world: SwitchLab;
  let source: Host;
  beforeAll(async () => {
    world = await SwitchLab.create();
    source = await world.addHost('a', 'veth', { mac: MAC_A });
  });
  afterAll(() => world?.dispose());

  const receivers: [string, 'veth' | 'tap', Offloads][] = [
    ['veth', 'veth', 'on'],
    ['veth without offloads', 'veth', 'off'],
    ['tap', 'tap', 'on'],
  ];
  for (const [index, [title, attachment, offloads]] of receivers.entries()) {
    test(`from veth to ${title}`, async () => {
      const host = await world.addHost(`b${index}`, attachment, { mac: MAC_B });
      host.setOffloads(offloads);
      if (attachment === 'veth') world.namespace.setOffloads(host.port, offloads);
      for (const [kind, vlans] of TAGS) {
        const capture = await Capture.start(host.namespace, host.device, { timeoutMs: 10_000 });
        const end = ethernet({
          destination: MAC_B,
          source: MAC_A,
          type: 0x88b5,
          payload: new Uint8Array(46),
        });
        await sendFrames(source.namespace, 'eth0', [superFrame(vlans), end]);
        // Frames keep their order, so nothing of the super-frame comes after the last one.
        await capture.waitForFrame(end);
        const frames = await capture.stop();
        const segments = frames.slice(0, -1);
        expect(segments.length, kind).toBeGreaterThan(0);
        expect(reassemble(segments, vlans), kind).toEqual(PAYLOAD);
      }
      await world.switch.cli('del-port', host.port);
    });
  }
});
