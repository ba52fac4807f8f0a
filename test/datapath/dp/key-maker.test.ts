import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyMaker } from '../../../src/datapath/dp/key-maker.ts';
import { extractKey } from '../../../src/datapath/flow/extract.ts';
import { KEY_TP, KEY_WORDS } from '../../../src/datapath/flow/key.ts';
import { BURST } from '../../../src/datapath/port/batch.ts';
import { MemoryProvider } from '../../../src/datapath/port/memory.ts';
import { concat, ethernet, tcp } from '../../support/frames.ts';
import { anyFrame } from '../flow/random-frames.ts';

const MAC = '02:00:00:00:00:01';
/** Of the byte with the length of a TCP header behind Ethernet and IPv4. */
const TCP_LENGTH_AT = 46;

const provider = new MemoryProvider();
const { batch } = provider;
const view = new DataView(batch.bytes.buffer);
const port = provider.open('p', {});

/** Masks of whole words, of bits, and of nothing; few words each, as real ones have. */
const anyMask = fc
  .array(
    fc.tuple(
      fc.nat(KEY_WORDS - 1),
      fc.oneof(fc.constantFrom(-1, 1, 3, 0xffff, -65536, 0xff00_0003 | 0), fc.integer()),
    ),
    { maxLength: 8 },
  )
  .map((words) => {
    const mask = new Int32Array(KEY_WORDS);
    for (const [index, bits] of words) mask[index] = bits;
    return mask;
  });

/** Frames with up to three tags. */
const taggedFrame = fc
  .tuple(anyFrame, fc.array(fc.tuple(fc.constantFrom(0x8100, 0x88a8), fc.nat(0xffff)), { maxLength: 2 }))
  .map(([frame, tags]) => {
    const bytes = tags.flatMap(([tpid, tci]) => [tpid >> 8, tpid & 0xff, tci >> 8, tci & 0xff]);
    return concat(frame.subarray(0, 12), Uint8Array.from(bytes), frame.subarray(12));
  });
const frames = fc.array(taggedFrame, { minLength: 1, maxLength: BURST });

function receive(burst: readonly Uint8Array[]): number {
  // What a former frame left behind must not show.
  batch.bytes.fill(0xa5, 0, 128);
  for (const frame of burst) port.inject(frame);
  return port.receive(batch);
}

function keysOf(maker: KeyMaker, count: number, inPort: number): { key: number[]; hash: number }[] {
  maker.make(0, count, inPort);
  return Array.from({ length: count }, (_, row) => ({
    key: [...maker.keys.subarray(row * maker.size, (row + 1) * maker.size)],
    hash: maker.hashes[row]!,
  }));
}

describe('the compact keys of a burst', () => {
  test.each([true, false])('are what extractKey says, masked (generated code: %s)', (generateCode) => {
    fc.assert(
      fc.property(frames, anyMask, fc.nat(0xffff), fc.nat(2), (burst, mask, inPort, vlanLimit) => {
        const count = receive(burst);
        const maker = new KeyMaker(batch, view, mask, { seed: 77, vlanLimit, generateCode });
        const made = keysOf(maker, count, inPort);
        const whole = new Int32Array(KEY_WORDS);
        const other = new Int32Array(KEY_WORDS);
        for (let row = 0; row < count; row++) {
          extractKey(view, batch.offset[row]!, batch.length[row]!, inPort, whole, 0, vlanLimit);
          const expected = [...whole.map((word, i) => word & mask[i]!)].filter((_, i) => mask[i] !== 0);
          expect(made[row]!.key).toEqual(expected);
          expect(maker.compact(whole, other, 0)).toBe(made[row]!.hash);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([true, false])(
    'have ports and flags only where the TCP header is whole (generated code: %s)',
    (generateCode) => {
      const mask = new Int32Array(KEY_WORDS).fill(-1);
      const segment = { sourcePort: 1111, destinationPort: 80, payload: new Uint8Array(8) };
      const { type, payload } = tcp({ source: '10.0.0.1', destination: '10.0.0.2' }, segment);
      // The header says how many words it has: 20 bytes are five, and there are eight more bytes.
      const burst = Array.from({ length: 16 }, (_, words) => {
        const frame = ethernet({ destination: MAC, source: MAC, type, payload });
        frame[TCP_LENGTH_AT] = words << 4;
        return frame;
      });
      const count = receive(burst);
      const maker = new KeyMaker(batch, view, mask, { seed: 1, generateCode });
      const ports = keysOf(maker, count, 1).map(({ key }) => key[KEY_TP]!);
      const whole = (1111 << 16) | 80;
      expect(ports).toEqual(Array.from({ length: 16 }, (_, words) => (words >= 5 && words <= 7 ? whole : 0)));
    },
  );

  test('have different hashes for different seeds, and are made for a part of the rows', () => {
    const mask = new Int32Array(KEY_WORDS).fill(-1);
    const count = receive([new Uint8Array(60).fill(1), new Uint8Array(60).fill(2)]);
    const [first, second] = [1, 2].map((seed) => keysOf(new KeyMaker(batch, view, mask, { seed }), count, 1));
    expect(first!.map(({ key }) => key)).toEqual(second!.map(({ key }) => key));
    expect(first![0]!.hash).not.toBe(second![0]!.hash);
    const maker = new KeyMaker(batch, view, mask, { seed: 1 });
    maker.make(1, 2, 1);
    expect(maker.hashes[0]).toBe(0);
    expect(maker.hashes[1]).toBe(first![1]!.hash);
  });

  test('are empty under an empty mask', () => {
    const count = receive([new Uint8Array(60)]);
    const maker = new KeyMaker(batch, view, new Int32Array(KEY_WORDS), { seed: 1 });
    expect(maker.size).toBe(0);
    expect(keysOf(maker, count, 1)[0]!.key).toEqual([]);
  });

  test('of frames shorter than an Ethernet header are not read', () => {
    const count = receive([new Uint8Array(13)]);
    const maker = new KeyMaker(batch, view, new Int32Array(KEY_WORDS).fill(-1), { seed: 1 });
    expect(() => maker.make(0, count, 1)).not.toThrow();
  });
});
