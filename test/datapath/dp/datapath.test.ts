import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  OP_CLONE,
  OP_OUTPUT,
  OP_PACKET_IN,
  OP_RECIRCULATE,
  OP_SET,
  TO_INGRESS,
} from '../../../src/datapath/actions/program.ts';
import { dropVerdict, Programs } from '../../../src/datapath/actions/verdict.ts';
import { Datapath, NO_INGRESS } from '../../../src/datapath/dp/datapath.ts';
import { FlowCache } from '../../../src/datapath/dp/flow-cache.ts';
import type { ForwarderOptions } from '../../../src/datapath/dp/forwarder.ts';
import { Megaflows } from '../../../src/datapath/dp/megaflows.ts';
import { DROP_REASON_NAMES, type DropReason } from '../../../src/datapath/drop.ts';
import {
  KEY_IN_PORT,
  KEY_MAC,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TYPE_VLAN,
} from '../../../src/datapath/flow/key.ts';
import { BURST } from '../../../src/datapath/port/batch.ts';
import { DROPS, RX_PACKETS, TX_PACKETS } from '../../../src/datapath/port/counters.ts';
import { type MemoryPort, MemoryProvider } from '../../../src/datapath/port/memory.ts';
import { FakePipeline, type FakeRule, fakeRule } from '../../support/fake-pipeline.ts';
import { ethernet, udp } from '../../support/frames.ts';

/** Word 0 of a key with its recirc_id alone. */
const RECIRC_ID_MASK = 0xffff_0000 | 0;

/** A UDP frame from 10.0.0.x to 10.0.1.y. */
function datagram(x: number, y = 1, destinationPort = 53): Uint8Array {
  const between = { source: `10.0.0.${x}`, destination: `10.0.1.${y}` };
  return ethernet({
    destination: '02:00:00:00:00:02',
    source: '02:00:00:00:00:01',
    ...udp(between, { sourcePort: 1024, destinationPort }),
  });
}

function fromAddress(x: number, verdict: number, more: Partial<FakeRule> = {}): FakeRule {
  return fakeRule({ [KEY_NW_SRC]: [0x0a00_0000 | x, -1] }, verdict, more);
}

/** A datapath with ports p1 to p3 (indices 0 to 2) on one pipeline. */
class Lab {
  readonly provider = new MemoryProvider();
  readonly programs = new Programs();
  readonly pipeline: FakePipeline;
  readonly datapath: Datapath;
  readonly ports: MemoryPort[];

  constructor(rules: (lab: Lab) => FakeRule[], options: ForwarderOptions = {}) {
    this.pipeline = new FakePipeline([], this.programs);
    this.datapath = new Datapath(this.provider, this.programs, options);
    this.ports = [1, 2, 3].map((ofport) => this.attach(`p${ofport}`, ofport, this.pipeline));
    this.pipeline.change(rules(this));
    this.datapath.clock[0] = 1000;
  }

  attach(name: string, ofport: number, pipeline: FakePipeline): MemoryPort {
    const port = this.provider.open(name, {});
    this.datapath.attach(port, ofport, pipeline);
    return port;
  }

  /** Sends frames into a port and returns which datapath ports sent, in order of ports. */
  send(from: number, ...frames: Uint8Array[]): number[] {
    for (const frame of frames) this.ports[from]!.inject(frame);
    this.run();
    return this.ports.flatMap(({ sent }, index) => sent.splice(0).map(() => index));
  }

  run(): void {
    do this.datapath.poll();
    while (this.provider.ready.ports.length > 0);
  }

  drops(port: number, reason: DropReason): number {
    return this.ports[port]!.counters[DROPS + DROP_REASON_NAMES.indexOf(reason)]!;
  }

  /** rx + copies, and tx + drops + packet-ins. */
  balance(): [number, number] {
    const { copies, packetIns } = this.datapath.stats();
    let [left, right] = [copies, packetIns];
    for (const { counters } of this.ports) {
      left += counters[RX_PACKETS]!;
      right += counters[TX_PACKETS]!;
      for (let i = 0; i < DROP_REASON_NAMES.length; i++) right += counters[DROPS + i]!;
    }
    return [left, right];
  }
}

/** The holders that a pipeline has given out and not got back. */
function held({ held }: FakePipeline): number {
  return held.reduce((sum, count) => sum + (count ?? 0), 0);
}

describe('a flow', () => {
  test('is translated once, then known by the exact-match cache', () => {
    const lab = new Lab(() => [fromAddress(1, 1)]);
    expect(lab.send(0, datagram(1), datagram(1))).toEqual([1, 1]);
    expect(lab.send(0, datagram(1))).toEqual([1]);
    expect(lab.pipeline.translations).toBe(1);
    expect(lab.datapath.stats()).toMatchObject({
      cacheHits: 2,
      megaflowHits: 0,
      cacheMisses: 1,
      megaflows: 1,
    });
  });

  test('of a known megaflow is not translated', () => {
    const lab = new Lab(() => [fromAddress(1, 1)]);
    // A bridge that looks at ports somewhere makes different keys of them.
    lab.pipeline.keyMask[KEY_TP] = -1;
    expect(lab.send(0, datagram(1, 1, 53), datagram(1, 1, 80), datagram(1, 1, 80))).toEqual([1, 1, 1]);
    expect(lab.datapath.stats()).toMatchObject({
      cacheHits: 1,
      megaflowHits: 1,
      cacheMisses: 1,
      megaflows: 1,
    });
  });

  test('of another port is another flow', () => {
    const lab = new Lab(() => [
      fakeRule({ [KEY_IN_PORT]: [1, -1] }, 1),
      fakeRule({ [KEY_IN_PORT]: [2, -1] }, 2),
    ]);
    expect(lab.send(0, datagram(1))).toEqual([1]);
    expect(lab.send(1, datagram(1))).toEqual([2]);
  });

  test('is decided anew after a change of the tables, from the next frame on, and keeps its counters', () => {
    const lab = new Lab(() => [fromAddress(1, 1)]);
    lab.send(0, datagram(1), datagram(1));
    lab.pipeline.change([fromAddress(1, 2)]);
    expect(lab.datapath.listMegaflows(0, 10).items).toEqual([]);
    expect(lab.send(0, datagram(1))).toEqual([2]);
    expect(lab.pipeline.translations).toBe(2);
    expect(lab.datapath.listMegaflows(0, 10).items).toMatchObject([{ verdict: 2, packets: 3 }]);
    lab.datapath.flushCredits();
    expect(lab.pipeline.packets).toEqual([3]);
    expect(held(lab.pipeline)).toBe(1);
  });

  test('is decided anew when a version that it depends on changes, even within a burst', () => {
    const lab = new Lab(() => [fromAddress(1, 1, { dependencyA: 3, dependencyB: 4 }), fromAddress(2, 1)]);
    const { pipeline } = lab;
    lab.send(0, datagram(1));
    pipeline.dependencyVersions[4]!++;
    expect(lab.send(0, datagram(1), datagram(1))).toEqual([1, 1]);
    expect(pipeline.translations).toBe(2);
    const translate = pipeline.translate.bind(pipeline);
    pipeline.translate = (...args) => {
      translate(...args);
      pipeline.dependencyVersions[3]!++;
    };
    lab.send(0, datagram(2), datagram(1));
    expect(pipeline.translations).toBe(4);
  });

  test('sets when what it keeps alive was last used', () => {
    const lab = new Lab(() => [fromAddress(1, 1, { touchSlot: 2 })]);
    for (const nowMs of [1000, 2000]) {
      lab.datapath.clock[0] = nowMs;
      lab.send(0, datagram(1));
      expect(lab.pipeline.lastUsedMs[2]).toBe(nowMs);
    }
  });
});

test('more key bits in the midst of a burst: the frames behind get keys with them', () => {
  const lab = new Lab(() => [fakeRule({ [KEY_MAC]: [0x0200_0000, -1] }, 1)]);
  lab.send(0, datagram(1));
  // As a translation that goes on to a further table for some flows.
  lab.pipeline.change([
    fakeRule({ [KEY_MAC]: [0x0300_0000, -1] }, 1),
    fakeRule({ [KEY_NW_DST]: [0x0a00_0101, -1], [KEY_TP]: [53, 0xffff] }, 1),
    fakeRule({ [KEY_TYPE_VLAN]: [0x0800_0000, -65536] }, 2),
  ]);
  const frames = [datagram(1, 1), datagram(1, 2), datagram(1, 1, 54), datagram(1, 1)];
  expect(lab.send(0, ...frames)).toEqual([1, 1, 2, 2]);
  expect(lab.pipeline.translations).toBe(4);
});

test('an answer for one frame only is not kept, and counted at once', () => {
  const lab = new Lab(({ programs }) => {
    const both = programs.intern(Int32Array.of(OP_OUTPUT, 1, OP_OUTPUT, 2));
    return [fromAddress(1, both, { cacheable: false, touchSlot: 1 })];
  });
  expect(lab.send(0, datagram(1), datagram(1))).toEqual([1, 1, 2, 2]);
  expect(lab.pipeline.translations).toBe(2);
  expect(lab.pipeline.packets).toEqual([2]);
  expect(held(lab.pipeline)).toBe(0);
  expect(lab.pipeline.lastUsedMs[1]).toBe(1000);
  expect(lab.datapath.stats()).toMatchObject({ megaflows: 0, copies: 2 });
});

describe('programs', () => {
  test('send copies, frames to the control plane, and back', () => {
    const lab = new Lab(({ programs }) => [
      fromAddress(1, programs.intern(Int32Array.of(OP_OUTPUT, 1, OP_PACKET_IN, 7, OP_OUTPUT, TO_INGRESS))),
    ]);
    const frame = datagram(1);
    expect(lab.send(0, frame)).toEqual([0, 1]);
    expect(lab.pipeline.packetIns).toMatchObject([{ spec: 7, ofport: 1, frame }]);
    expect(lab.datapath.stats()).toMatchObject({ copies: 2, packetIns: 1 });
    expect(lab.balance()).toEqual([3, 3]);
  });

  test('look the frame up again as it is then, with their recirc_id', () => {
    const lab = new Lab(({ programs }) => [
      fakeRule({ [KEY_IN_PORT]: [5 << 16, RECIRC_ID_MASK], [KEY_NW_DST]: [0x0a00_0909, -1] }, 2),
      fakeRule({ [KEY_IN_PORT]: [5 << 16, RECIRC_ID_MASK] }, dropVerdict('flow-drop')),
      fromAddress(1, programs.intern(Int32Array.of(OP_SET, KEY_NW_DST, 0x0a00_0909, -1, OP_RECIRCULATE, 5))),
      fromAddress(
        2,
        programs.intern(
          Int32Array.of(OP_CLONE, 2, OP_RECIRCULATE, 5, OP_SET, KEY_NW_DST, 0, -1, OP_OUTPUT, 1),
        ),
      ),
    ]);
    for (let i = 0; i < 3; i++) {
      expect(lab.send(0, datagram(1))).toEqual([2]);
      expect(lab.send(0, datagram(2))).toEqual([1]);
    }
    expect(lab.pipeline.translations).toBe(4);
    expect(lab.drops(0, 'flow-drop')).toBe(3);
    expect(lab.datapath.stats().copies).toBe(3);
    const [left, right] = lab.balance();
    expect(left).toBe(right);
    lab.datapath.flushCredits();
    expect(lab.pipeline.packets).toEqual([3, 3, 3, 3]);
  });

  test('that recirculate for ever end in a drop', () => {
    const lab = new Lab(({ programs }) => [
      fromAddress(1, programs.intern(Int32Array.of(OP_RECIRCULATE, 9))),
    ]);
    expect(lab.send(0, datagram(1), datagram(1))).toEqual([]);
    expect(lab.drops(0, 'too-many-recirculations')).toBe(2);
    expect(lab.balance()).toEqual([2, 2]);
  });
});

describe('a packet-out', () => {
  test('leaves as its verdict says, also when it came on no port', () => {
    const lab = new Lab(() => []);
    const { datapath, pipeline, programs } = lab;
    datapath.packetOut(pipeline, datagram(1), 0, 1);
    const all = programs.intern(Int32Array.of(OP_OUTPUT, 0, OP_OUTPUT, 1, OP_OUTPUT, TO_INGRESS));
    datapath.packetOut(pipeline, datagram(2), 0, all);
    datapath.packetOut(pipeline, datagram(3), NO_INGRESS, all);
    datapath.packetOut(pipeline, datagram(4), 2, dropVerdict('flow-drop'));
    expect(lab.ports.map(({ sent }) => sent.length)).toEqual([3, 3, 0]);
    expect(lab.ports[1]!.sent[0]!.frame).toEqual(datagram(1));
    expect(lab.drops(2, 'flow-drop')).toBe(1);
    const [left, right] = lab.balance();
    expect(left).toBe(right);
  });

  test('may be looked up', () => {
    const lab = new Lab(() => [fakeRule({ [KEY_IN_PORT]: [(4 << 16) | 2, -1] }, 2)]);
    const { datapath, pipeline, programs } = lab;
    datapath.packetOut(pipeline, datagram(1), 1, programs.intern(Int32Array.of(OP_RECIRCULATE, 4)));
    expect(lab.ports[2]!.sent).toHaveLength(1);
  });

  test('that is too long, or for a port of another bridge, is refused', () => {
    const { datapath, pipeline } = new Lab(() => []);
    expect(() => datapath.packetOut(pipeline, new Uint8Array(70_000), 0, 1)).toThrow('at most');
    expect(() => datapath.packetOut(pipeline, datagram(1), 17, 1)).toThrow('no such port');
  });
});

describe('counts', () => {
  test('reach the pipeline by themselves while time goes on, and idle flows are forgotten', () => {
    const lab = new Lab(() => [fromAddress(1, 1), fromAddress(2, 2)]);
    lab.send(0, datagram(1), datagram(2), datagram(2));
    lab.datapath.clock[0] = 2500;
    lab.run();
    expect(lab.pipeline.packets).toEqual([1, 2]);
    expect(lab.pipeline.usedMs).toEqual([1000, 1000]);
    lab.datapath.clock[0] = 9000;
    lab.send(0, datagram(1));
    lab.datapath.clock[0] = 11_001;
    for (let i = 0; i < 2; i++) lab.run();
    expect(lab.datapath.stats().megaflows).toBe(1);
    expect(held(lab.pipeline)).toBe(1);
  });

  test('and holders go back when the last port of a pipeline goes, and those of other bridges stay', () => {
    const lab = new Lab(() => [fromAddress(1, 1)]);
    const other = new FakePipeline([fromAddress(1, 3)]);
    const port = lab.attach('q1', 1, other);
    lab.ports.push(port);
    lab.send(3, datagram(1));
    lab.send(0, datagram(1));
    for (const mine of lab.ports.slice(0, 3)) lab.datapath.detach(mine);
    expect(lab.pipeline.packets).toEqual([1]);
    expect(held(lab.pipeline)).toBe(0);
    expect(lab.datapath.listMegaflows(0, 10).items).toMatchObject([{ pipeline: other, packets: 1 }]);
    expect(lab.send(0, datagram(1))).toEqual([]);
  });
});

test('equal keys of two bridges are two flows', () => {
  const lab = new Lab(() => [fromAddress(1, 1)]);
  const other = new FakePipeline([fromAddress(1, dropVerdict('flow-drop'))]);
  lab.ports.push(lab.attach('q1', 1, other));
  for (let i = 0; i < 3; i++) {
    expect(lab.send(0, datagram(1))).toEqual([1]);
    expect(lab.send(3, datagram(1))).toEqual([]);
  }
  expect(lab.datapath.listMegaflows(0, 10, other).items).toHaveLength(1);
  expect(other.translations + lab.pipeline.translations).toBe(2);
});

test('megaflows are listed in pages, with mask, counters and last use', () => {
  const lab = new Lab(() => [1, 2, 3, 4, 5].map((x) => fromAddress(x, 1)));
  for (const x of [1, 2, 3, 4, 5]) lab.send(0, datagram(x), datagram(x));
  const first = lab.datapath.listMegaflows(0, 3);
  const second = lab.datapath.listMegaflows(first.next, 3);
  expect([first.items.length, second.items.length, second.next]).toEqual([3, 2, 0]);
  const length = datagram(1).length;
  expect(first.items[0]).toMatchObject({ verdict: 1, packets: 2, bytes: 2 * length, usedMs: 1000 });
  expect(first.items[0]!.key[KEY_NW_SRC]).toBe(0x0a00_0001);
  expect(first.items[0]!.mask[KEY_NW_SRC]).toBe(-1);
});

test('bad frames are dropped for their reason, and those around them are forwarded', () => {
  const lab = new Lab(() => [fromAddress(1, 1)]);
  const badOffload = Uint8Array.of(1, 0, 0, 0, 0, 0, 200, 0, 0, 0);
  for (let i = 0; i < 2; i++) {
    lab.ports[0]!.inject(datagram(1));
    lab.ports[0]!.inject(new Uint8Array(13));
    lab.ports[0]!.inject(datagram(1), badOffload);
    expect(lab.send(0, datagram(1))).toEqual([1, 1]);
  }
  expect(lab.drops(0, 'rx-too-short')).toBe(2);
  expect(lab.drops(0, 'rx-bad-offload')).toBe(2);
  expect(lab.balance()).toEqual([8, 8]);
});

describe('with caches of any size, frames leave and count as without', () => {
  const word = fc.constantFrom(KEY_NW_SRC, KEY_NW_DST, KEY_TP, KEY_IN_PORT, KEY_TYPE_VLAN, KEY_MAC);
  const bits = fc.constantFrom(-1, 0xffff, 0xff, 3, 1);
  const rule = fc.record({
    words: fc.array(fc.tuple(word, bits), { maxLength: 3 }),
    frame: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)),
    verdict: fc.constantFrom(0, 1, 2, dropVerdict('flow-drop')),
    cacheable: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        from: fc.nat(2),
        frames: fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)), { maxLength: 6 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ rules: fc.array(rule, { maxLength: 6 }) }) },
    { weight: 1, arbitrary: fc.record({ dependency: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ wait: fc.nat(12_000) }) },
  );

  test.each([
    { sets: 2, capacity: 4 },
    { sets: 1024, capacity: 1024 },
  ])('%o', ({ sets, capacity }) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const programs = new Programs();
        const lab = new Lab(() => [], {
          cache: new FlowCache(sets),
          megaflows: new Megaflows(programs, capacity),
        });
        // What a translation of each frame says, without any cache.
        let expected: number[] = [];
        for (const action of steps) {
          if ('rules' in action) {
            lab.datapath.flushCredits();
            expect(Array.from(lab.pipeline.packets, (n) => n ?? 0)).toEqual(
              Array.from(expected, (n) => n ?? 0),
            );
            lab.pipeline.change(action.rules.map(ruleOf));
            // Stale flows still count to what they held; from here on effects mean other rules.
            lab.pipeline.packets = [];
            expected = [];
          } else if ('frames' in action) {
            const sent: number[] = [];
            for (const [x, y, z] of action.frames) {
              const index = naive(lab.pipeline.rules, action.from + 1, x, y, z);
              expected[index] = (expected[index] ?? 0) + 1;
              const verdict = lab.pipeline.rules[index]?.verdict ?? -1;
              if (verdict >= 0) sent.push(verdict);
            }
            expect(lab.send(action.from, ...action.frames.map(([x, y, z]) => datagram(x, y, z)))).toEqual(
              sent.sort(),
            );
          } else if ('dependency' in action) lab.pipeline.dependencyVersions[action.dependency]!++;
          else {
            lab.datapath.clock[0]! += action.wait;
            lab.run();
          }
        }
        lab.datapath.flushCredits();
        expect(Array.from(lab.pipeline.packets, (n) => n ?? 0)).toEqual(Array.from(expected, (n) => n ?? 0));
        expect(lab.datapath.stats().megaflows).toBeLessThanOrEqual(capacity);
        expect(held(lab.pipeline)).toBe(lab.datapath.stats().megaflows);
        const [left, right] = lab.balance();
        expect(left).toBe(right);
      }),
      { numRuns: 150 },
    );
  });

  function wordOf(index: number, inPort: number, [x, y, z]: readonly [number, number, number]): number {
    if (index === KEY_NW_SRC) return 0x0a00_0000 | x;
    if (index === KEY_NW_DST) return 0x0a00_0100 | y;
    if (index === KEY_TP) return (1024 << 16) | z;
    if (index === KEY_IN_PORT) return inPort;
    return index === KEY_MAC ? 0x0200_0000 : 0x0800_0000;
  }

  function ruleOf({
    words,
    frame,
    verdict,
    cacheable,
  }: typeof rule extends fc.Arbitrary<infer T> ? T : never) {
    const asked = Object.fromEntries(
      words.map(([index, mask]) => [index, [wordOf(index, 1, frame), mask] as const]),
    );
    return fakeRule(asked, verdict, { cacheable, dependencyA: frame[0], dependencyB: frame[1] });
  }

  function naive(rules: readonly FakeRule[], inPort: number, x: number, y: number, z: number): number {
    const index = rules.findIndex(({ value, mask }) =>
      mask.every((bits, i) => bits === 0 || (wordOf(i, inPort, [x, y, z]) & bits) === value[i]),
    );
    return index < 0 ? rules.length : index;
  }
});

test('a burst with more flows than the megaflow cache holds', () => {
  const programs = new Programs();
  const lab = new Lab(() => Array.from({ length: 200 }, (_, x) => fromAddress(x, 1)), {
    megaflows: new Megaflows(programs, 8),
  });
  const frames = Array.from({ length: BURST * 2 }, (_, i) => datagram(i % 100));
  expect(lab.send(0, ...frames)).toHaveLength(BURST * 2);
  lab.datapath.flushCredits();
  expect(lab.pipeline.packets.reduce((sum, count) => sum + (count ?? 0), 0)).toBe(BURST * 2);
  expect(lab.datapath.stats().megaflows).toBe(8);
});
