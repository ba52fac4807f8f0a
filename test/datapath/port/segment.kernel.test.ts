// What: software segmentation against the Linux kernel's own, byte by byte. Why: the kernel's segments are what
// every receiver is used to. How: the kernel gets a super-frame from a tap and bridges it to a device with all of
// its offloads off, so that it must cut it (net/ipv4/tcp_offload.c and its kin); a port that carries no offload gets
// the same super-frame. In a network namespace of its own.
//
//   kernel    tap ct0 - bridge kbr0 - kv0 (offloads off) ===veth=== kv1 - packet socket
//   port      port without offloads - cp0 ===veth=== cp1 - packet socket

import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { NativeProvider } from '../../../src/datapath/port/native-provider.ts';
import type { Port } from '../../../src/datapath/port/port.ts';
import { run, silenceHost, systemKind } from '../../contract/kernel-world.ts';
import { isOwnNamespace, runInOwnNamespace } from '../../contract/own-namespace.ts';
import { expectSameFrames, sendAll } from '../../contract/port.contract.ts';
import { collect } from '../../contract/port-world.ts';
import { fillRow, type WireFrame } from '../../contract/wire-frame.ts';
import { describeWith } from '../../support/describe-with.ts';
import { anySuperFrameSpec } from './arbitrary.ts';
import { buildSuperFrame, patternPayload, type SuperFrameSpec } from './super-frame.ts';

const CHILD_TIMEOUT_MS = 90_000;

const CASES: [string, SuperFrameSpec][] = [
  ['TSO4', { payload: patternPayload(20_000), gsoSize: 1448, tcpFlags: 0x99, identification: 0xfffe }],
  [
    'TSO6',
    { ipv6: true, payload: patternPayload(20_000), gsoSize: 1428, tcpFlags: 0x19, sequence: 0xffff_ff00 },
  ],
  ['USO over IPv4', { udp: true, payload: patternPayload(10_001), gsoSize: 1400 }],
  ['USO over IPv6', { ipv6: true, udp: true, payload: patternPayload(10_001), gsoSize: 1400 }],
  [
    'TSO4 behind an 802.1Q tag',
    { payload: patternPayload(20_000), gsoSize: 1400, vlans: [[0x8100, 0x2064]] },
  ],
];

/** What the kernel makes of super-frames. `cut` gives the segments of one of them. */
class KernelSegmenter {
  private readonly provider = new NativeProvider();
  private readonly tap = this.provider.open('ct0', { type: 'tap' });
  private readonly end: Port;

  constructor() {
    run('ip link add kbr0 type bridge mcast_snooping 0');
    run('ip link add kv0 type veth peer name kv1');
    run('ethtool -K kv0 tx off tso off gso off tx-udp-segmentation off txvlan off');
    for (const device of ['ct0', 'kv0']) run(`ip link set ${device} master kbr0`);
    for (const device of ['ct0', 'kv0', 'kv1', 'kbr0']) run(`ip link set ${device} up`);
    this.end = this.provider.open('kv1', { type: 'system' });
  }

  cut(superFrame: WireFrame, count: number): WireFrame[] {
    const { batch } = this.provider;
    fillRow(batch, 0, superFrame);
    this.tap.send(batch, Int32Array.of(0), 1);
    return collect(this.end, batch, () => void this.provider.wait(100, 0), count);
  }

  close(): void {
    this.provider.close();
    run('ip link del kbr0');
    run('ip link del kv0');
  }
}

function segmentCount(spec: SuperFrameSpec): number {
  return spec.gsoSize === 0 ? 1 : Math.ceil(spec.payload.length / spec.gsoSize);
}

if (isOwnNamespace) {
  silenceHost();

  describe('segments', () => {
    /** The segments of each super-frame, cut by the kernel and by a port without offloads, are the same. */
    function expectSameSegments(specs: readonly SuperFrameSpec[]): void {
      const kernel = new KernelSegmenter();
      onTestFinished(() => kernel.close());
      const world = systemKind.open({ offloads: 0 });
      onTestFinished(() => world.close());
      for (const spec of specs) {
        const superFrame = buildSuperFrame(spec);
        const wanted = kernel.cut(superFrame, segmentCount(spec));
        expect(wanted.length).toBe(segmentCount(spec));
        sendAll(world, [superFrame]);
        expectSameFrames(world.take(wanted.length), wanted);
      }
    }

    it.each(CASES)('of %s are those of the kernel', (_, spec) => {
      expectSameSegments([spec]);
    });

    it('of any super-frame are those of the kernel', () => {
      // Linux takes no more than 128 segments of UDP (UDP_MAX_SEGMENTS).
      const fits = (spec: SuperFrameSpec) =>
        spec.gsoSize >= 500 && spec.gsoSize <= 1300 && (!spec.udp || segmentCount(spec) <= 128);
      expectSameSegments(fc.sample(anySuperFrameSpec.filter(fits), { numRuns: 200, seed: 7 }));
    });

    it('of no size at all are the frame with its checksum', () => {
      expectSameSegments([{ payload: patternPayload(501), gsoSize: 0 }]);
    });
  });
} else {
  describeWith(['root', 'netns', 'tap', 'ethtool'], 'segments cut in software', () => {
    it(
      'are those of the kernel, in a network namespace of its own',
      () => {
        const result = runInOwnNamespace(fileURLToPath(import.meta.url), CHILD_TIMEOUT_MS);
        expect(result.report).toBe('');
        expect(result).toMatchObject({ passed: CASES.length + 2, failed: 0 });
      },
      CHILD_TIMEOUT_MS,
    );
  });
}
