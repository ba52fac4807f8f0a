// What: the fast-check generator of super-frames. Why: segmentation is held to the same frames in memory and by
// the kernel. Who: tests of ports.

import fc from 'fast-check';
import { patternPayload, type SuperFrameSpec } from './super-frame.ts';

/** No tag, 802.1Q with a priority, QinQ. */
const TAGS: [number, number][][] = [
  [],
  [[0x8100, 0x600a]],
  [
    [0x88a8, 20],
    [0x8100, 30],
  ],
];

/** Any super-frame that a sender could mean, up to 64 KiB, with segments of 8 bytes and more. */
export const anySuperFrameSpec = fc
  .record({
    ipv6: fc.boolean(),
    udp: fc.boolean(),
    vlans: fc.constantFrom(...TAGS),
    ipOptionWords: fc.nat(10),
    extensions: fc.nat(3),
    tcpOptionWords: fc.nat(10),
    tcpFlags: fc.nat(255),
    sequence: fc.integer({ min: 0, max: 0xffff_ffff }),
    identification: fc.nat(0xffff),
    payloadLength: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 65_400 })),
    gsoSize: fc.oneof(fc.integer({ min: 8, max: 100 }), fc.integer({ min: 100, max: 9000 })),
    seed: fc.nat(),
  })
  .map(
    (r): SuperFrameSpec => ({
      ...r,
      ipOptions: new Uint8Array(r.ipOptionWords * 4).fill(1),
      tcpOptions: new Uint8Array(r.tcpOptionWords * 4).fill(1),
      payload: patternPayload(Math.min(r.payloadLength, 65_535 - 60 - 60), r.seed),
    }),
  );
