// What: the Finisher: segments put together again give the frame, checksums hold, counters count once, and no
// header, however wrong, makes it throw or write outside of its scratch.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DROP, type DropReason } from '../../../src/datapath/drop.ts';
import {
  BURST,
  FrameBatch,
  HEADROOM,
  OFFLOAD_ALL,
  OFFLOAD_CSUM,
  OFFLOAD_TSO4,
  SLOT_LENGTH,
  VNET_HDR_LENGTH,
} from '../../../src/datapath/port/batch.ts';
import { DROPS, newPortCounters, TX_BYTES, TX_PACKETS } from '../../../src/datapath/port/counters.ts';
import {
  FINISHING_ARENA_LENGTH,
  FINISHING_ROWS,
  Finisher,
  type RawSender,
  TAKEN,
  TRANSMIT_MAX,
} from '../../../src/datapath/port/segment.ts';
import { fillRow } from '../../contract/wire-frame.ts';
import { anySuperFrameSpec } from './arbitrary.ts';
import { buildSuperFrame, hex, parseSegment, patternPayload, type SuperFrameSpec } from './super-frame.ts';

interface Transmitted {
  frame: Uint8Array;
  vnetHeader: Uint8Array;
  offload: number;
  alignment: number;
}

/** A batch with its Finisher, and a port that keeps what it is given. */
class Bench implements RawSender {
  readonly batch = new FrameBatch(new ArrayBuffer(FINISHING_ARENA_LENGTH), FINISHING_ROWS);
  readonly finisher = new Finisher(this.batch);
  readonly counters = newPortCounters();
  readonly sent: Transmitted[] = [];
  readonly calls: number[] = [];
  offloads = 0;
  /** The answer for each frame, asked in order; TAKEN when it is undefined. */
  answer: (frameNumber: number) => number = () => TAKEN;
  private asked = 0;

  put(row: number, frame: Uint8Array, vnetHeader: Uint8Array = new Uint8Array(VNET_HDR_LENGTH)): void {
    fillRow(this.batch, row, { frame, vnetHeader });
  }

  transmit(batch: FrameBatch, rows: Int32Array, count: number, status: Int32Array): number {
    if (count < 1 || count > TRANSMIT_MAX) throw new Error(`transmit of ${count} frames`);
    this.calls.push(count);
    let taken = 0;
    for (let i = 0; i < count; i++) {
      const row = rows[i]!;
      const offset = batch.offset[row]!;
      status[i] = this.answer(this.asked++);
      if (status[i] !== TAKEN) continue;
      taken++;
      this.sent.push({
        frame: batch.bytes.slice(offset, offset + batch.length[row]!),
        vnetHeader: batch.bytes.slice(offset - VNET_HDR_LENGTH, offset),
        offload: batch.offload[row]!,
        alignment: offset % 4,
      });
    }
    return taken;
  }

  send(...rows: number[]): Transmitted[] {
    this.sent.length = 0;
    this.finisher.send(this, Int32Array.from(rows), rows.length);
    return this.sent;
  }

  drops(reason: DropReason): number {
    return this.counters[DROPS + DROP[reason]]!;
  }

  /** Sum over all tx outcomes: what send() was given. */
  outcomes(): number {
    return this.counters[TX_PACKETS]! + this.counters.subarray(DROPS).reduce((sum, n) => sum + n, 0);
  }
}

/** Holds segments with finished checksums against the frame that they were cut from. */
function expectSegmentsOf(spec: SuperFrameSpec, sent: Transmitted[]): void {
  const built = buildSuperFrame(spec);
  const segments = sent.map(({ frame }) => parseSegment(frame, spec, built));
  expect(Buffer.compare(Buffer.concat(segments.map((s) => s.payload)), spec.payload)).toBe(0);
  expect(sent.length).toBe(Math.ceil(spec.payload.length / spec.gsoSize));
  const ethernet = built.frame.subarray(0, built.l3);
  // One expectation for all segments: there may be thousands.
  const wrong = segments.flatMap((segment, i) => {
    let tcpFlags = spec.tcpFlags! & (i > 0 ? 0x7f : 0xff);
    if (i < segments.length - 1) tcpFlags &= ~0x09;
    const good =
      sent[i]!.alignment === 2 &&
      segment.payload.length <= spec.gsoSize &&
      Buffer.compare(sent[i]!.frame.subarray(0, built.l3), ethernet) === 0 &&
      segment.lengthsAgree &&
      segment.ipChecksumGood &&
      segment.l4ChecksumGood &&
      (spec.ipv6 || segment.identification === ((spec.identification! + i) & 0xffff)) &&
      (spec.udp || segment.sequence === (spec.sequence! + i * spec.gsoSize) >>> 0) &&
      (spec.udp || segment.tcpFlags === tcpFlags);
    return good ? [] : [{ index: i, ...segment }];
  });
  expect(wrong).toEqual([]);
}

describe('super-frames', () => {
  it('come out as segments that make up the same stream, each of them whole', () => {
    const bench = new Bench();
    fc.assert(
      fc.property(anySuperFrameSpec, (spec) => {
        const { frame, vnetHeader } = buildSuperFrame(spec);
        bench.put(3, frame, vnetHeader);
        const sent = bench.send(3);
        expect(sent.filter(({ vnetHeader: out, offload }) => offload !== 0 || out.some(Boolean))).toEqual([]);
        expectSegmentsOf(spec, sent);
        expect(
          Buffer.compare(
            bench.batch.bytes.subarray(3 * SLOT_LENGTH + HEADROOM).subarray(0, frame.length),
            frame,
          ),
        ).toBe(0);
      }),
      { numRuns: 150 },
    );
    expect(bench.outcomes()).toBe(bench.counters[TX_PACKETS]);
  });

  it('leave the transport checksum to a port that computes it', () => {
    const bench = new Bench();
    bench.offloads = OFFLOAD_CSUM;
    fc.assert(
      fc.property(anySuperFrameSpec, (spec) => {
        const built = buildSuperFrame(spec);
        bench.put(0, built.frame, built.vnetHeader);
        const partial = bench.send(0).map((segment) => ({ ...segment }));
        expect(partial.filter(({ offload }) => offload !== OFFLOAD_CSUM)).toEqual([]);
        // A port without the offload finishes what the first one left open.
        const finished = new Bench();
        const whole = partial.flatMap(({ frame, vnetHeader }) => {
          finished.put(0, frame, vnetHeader);
          return [...finished.send(0)];
        });
        expectSegmentsOf(spec, whole);
      }),
      { numRuns: 40 },
    );
  });

  it('pass whole to a port that carries them', () => {
    const bench = new Bench();
    bench.offloads = OFFLOAD_ALL;
    const { frame, vnetHeader } = buildSuperFrame({ payload: patternPayload(20_000), gsoSize: 1448 });
    bench.put(0, frame, vnetHeader);
    const [sent] = bench.send(0);
    expect(sent).toEqual({ frame, vnetHeader, offload: OFFLOAD_CSUM | OFFLOAD_TSO4, alignment: 2 });
    expect(bench.counters[TX_BYTES]).toBe(frame.length);
  });

  it('are cut when only the checksum is missing: segmentation without it is no use', () => {
    const bench = new Bench();
    bench.offloads = OFFLOAD_TSO4;
    const spec = {
      payload: patternPayload(3000),
      gsoSize: 1000,
      sequence: 5,
      identification: 9,
      tcpFlags: 0x18,
    };
    const { frame, vnetHeader } = buildSuperFrame(spec);
    bench.put(0, frame, vnetHeader);
    expectSegmentsOf(spec, bench.send(0));
  });

  it('with 8-byte segments go out in chunks, in order', () => {
    const bench = new Bench();
    const spec = {
      payload: patternPayload(60_000),
      gsoSize: 8,
      sequence: 0xffff_fff0,
      identification: 0xfff0,
      tcpFlags: 0x99,
    };
    const { frame, vnetHeader } = buildSuperFrame(spec);
    bench.put(0, frame, vnetHeader);
    expectSegmentsOf(spec, bench.send(0));
    expect(bench.calls.length).toBeGreaterThan(50);
    expect(bench.counters[TX_PACKETS]).toBe(1);
    expect(bench.counters[TX_BYTES]).toBe(frame.length);
  });

  it('of 64 KiB in segments of 536 bytes fit in one chunk', () => {
    const bench = new Bench();
    const { frame, vnetHeader } = buildSuperFrame({ payload: patternPayload(65_000), gsoSize: 536 });
    bench.put(0, frame, vnetHeader);
    bench.send(0);
    expect(bench.calls).toEqual([Math.ceil(65_000 / 536)]);
  });

  it('without payload or with one segment of it leave as one frame with FIN, PSH and CWR', () => {
    const bench = new Bench();
    for (const length of [0, 1, 100]) {
      const spec = {
        payload: patternPayload(length),
        gsoSize: 100,
        tcpFlags: 0x99,
        sequence: 1,
        identification: 1,
      };
      const built = buildSuperFrame(spec);
      bench.put(0, built.frame, built.vnetHeader);
      const sent = bench.send(0);
      expect(sent.length).toBe(1);
      const segment = parseSegment(sent[0]!.frame, spec, built);
      expect(segment).toMatchObject({ tcpFlags: 0x99, l4ChecksumGood: true, lengthsAgree: true });
    }
  });

  it('with ECN (gso_type 0x80) are cut like others, CWR on the first only', () => {
    const bench = new Bench();
    const spec = {
      payload: patternPayload(300),
      gsoSize: 100,
      tcpFlags: 0x90,
      sequence: 1,
      identification: 1,
    };
    const { frame, vnetHeader } = buildSuperFrame(spec);
    vnetHeader[1]! |= 0x80;
    bench.put(0, frame, vnetHeader);
    expectSegmentsOf(spec, bench.send(0));
  });

  it('with trailing padding end where IP says', () => {
    const bench = new Bench();
    const spec = {
      payload: patternPayload(250),
      gsoSize: 100,
      tcpFlags: 0x10,
      sequence: 1,
      identification: 1,
    };
    const { frame, vnetHeader } = buildSuperFrame(spec);
    bench.put(0, Uint8Array.from([...frame, 1, 2, 3]), vnetHeader);
    expectSegmentsOf(spec, bench.send(0));
  });

  it('of UDP whose checksum comes out as 0 carry 0xffff instead', () => {
    const bench = new Bench();
    const spec = { udp: true, payload: new Uint8Array(4), gsoSize: 2, identification: 1 };
    const first = buildSuperFrame(spec);
    bench.put(0, first.frame, first.vnetHeader);
    const { frame } = bench.send(0)[0]!;
    const open = (frame[first.l4 + 6]! << 8) | frame[first.l4 + 7]!;
    // With its own checksum as payload, the segment sums up to all ones.
    spec.payload.set([open >> 8, open & 255], 0);
    const second = buildSuperFrame(spec);
    bench.put(0, second.frame, second.vnetHeader);
    const sent = bench.send(0);
    expect([...sent[0]!.frame.subarray(first.l4 + 6, first.l4 + 8)]).toEqual([0xff, 0xff]);
    expect(parseSegment(sent[0]!.frame, spec, second).l4ChecksumGood).toBe(true);
  });
});

describe('partial checksums', () => {
  it('are completed in a copy; the frame itself stays as it was for the next port', () => {
    const bench = new Bench();
    fc.assert(
      fc.property(anySuperFrameSpec, (any) => {
        const spec = { ...any, gsoSize: 0 };
        const built = buildSuperFrame(spec);
        bench.put(1, built.frame, built.vnetHeader);
        const before = bench.batch.bytes.slice(0, BURST * SLOT_LENGTH);
        const sent = bench.send(1);
        expect(sent.length).toBe(1);
        expect(sent[0]).toMatchObject({ offload: 0, vnetHeader: new Uint8Array(VNET_HDR_LENGTH) });
        const whole = parseSegment(sent[0]!.frame, spec, built);
        expect(whole).toMatchObject({ l4ChecksumGood: true, lengthsAgree: true });
        expect(Buffer.compare(whole.payload, spec.payload)).toBe(0);
        expect(Buffer.compare(before, bench.batch.bytes.subarray(0, BURST * SLOT_LENGTH))).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('are zero in the vnet header of the copy, also where a segment was before', () => {
    const bench = new Bench();
    const large = buildSuperFrame({ payload: patternPayload(250), gsoSize: 100 });
    bench.put(0, large.frame, large.vnetHeader);
    bench.offloads = OFFLOAD_CSUM;
    expect(bench.send(0)[0]!.vnetHeader[0]).toBe(1);
    const partial = buildSuperFrame({ payload: patternPayload(250), gsoSize: 0 });
    bench.put(0, partial.frame, partial.vnetHeader);
    bench.offloads = 0;
    expect(bench.send(0)[0]!.vnetHeader).toEqual(new Uint8Array(VNET_HDR_LENGTH));
  });

  it('that come out as 0 are written as 0xffff', () => {
    const bench = new Bench();
    // 14 bytes of Ethernet, then the word that makes the sum all ones, and the field.
    bench.put(0, hex('020000000002 020000000001 9999 fffe 0001'), hex('01 00 0000 0000 0e00 0200'));
    expect([...bench.send(0)[0]!.frame.subarray(14)]).toEqual([...hex('fffe ffff')]);
  });

  it('of a transport that the switch does not know are completed by position alone', () => {
    const bench = new Bench();
    // 14 bytes of Ethernet with an unknown type, 6 bytes, the field at 18.
    const vnetHeader = hex('01 00 0000 0000 0e00 0400');
    bench.put(0, hex('020000000002 020000000001 9999 0001 0002 0010 0004'), vnetHeader);
    // 0001 + 0002 + 0010 + 0004 = 0017
    const { frame } = bench.send(0)[0]!;
    expect([...frame.subarray(14)]).toEqual([...hex('0001 0002 ffe8 0004')]);
  });

  it('that would lie outside of the frame are dropped', () => {
    const bench = new Bench();
    const frame = hex('020000000002 020000000001 0800 0001 0002');
    const headers = ['0d00 0200', '0e00 0300', '1200 0000', 'ffff ffff', '0e00 fff2', '0000 0000'];
    headers.forEach((positions, i) => {
      bench.put(0, frame, hex(`01 00 0000 0000 ${positions}`));
      expect(bench.send(0)).toEqual([]);
      expect(bench.drops('tx-not-segmentable')).toBe(i + 1);
    });
  });
});

describe('what cannot be cut', () => {
  const spec = { payload: patternPayload(3000), gsoSize: 1000 };
  const six = { ...spec, ipv6: true, extensions: 2 };

  /** Sends a frame with one change to frame or vnet header and expects a drop. */
  function expectDropped(
    base: SuperFrameSpec,
    change: (frame: DataView, vnet: DataView) => void,
    length?: number,
  ): void {
    const bench = new Bench();
    const { frame, vnetHeader } = buildSuperFrame(base);
    change(new DataView(frame.buffer), new DataView(vnetHeader.buffer));
    bench.put(0, frame.subarray(0, length), vnetHeader);
    expect(bench.send(0)).toEqual([]);
    expect(bench.drops('tx-not-segmentable')).toBe(1);
    expect(bench.outcomes()).toBe(1);
  }

  it('is dropped by reason and never sent', () => {
    const nothing = () => {};
    expectDropped(spec, (_, vnet) => vnet.setUint16(4, 0)); // gso_size 0
    expectDropped({ ...spec, gsoSize: 1, payload: patternPayload(8193) }, nothing); // more than 8192 segments
    expectDropped(spec, (_, vnet) => vnet.setUint16(6, 35, true)); // csum_start beside the TCP header
    expectDropped(spec, (_, vnet) => vnet.setUint16(8, 6, true)); // csum_offset of UDP
    expectDropped(spec, (_, vnet) => vnet.setUint8(1, 4)); // TSO6 over IPv4
    expectDropped(six, (_, vnet) => vnet.setUint8(1, 1)); // TSO4 over IPv6
    expectDropped(spec, (_, vnet) => vnet.setUint8(1, 5)); // USO over TCP
    expectDropped(spec, (frame) => frame.setUint16(12, 0x88cc)); // not IP
    expectDropped(spec, (frame) => frame.setUint8(14, 0x65)); // version 6 in an IPv4 frame
    expectDropped(spec, (frame) => frame.setUint8(14, 0x44)); // header of 16 bytes
    expectDropped(spec, (frame) => frame.setUint16(16, 19)); // total length shorter than the header
    expectDropped(spec, (frame) => frame.setUint16(16, 3041)); // total length beyond the frame
    expectDropped(spec, (frame) => frame.setUint16(20, 0x2000)); // more fragments
    expectDropped(spec, (frame) => frame.setUint16(20, 0x0001)); // a later fragment
    expectDropped(spec, (frame) => frame.setUint8(23, 17)); // protocol UDP
    expectDropped(spec, (frame) => frame.setUint8(46, 0x40)); // TCP header of 16 bytes
    expectDropped({ ...spec, payload: new Uint8Array(0) }, (frame) => frame.setUint8(46, 0xf0)); // beyond the end
    expectDropped(six, (frame) => frame.setUint8(14, 0x40)); // version 4 in an IPv6 frame
    expectDropped(six, (frame) => frame.setUint16(18, 0xfff0)); // payload length beyond the frame
    expectDropped(six, (frame) => frame.setUint8(54, 44)); // fragment header
    expectDropped(six, (frame) => frame.setUint8(55, 255)); // extension header beyond the end
    expectDropped(six, (frame) => frame.setUint8(20, 43)); // routing header with segments left: PadN length 4
  });

  it('is what truncation leaves, at whatever byte', () => {
    const tagged: SuperFrameSpec = { ...six, vlans: [[0x88a8, 20]] };
    for (const base of [spec, tagged, { ...spec, udp: true }]) {
      const { headerLength } = buildSuperFrame(base);
      for (let length = 0; length < headerLength; length++) expectDropped(base, () => {}, length);
    }
  });

  it('a routing header that is used up is no obstacle', () => {
    const bench = new Bench();
    const { frame, vnetHeader } = buildSuperFrame(six);
    frame[20] = 43;
    frame[57] = 0;
    bench.put(0, frame, vnetHeader);
    expect(bench.send(0).length).toBe(3);
  });
});

describe('counting', () => {
  it('counts a frame once, by the first segment that the port refused', () => {
    const bench = new Bench();
    const { frame, vnetHeader } = buildSuperFrame({ payload: patternPayload(60_000), gsoSize: 100 });
    bench.put(0, frame, vnetHeader);
    bench.put(1, hex('020000000002 020000000001 0800'));
    const answers = new Map([
      [300, DROP['tx-queue-full']],
      [301, DROP['tx-link-down']],
    ]);
    bench.answer = (n) => answers.get(n) ?? TAKEN;
    expect(bench.send(1, 0, 1).length).toBe(600);
    expect(bench.drops('tx-queue-full')).toBe(1);
    expect(bench.drops('tx-link-down')).toBe(0);
    expect(bench.counters[TX_PACKETS]).toBe(2);
    expect(bench.counters[TX_BYTES]).toBe(28);
  });

  it('counts refused frames by reason on the plain path', () => {
    const bench = new Bench();
    for (let row = 0; row < 4; row++) bench.put(row, new Uint8Array(60 + row));
    const answers = [TAKEN, DROP['tx-queue-full'], TAKEN, DROP['tx-too-long']];
    bench.answer = (n) => answers[n]!;
    bench.send(0, 1, 2, 3);
    expect(bench.drops('tx-queue-full')).toBe(1);
    expect(bench.drops('tx-too-long')).toBe(1);
    expect(bench.counters[TX_PACKETS]).toBe(2);
    expect(bench.counters[TX_BYTES]).toBe(60 + 62);
  });

  it('keeps the order of plain, partial and super-frames, and sends one frame as often as asked', () => {
    const bench = new Bench();
    const whole = patternPayload(64);
    const partial = buildSuperFrame({ payload: patternPayload(100), gsoSize: 0 });
    const large = buildSuperFrame({ payload: patternPayload(250), gsoSize: 100 });
    bench.put(0, whole);
    bench.put(1, partial.frame, partial.vnetHeader);
    bench.put(2, large.frame, large.vnetHeader);
    const sizes = bench.send(0, 2, 1, 0, 2, 2).map(({ frame }) => frame.length);
    const cut = [154, 154, 104];
    expect(sizes).toEqual([64, ...cut, 154, 64, ...cut, ...cut]);
    expect(bench.counters[TX_PACKETS]).toBe(6);
  });

  it('believes a port that took all without looking at the status of each', () => {
    const bench = new Bench();
    const { frame, vnetHeader } = buildSuperFrame({ payload: patternPayload(250), gsoSize: 100 });
    bench.put(0, frame, vnetHeader);
    bench.answer = () => DROP['tx-queue-full'];
    bench.send(0);
    const transmit = (_: FrameBatch, __: Int32Array, count: number) => count;
    bench.finisher.send({ offloads: 0, counters: bench.counters, transmit }, Int32Array.of(0), 1);
    expect(bench.drops('tx-queue-full')).toBe(1);
    expect(bench.counters[TX_PACKETS]).toBe(1);
  });

  it('takes more bytes than the scratch holds', () => {
    const bench = new Bench();
    const spec = {
      payload: patternPayload(60_000),
      gsoSize: 40_000,
      tcpFlags: 0x10,
      sequence: 1,
      identification: 1,
    };
    const { frame, vnetHeader } = buildSuperFrame(spec);
    bench.put(0, frame, vnetHeader);
    const sent = bench.send(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    expect(sent.length).toBe(20);
    for (let i = 0; i < 20; i += 2) expectSegmentsOf(spec, sent.slice(i, i + 2));
    expect(bench.calls.length).toBeGreaterThan(1);
  });

  it('takes more rows than one call carries', () => {
    const bench = new Bench();
    bench.put(0, new Uint8Array(60));
    const rows = new Array<number>(TRANSMIT_MAX * 2 + 1).fill(0);
    expect(bench.send(...rows).length).toBe(rows.length);
    expect(bench.counters[TX_PACKETS]).toBe(rows.length);
    bench.finisher.send(bench, new Int32Array(0), 0);
    expect(bench.counters[TX_PACKETS]).toBe(rows.length);
  });
});

describe('random bytes', () => {
  it('with random vnet headers never throw, are counted once each, and touch nothing but the scratch', () => {
    const bench = new Bench();
    const slots = bench.batch.bytes.subarray(0, BURST * SLOT_LENGTH);
    const plausible = anySuperFrameSpec.map((spec) =>
      buildSuperFrame({ ...spec, payload: spec.payload.subarray(0, 400) }),
    );
    const mutated = fc
      .tuple(plausible, fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 4 }), fc.nat(500))
      .map(([{ frame, vnetHeader }, changes, length]) => {
        const all = Uint8Array.from([...vnetHeader, ...frame]);
        for (const [at, value] of changes) if (at < all.length) all[at] = value;
        return { vnetHeader: all.slice(0, 10), frame: all.slice(10, 10 + length) };
      });
    const noise = fc.record({
      vnetHeader: fc.uint8Array({ minLength: 10, maxLength: 10 }),
      frame: fc.uint8Array({ maxLength: 200 }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(mutated, noise), { minLength: 1, maxLength: 4 }),
        fc.nat(15),
        (frames, offloads) => {
          bench.offloads = offloads;
          frames.forEach(({ frame, vnetHeader }, row) => {
            bench.put(row, frame, vnetHeader);
          });
          const before = Buffer.from(slots.subarray(0, 5 * SLOT_LENGTH)).toString('latin1');
          const outcomes = bench.outcomes();
          for (const { offload } of bench.send(...frames.keys())) expect(offload & ~offloads).toBe(0);
          expect(bench.outcomes()).toBe(outcomes + frames.length);
          expect(Buffer.from(slots.subarray(0, 5 * SLOT_LENGTH)).toString('latin1') === before).toBe(true);
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe('construction', () => {
  it('refuses scratch that is too small or outside of the arena', () => {
    const batch = new FrameBatch(new ArrayBuffer(FINISHING_ARENA_LENGTH), FINISHING_ROWS);
    expect(() => new Finisher(batch, 0, 60_000)).toThrow(/shorter than a frame/);
    expect(() => new Finisher(batch, FINISHING_ARENA_LENGTH - 1000)).toThrow(/outside/);
    expect(() => new Finisher(new FrameBatch(new ArrayBuffer(FINISHING_ARENA_LENGTH)))).toThrow(/rows/);
  });

  it('works with the least scratch: one frame long, one row', () => {
    const batch = new FrameBatch(new ArrayBuffer(SLOT_LENGTH * 2), BURST + 1);
    const finisher = new Finisher(batch, SLOT_LENGTH, SLOT_LENGTH);
    const { frame, vnetHeader } = buildSuperFrame({ payload: patternPayload(65_000), gsoSize: 40_000 });
    batch.bytes.set(vnetHeader, HEADROOM - VNET_HDR_LENGTH);
    batch.bytes.set(frame, HEADROOM);
    batch.offset[0] = HEADROOM;
    batch.length[0] = frame.length;
    batch.offload[0] = OFFLOAD_CSUM | OFFLOAD_TSO4;
    const counters = newPortCounters();
    const calls: number[] = [];
    const transmit = (_: FrameBatch, __: Int32Array, count: number) => calls.push(count) && count;
    finisher.send({ offloads: 0, counters, transmit }, Int32Array.of(0), 1);
    expect(calls).toEqual([1, 1]);
    expect(counters[TX_PACKETS]).toBe(1);
  });
});
