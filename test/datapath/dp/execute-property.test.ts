// What: random programs over random frames against a naive model: the model knows the key of a frame (flow/extract.ts)
// and moves bytes by slicing; checksums are computed from scratch. Why: edits are incremental and in place.

import { describe, expect, test } from 'vitest';
import * as op from '../../../src/datapath/actions/program.ts';
import { extractKey } from '../../../src/datapath/flow/extract.ts';
import * as key from '../../../src/datapath/flow/key.ts';
import {
  FrameBatch,
  HEADROOM,
  OFFLOAD_CSUM,
  SLOT_LENGTH,
  VNET_HDR_LENGTH,
} from '../../../src/datapath/port/batch.ts';
import { DROPS, newPortCounters } from '../../../src/datapath/port/counters.ts';
import { FINISHING_ARENA_LENGTH, FINISHING_ROWS, Finisher } from '../../../src/datapath/port/segment.ts';
import { concat } from '../../support/frames.ts';
import { randomFrame } from '../../support/random-frame.ts';
import { RandomSource } from '../../support/random-source.ts';
import { buildSuperFrame, patternPayload } from '../port/super-frame.ts';
import { checkFrame } from './check-frame.ts';
import { nest, ProgramRunner, type Sent } from './program-runner.ts';

const runner = new ProgramRunner();
const text = (frame: Uint8Array) => Buffer.from(frame).toString('hex');

/** Bits of a word of the key that can be set, in a frame that has the header. */
const WRITABLE = new Map<number, number>();
for (const word of [1, 2, 3]) WRITABLE.set(word, -1);
for (let word = key.KEY_NW_SRC; word <= key.KEY_NW_DST; word++) WRITABLE.set(word, -1);
for (let word = key.KEY_IPV6_SRC; word < key.KEY_ND_TARGET + 4; word++) WRITABLE.set(word, -1);
WRITABLE.set(key.KEY_NW, 0x00ff_ff00);
WRITABLE.set(key.KEY_TP, -1);
WRITABLE.set(key.KEY_TYPE_VLAN, 0xefff);
WRITABLE.set(key.KEY_IPV6_LABEL, 0xf_ffff);
// Not the bottom of stack, which moves what follows.
for (let word = key.KEY_MPLS; word < key.KEY_MPLS + 3; word++) WRITABLE.set(word, ~0x100);

function keyOf(frame: Uint8Array): Int32Array {
  const words = new Int32Array(key.KEY_WORDS);
  const { buffer, byteOffset, length } = frame;
  extractKey(new DataView(buffer, byteOffset, length), 0, length, 0, words, 0);
  return words;
}

/** A set of a word that is in the frame: of something that its key shows. */
function randomSet(random: RandomSource, words: Int32Array): number[] {
  const type = words[key.KEY_TYPE_VLAN]! >>> 16;
  const has = (word: number) => {
    if (word < key.KEY_TYPE_VLAN) return true;
    if (word === key.KEY_TYPE_VLAN) return (words[word]! & key.VLAN_PRESENT) !== 0;
    if (word >= key.KEY_MPLS) return words[word] !== 0;
    if (word >= key.KEY_IPV6_SRC && word < key.KEY_ARP_MAC) return type === 0x86dd;
    return words[word] !== 0;
  };
  const word = random.pick([...WRITABLE.keys()].filter(has));
  let bits = WRITABLE.get(word)!;
  // ICMP: type and code, 8 bits each; a type of ND would make the rest of the message mean something.
  const proto = words[key.KEY_NW]! >>> 24;
  if (word === key.KEY_TP && (proto === 1 || proto === 2 || proto === 58))
    bits = proto === 1 ? 0x00ff_00ff : 0;
  // A neighbour message has one of the two addresses.
  if (word === key.KEY_ARP_MAC + 1 && type === 0x86dd)
    bits = words[key.KEY_ARP_MAC] ? 0xffff_0000 | 0 : 0xffff;
  if (word === key.KEY_NW && type === 0x0806) bits = 0xff00_0000 | 0;
  const mask = bits & random.pick([-1, -1, 0xff00_ff00, 0x00ff_0000, 0xffff, random.integer(0, 0xffff_ffff)]);
  return [op.OP_SET, word, random.integer(0, 0xffff_ffff) | 0, mask | 0];
}

/** Tags in front of the EtherType of an ordinary frame: one is looked at. */
const typeAt = (frame: Uint8Array) => (isTag(frame) ? 16 : 12);
const isTag = (frame: Uint8Array) => [0x8100, 0x88a8].includes(frame[12]! * 256 + frame[13]!);

describe.each([1, 2, 3, 4])('random edits, seed %i', (seed) => {
  test('a set changes the bits of the key that it names, no others, and keeps the checksums right', () => {
    const random = new RandomSource(seed);
    for (let number = 0; number < 1500; number++) {
      const frame = randomFrame(random, number);
      const before = keyOf(frame);
      const [, word, value, mask] = randomSet(random, before) as [number, number, number, number];
      const edited = runner.edit(frame, [op.OP_SET, word, value, mask]).frame;
      const expected = before.slice();
      expected[word] = (before[word]! & ~mask) | (value & mask);
      const shown = `seed ${seed}, frame ${number}: word ${word} ${value}/${mask} in ${text(frame)}\n`;
      expect(keyOf(edited), shown).toEqual(expected);
      expect(checkFrame(edited).wrong, shown).toEqual(checkFrame(frame).wrong);
      // Putting the bits back gives the frame back, so nothing else was touched.
      const back = runner.edit(edited, [op.OP_SET, word, before[word]!, mask]).frame;
      const withoutDei = frame.slice();
      if (word === key.KEY_TYPE_VLAN) withoutDei[14]! &= 0xef;
      expect(text(checkFrame(back).rest), shown).toBe(text(checkFrame(withoutDei).rest));
    }
  });

  test('tags and labels move bytes as slicing does', () => {
    const random = new RandomSource(seed + 100);
    for (let number = 0; number < 600; number++) {
      let model = randomFrame(random, number);
      const program: number[] = [];
      const start = model;
      if (isTag(model) && [0x81, 0x88].includes(model[16]!)) continue; // two tags: see the side-by-side test
      for (let i = random.integer(1, 6); i > 0; i--) {
        const tci = random.integer(0, 0xffff);
        const lse = random.integer(0, 0xffff_ffff) | 0x100;
        const kind = random.pick(['push', 'pop', 'label', 'unlabel']);
        const type = typeAt(model);
        const word = Buffer.alloc(4);
        if (kind === 'push' && !isTag(model)) {
          word.writeUInt32BE(0x8100_0000 + (tci & 0xefff));
          model = concat(model.subarray(0, 12), word, model.subarray(12));
          program.push(op.OP_PUSH_VLAN, 0x8100, tci);
        } else if (kind === 'pop') {
          if (isTag(model)) model = concat(model.subarray(0, 12), model.subarray(16));
          program.push(op.OP_POP_VLAN);
        } else if (kind === 'label') {
          word.writeUInt32BE(lse >>> 0);
          model = concat(model.subarray(0, type), Uint8Array.of(0x88, 0x47), word, model.subarray(type + 2));
          program.push(op.OP_PUSH_MPLS, lse | 0, 0x8847);
        } else if (kind === 'unlabel') {
          const labelled = model[type] === 0x88 && [0x47, 0x48].includes(model[type + 1]!);
          if (labelled)
            model = concat(model.subarray(0, type), Uint8Array.of(0x88, 0x48), model.subarray(type + 6));
          program.push(op.OP_POP_MPLS, 0x8848);
        }
      }
      const shown = `seed ${seed}, frame ${number}: ${program} in ${text(start)}\n`;
      expect(text(runner.edit(start, program).frame), shown).toBe(text(model));
    }
  });

  test('whatever the order of edits, outputs and clones, each output is what its edits alone make', () => {
    const random = new RandomSource(seed + 200);
    for (let number = 0; number < 300; number++) {
      const frame = randomFrame(random, number);
      const words = keyOf(frame);
      const expected: { port: number; edits: number[] }[] = [];
      const build = (edits: number[], depth: number): number[] => {
        const program: number[] = [];
        let made = edits;
        for (let i = random.integer(1, 4); i > 0; i--) {
          const kind = random.pick([
            'set',
            'set',
            'push',
            'pop',
            'output',
            'output',
            depth < 3 ? 'clone' : 'output',
          ]);
          if (kind === 'output') {
            program.push(op.OP_OUTPUT, expected.length);
            expected.push({ port: expected.length, edits: made });
          } else if (kind === 'clone') {
            program.push(...nest([op.OP_CLONE], build(made, depth + 1)));
          } else {
            let edit = [op.OP_PUSH_VLAN, 0x8100, random.integer(0, 4095)];
            if (kind === 'set') edit = randomSet(random, words);
            else if (kind === 'pop') edit = [op.OP_POP_VLAN];
            program.push(...edit);
            made = [...made, ...edit];
          }
        }
        return program;
      };
      const program = build([], 0);
      const { sent, drops, copies } = runner.run(frame, program);
      expect(sent.map(({ port }) => port)).toEqual(expected.map(({ port }) => port));
      expect(sent.length === 0 ? drops : copies).toEqual(sent.length === 0 ? ['flow-drop'] : sent.length - 1);
      for (const [i, { edits }] of expected.entries()) {
        const shown = `seed ${seed}, frame ${number}: output ${i} of ${program}\n`;
        expect(text(sent[i]!.frame), shown).toBe(text(runner.edit(frame, edits).frame));
      }
    }
  });
});

describe.each([1, 2, 3])('offloads under random edits, seed %i', (seed) => {
  test('what leaves a port without offloads has the right checksums and lengths', () => {
    const random = new RandomSource(seed);
    for (let number = 0; number < 120; number++) {
      const ipv6 = random.chance(0.5);
      const udp = random.chance(0.4);
      const gsoSize = random.pick([0, 0, 500, 1400]);
      const { frame, vnetHeader } = buildSuperFrame({
        ipv6,
        udp,
        vlans: random.pick([[], [], [[0x8100, 10]]]),
        payload: patternPayload(
          gsoSize === 0 ? random.integer(0, 1400) : random.integer(1, 9000),
          number + 1,
        ),
        gsoSize,
      });
      const words = keyOf(frame);
      const program: number[] = [];
      let labelled = false;
      for (let i = random.integer(1, 5); i > 0; i--) {
        const kind = random.pick(['set', 'set', 'push', 'pop', 'label', 'unlabel']);
        if (kind === 'set' && !labelled) program.push(...randomSet(random, words));
        else if (kind === 'push') program.push(op.OP_PUSH_VLAN, 0x8100, 5);
        else if (kind === 'pop') program.push(op.OP_POP_VLAN);
        else if (kind === 'label') {
          program.push(op.OP_PUSH_MPLS, labelled ? 0x5040 : 0x5140, 0x8847);
          labelled = true;
        }
      }
      const edited = runner.edit(frame, program, vnetHeader);
      const segments = finish(edited);
      const shown = `seed ${seed}, frame ${number}: ${program}\n`;
      expect(segments, shown).not.toEqual([]);
      for (const segment of segments) expect(checkFrame(segment).wrong, shown).toEqual([]);
      // The frames that the super-frame stands for, edited one by one, are the same (but where edits meet checksums of 0).
      const plain = finish({ port: 0, frame, vnetHeader, offload: runner.batch.offload[3]! & 15 });
      const oneByOne = plain.map((segment) => runner.edit(segment, program).frame);
      expect(
        segments.map((segment) => text(checkFrame(segment).rest)),
        shown,
      ).toEqual(oneByOne.map((segment) => text(checkFrame(segment).rest)));
    }
  });

  test('packet-ins and truncated outputs are those of complete frames', () => {
    const random = new RandomSource(seed + 50);
    for (let number = 0; number < 60; number++) {
      const gsoSize = random.pick([0, 700]);
      const payload = patternPayload(gsoSize === 0 ? 600 : 3000, number + 1);
      const { frame, vnetHeader } = buildSuperFrame({
        ipv6: random.chance(0.5),
        udp: random.chance(0.5),
        payload,
        gsoSize,
      });
      const outcome = runner.run(
        frame,
        [op.OP_TRUNCATE, 300, op.OP_OUTPUT, 1, op.OP_PACKET_IN, 3],
        vnetHeader,
      );
      const whole = finish({ port: 0, frame, vnetHeader, offload: runner.batch.offload[3]! });
      expect(outcome.sent.map((sent) => text(sent.frame))).toEqual(
        whole.map((segment) => text(segment.subarray(0, 300))),
      );
      expect(outcome.sent.every(({ offload }) => offload === 0)).toBe(true);
      expect(outcome.copies).toBe(whole.length);
      expect(checkFrame(outcome.packetIns[0]!.frame).wrong).toEqual([]);
    }
  });

  test('the length of a super-frame is that of its segments', () => {
    const { frame, vnetHeader, headerLength } = buildSuperFrame({
      payload: patternPayload(5000),
      gsoSize: 1000,
    });
    const check = (size: number) => [op.OP_CHECK_LENGTH, size, 2, 2, op.OP_OUTPUT, 1, op.OP_OUTPUT, 2];
    expect(runner.run(frame, check(headerLength + 1000), vnetHeader).sent[0]!.port).toBe(2);
    expect(runner.run(frame, check(headerLength + 999), vnetHeader).sent[0]!.port).toBe(1);
  });
});

/** What a port without offloads sends of a frame. */
function finish({ frame, vnetHeader, offload }: Sent): Uint8Array[] {
  const batch = new FrameBatch(new ArrayBuffer(FINISHING_ARENA_LENGTH), FINISHING_ROWS);
  batch.bytes.set(vnetHeader, HEADROOM - VNET_HDR_LENGTH);
  batch.bytes.set(frame, HEADROOM);
  expect(HEADROOM + frame.length).toBeLessThan(SLOT_LENGTH);
  batch.offset[0] = HEADROOM;
  batch.length[0] = frame.length;
  batch.offload[0] = offload;
  const frames: Uint8Array[] = [];
  const sender = {
    offloads: 0,
    counters: newPortCounters(),
    transmit(from: FrameBatch, rows: Int32Array, count: number) {
      for (const row of rows.subarray(0, count)) {
        expect(from.offload[row]! & OFFLOAD_CSUM).toBe(0);
        frames.push(from.bytes.slice(from.offset[row]!, from.offset[row]! + from.length[row]!));
      }
      return count;
    },
  };
  new Finisher(batch).send(sender, Int32Array.of(0), 1);
  expect(sender.counters.subarray(DROPS).every((count) => count === 0)).toBe(true);
  return frames;
}
