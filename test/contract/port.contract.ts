// What: the contract suite: what every port type promises (src/datapath/port/port.ts), said once. Why: the datapath
// forwards between ports without knowing what they are. Who: port.contract.test.ts runs it over each type;
// device.contract.ts adds what holds for kernel devices only.

import { describe, expect, it, onTestFinished } from 'vitest';
import { DROP, type DropReason } from '../../src/datapath/drop.ts';
import { BURST, OFFLOAD_ALL, OFFLOAD_CSUM, OFFLOAD_USO } from '../../src/datapath/port/batch.ts';
import { DROPS, TX_BYTES, TX_PACKETS } from '../../src/datapath/port/counters.ts';
import type { Port, PortOptions } from '../../src/datapath/port/port.ts';
import {
  buildSuperFrame,
  hex,
  parseSegment,
  patternPayload,
  type SuperFrameSpec,
} from '../datapath/port/super-frame.ts';
import { awaitLink, collect, type PortKind, type PortWorld } from './port-world.ts';
import { fillRow, offloadBits, plain, readRow, type WireFrame } from './wire-frame.ts';

/** Ethernet header with the EtherType for local experiments (IEEE 802). */
const HEADER = hex('020000000002 020000000001 88b5');
const TAG_8021Q = hex('020000000002 020000000001 8100 e064 88b5');
const TAG_8021AD = hex('020000000002 020000000001 88a8 0014 88b5');
const TAG_PRIORITY = hex('020000000002 020000000001 8100 e000 88b5');
const TAG_QINQ = hex('020000000002 020000000001 88a8 0014 8100 001e 88b5');

/** Offloads that ask for different things of a port, each also behind a VLAN tag. */
const OFFLOAD_SPECS: [string, SuperFrameSpec][] = [
  ['TCP over IPv4 with a partial checksum', { payload: patternPayload(1000), gsoSize: 0 }],
  [
    'UDP over IPv6 with a partial checksum',
    { ipv6: true, udp: true, payload: patternPayload(999), gsoSize: 0 },
  ],
  ['TSO4', { payload: patternPayload(40_000), gsoSize: 1448 }],
  ['TSO6', { ipv6: true, payload: patternPayload(40_001), gsoSize: 1428 }],
  ['USO over IPv4', { udp: true, payload: patternPayload(20_000), gsoSize: 1400 }],
  ['USO over IPv6', { ipv6: true, udp: true, payload: patternPayload(20_000), gsoSize: 1400 }],
];

const ANY_SPEC = OFFLOAD_SPECS.flatMap(([name, spec]): [string, SuperFrameSpec][] => [
  [name, spec],
  [`${name}, 802.1Q`, { ...spec, vlans: [[0x8100, 0x2064]] }],
]);

/** A frame of `length` bytes behind `header`, different from the others by `seed`. */
function frameOf(length: number, seed: number, header = HEADER): Uint8Array {
  const frame = new Uint8Array(length);
  frame.set(header.subarray(0, length));
  if (length > header.length) frame.set(patternPayload(length - header.length, seed), header.length);
  return frame;
}

/** Sends `frames` through the port in bursts and holds that no byte of the batch changed by it. */
export function sendAll(world: PortWorld, frames: readonly WireFrame[]): void {
  for (let from = 0; from < frames.length; from += BURST) {
    const burst = frames.slice(from, from + BURST);
    burst.forEach((frame, row) => {
      fillRow(world.batch, row, frame);
    });
    world.port.send(world.batch, Int32Array.from(burst.keys()), burst.length);
    expectSameFrames(
      burst.map((_, row) => readRow(world.batch, row)),
      burst,
    );
  }
}

export function drops(port: Port, reason: DropReason): number {
  return port.counters[DROPS + DROP[reason]]!;
}

/** Frames that send() has taken, sent or dropped. */
function outcomes(port: Port): number {
  return port.counters.subarray(DROPS).reduce((sum, n) => sum + n, port.counters[TX_PACKETS]!);
}

/** Compares as hex, so that a difference is readable. */
export function expectSameFrames(actual: readonly WireFrame[], wanted: readonly WireFrame[]): void {
  const text = (frames: readonly WireFrame[]) =>
    frames.map(({ frame }) => Buffer.from(frame).toString('hex'));
  expect(text(actual)).toEqual(text(wanted));
}

/** Runs the suite over one port type. */
export function describePortContract(kind: PortKind): void {
  /** A port that is closed when the test ends, however it ends. */
  function open(options?: Omit<PortOptions, 'type'>): PortWorld {
    const world = kind.open(options);
    onTestFinished(() => world.close());
    return world;
  }

  describe(`${kind.type} port`, () => {
    it('is attached and up once it is open, and says so', () => {
      const { port } = open();
      expect(port.type).toBe(kind.type);
      expect(port.link).toMatchObject({ attached: true, adminUp: true, up: true, mtu: 1500, error: '' });
    });

    it('receives nothing when nothing came', () => {
      const { port, batch } = open();
      batch.count = 7;
      expect(port.receive(batch)).toBe(0);
      expect(batch.count).toBe(0);
    });

    it('stands in the ready list when frames have come', () => {
      const world = open();
      expect(world.port.receive(world.batch)).toBe(0);
      world.ready.remove(world.port);
      world.wait();
      expect(world.ready.ports).toEqual([]);
      world.put([plain(frameOf(60, 1))]);
      for (let i = 0; i < 5 && !world.port.ready; i++) world.wait();
      expect(world.ready.ports).toEqual([world.port]);
    });

    it('receives frames byte by byte as they were, in order', () => {
      const world = open();
      const frames = [14, 15, 59, 60, 61, 64, 127, 600, 1513, 1514].map((n, i) => plain(frameOf(n, i)));
      world.put(frames);
      const received = collect(world.port, world.batch, world.wait, frames.length);
      expectSameFrames(received, frames);
      expect(received.map(({ vnetHeader }) => offloadBits(vnetHeader))).toEqual(frames.map(() => 0));
    });

    it('receives at most a burst at a time, with room around each frame', () => {
      const world = open();
      const frames = Array.from({ length: BURST * 2 + 10 }, (_, i) => plain(frameOf(64 + i, i)));
      world.put(frames);
      const received: WireFrame[] = [];
      const sizes: number[] = [];
      for (let idle = 0; received.length < frames.length && idle < 5; ) {
        const count = world.port.receive(world.batch);
        expect(world.batch.count).toBe(count);
        expect(count).toBeLessThanOrEqual(BURST);
        for (let row = 0; row < count; row++) {
          // Multiples of 4 plus 2: the IP header behind an untagged Ethernet header is aligned.
          expect(world.batch.offset[row]! % 4).toBe(2);
          received.push(readRow(world.batch, row));
        }
        if (count > 0) sizes.push(count);
        else idle++;
        if (count === 0) world.wait();
      }
      expectSameFrames(received, frames);
      expect(sizes[0]).toBe(BURST);
    });

    it('sends frames byte by byte, in order, and leaves them as they are', () => {
      const world = open();
      const frames = Array.from({ length: BURST + 20 }, (_, i) => plain(frameOf(14 + i * 15, i)));
      sendAll(world, frames);
      expectSameFrames(world.take(frames.length), frames);
      expect(world.port.counters[TX_PACKETS]).toBe(frames.length);
      expect(world.port.counters[TX_BYTES]).toBe(frames.reduce((sum, { frame }) => sum + frame.length, 0));
      expect(outcomes(world.port)).toBe(frames.length);
    });

    it('keeps VLAN tags in their place in both directions', () => {
      const world = open();
      const headers = [TAG_8021Q, TAG_8021AD, TAG_PRIORITY, TAG_QINQ];
      const frames = headers.map((header, i) => plain(frameOf(200, i, header)));
      world.put(frames);
      expectSameFrames(collect(world.port, world.batch, world.wait, frames.length), frames);
      sendAll(world, frames);
      expectSameFrames(world.take(frames.length), frames);
    });

    it.each(ANY_SPEC)('receives %s as it was sent, with the offload bits that say so', (_, spec) => {
      const world = open();
      const built = buildSuperFrame(spec);
      world.put([built]);
      const [received] = collect(world.port, world.batch, world.wait, 1);
      expectSameFrames([received!], [built]);
      expectSameOffload(received!, built);
      expect(world.batch.offload[0]).toBe(offloadBits(built.vnetHeader));
    });

    it.each(ANY_SPEC)('passes %s on as it is when it can', (_, spec) => {
      const world = open();
      const built = buildSuperFrame(spec);
      expect(world.port.offloads & OFFLOAD_ALL).toBe(OFFLOAD_ALL);
      sendAll(world, [built]);
      const [sent] = world.take(1);
      expectSameFrames([sent!], [built]);
      expectSameOffload(sent!, built);
      expect(world.port.counters[TX_PACKETS]).toBe(1);
    });

    it.each(ANY_SPEC)('finishes %s in software when it carries no offload', (_, spec) => {
      const world = open({ offloads: 0 });
      expect(world.port.offloads).toBe(0);
      const built = buildSuperFrame(spec);
      sendAll(world, [built]);
      const count = spec.gsoSize === 0 ? 1 : Math.ceil(spec.payload.length / spec.gsoSize);
      const sent = world.take(count);
      expect(sent.map(({ vnetHeader }) => offloadBits(vnetHeader))).toEqual(sent.map(() => 0));
      expectStream(sent, spec);
      expect(sent.length).toBe(count);
      expect(world.port.counters[TX_PACKETS]).toBe(1);
      expect(world.port.counters[TX_BYTES]).toBe(built.frame.length);
    });

    it('finishes only what it does not carry: USO is cut, its checksum stays open', () => {
      const world = open({ offloads: OFFLOAD_ALL & ~OFFLOAD_USO });
      const spec: SuperFrameSpec = { udp: true, payload: patternPayload(5000), gsoSize: 1000 };
      sendAll(world, [buildSuperFrame(spec)]);
      const sent = world.take(5);
      expect(sent.map(({ vnetHeader }) => offloadBits(vnetHeader))).toEqual(sent.map(() => OFFLOAD_CSUM));
      expect(sent.length).toBe(5);
    });

    it('keeps the order of frames that it passes on and frames that it finishes', () => {
      const world = open({ offloads: 0 });
      const small = plain(frameOf(100, 1));
      const large = buildSuperFrame({ payload: patternPayload(2500), gsoSize: 1000 });
      sendAll(world, [small, large, small, large, small]);
      const lengths = world.take(9).map(({ frame }) => frame.length);
      expect(lengths).toEqual([100, 1054, 1054, 554, 100, 1054, 1054, 554, 100]);
      expect(world.port.counters[TX_PACKETS]).toBe(5);
    });

    it('counts a super-frame that cannot be cut as one drop', () => {
      const world = open({ offloads: 0 });
      const broken = buildSuperFrame({ payload: patternPayload(2500), gsoSize: 1000 });
      broken.frame[14] = 0x65;
      sendAll(world, [broken, plain(frameOf(60, 1))]);
      expect(world.take(1)[0]!.frame.length).toBe(60);
      expect(drops(world.port, 'tx-not-segmentable')).toBe(1);
      expect(outcomes(world.port)).toBe(2);
    });

    it('counts runts, giants and nonsense once each and goes on', () => {
      const world = open();
      const giant = plain(frameOf(1600, 1));
      const nonsense = { frame: frameOf(60, 2), vnetHeader: new Uint8Array(10).fill(0xff) };
      const good = plain(frameOf(80, 3));
      const bad = [plain(frameOf(0, 0)), plain(frameOf(13, 0)), giant, nonsense];
      sendAll(world, [...bad, good]);
      const wire = world.take(bad.length + 1);
      expect(wire.at(-1)!.frame.length).toBe(80);
      expect(outcomes(world.port)).toBe(bad.length + 1);
      expect(world.port.counters[TX_PACKETS]).toBe(wire.length);
      if (kind.limitsLength) expect(drops(world.port, 'tx-too-long')).toBe(1);
      else expect(wire.some(({ frame }) => frame.length === 1600)).toBe(true);
    });

    it.runIf(kind.carriesRunts)('receives runts and giants without harm', () => {
      const world = open();
      const frames = [0, 1, 13, 70_000, 60].map((n, i) => plain(frameOf(n, i)));
      world.put(frames);
      const received = collect(world.port, world.batch, world.wait, frames.length);
      expect(received.map(({ frame }) => frame.length)).toEqual([0, 1, 13, 60]);
      expect(drops(world.port, 'rx-too-long')).toBe(1);
    });

    it('drops what is sent while the link is down, and works again when it is up', () => {
      const world = open();
      const frame = plain(frameOf(100, 1));
      const changes = world.linkChanges();
      world.setUp(false);
      expect(awaitLink(world, { up: false })).toMatchObject({ attached: true, adminUp: false, up: false });
      const changesDown = world.linkChanges();
      expect(changesDown).toBeGreaterThan(changes);
      sendAll(world, [frame, frame]);
      expect(drops(world.port, 'tx-link-down')).toBe(2);
      expect(world.port.receive(world.batch)).toBe(0);
      world.setUp(true);
      expect(awaitLink(world, { up: true })).toMatchObject({ attached: true, adminUp: true, up: true });
      expect(world.linkChanges()).toBeGreaterThan(changesDown);
      sendAll(world, [frame]);
      expectSameFrames(world.take(1), [frame]);
      world.put([frame]);
      expectSameFrames(collect(world.port, world.batch, world.wait, 1), [frame]);
      expect(outcomes(world.port)).toBe(3);
    });

    it('is quiet after close, and closing again does nothing', () => {
      const world = open();
      world.port.close();
      world.port.close();
      expect(world.port.link).toMatchObject({ attached: false, up: false });
      expect(world.port.receive(world.batch)).toBe(0);
      sendAll(world, [plain(frameOf(60, 1))]);
      expect(drops(world.port, 'tx-link-down')).toBe(1);
      world.port.refreshCounters();
    });
  });
}

/** The vnet headers mean the same. hdr_len is a hint that kernels fill in as they like. */
function expectSameOffload(actual: WireFrame, wanted: WireFrame): void {
  const meaning = ({ vnetHeader }: WireFrame) => {
    const view = new DataView(vnetHeader.buffer, vnetHeader.byteOffset);
    return {
      offload: offloadBits(vnetHeader),
      gsoSize: view.getUint16(4, true),
      checksumStart: view.getUint16(6, true),
      checksumOffset: view.getUint16(8, true),
    };
  };
  expect(meaning(actual)).toEqual(meaning(wanted));
}

/** The frames carry the payload of `spec`, with lengths and checksums that hold. */
function expectStream(sent: readonly WireFrame[], spec: SuperFrameSpec): void {
  const built = buildSuperFrame(spec);
  const segments = sent.map(({ frame }) => parseSegment(frame, spec, built));
  const good = { lengthsAgree: true, ipChecksumGood: true, l4ChecksumGood: true };
  for (const segment of segments) expect(segment).toMatchObject(good);
  expect(Buffer.compare(Buffer.concat(segments.map(({ payload }) => payload)), spec.payload)).toBe(0);
}
