// What: the part of the port contract that only kernel devices have: they vanish and come back, lose frames in
// queues, refuse to open, and hold file descriptors. Who: port.contract.test.ts, in a network namespace of its own.

import { readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SwitchError } from '../../src/datapath/errors.ts';
import { RX_KERNEL_DROPS } from '../../src/datapath/port/counters.ts';
import { NativeProvider } from '../../src/datapath/port/native-provider.ts';
import type { PortOptions } from '../../src/datapath/port/port.ts';
import { buildSuperFrame, hex, parseSegment, patternPayload } from '../datapath/port/super-frame.ts';
import { devices, type KernelKind, run } from './kernel-world.ts';
import { drops, expectSameFrames, sendAll } from './port.contract.ts';
import { awaitLink, collect, type DeviceWorld } from './port-world.ts';
import { plain } from './wire-frame.ts';

const FRAME = plain(hex(`020000000002 020000000001 88b5 ${'a5'.repeat(50)}`));

function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd');
}

/** Runs the suite over one kernel port type. */
export function describeDeviceContract(kind: KernelKind): void {
  function open(options?: Omit<PortOptions, 'type'>): DeviceWorld {
    const world = kind.open(options);
    onTestFinished(() => world.close());
    return world;
  }

  function openProvider(): NativeProvider {
    const provider = new NativeProvider();
    onTestFinished(() => provider.close());
    return provider;
  }

  describe(`${kind.type} device`, () => {
    it('that vanishes shows in the link, and works again when it is made anew', () => {
      const world = open();
      const first = world.port.link.ifindex;
      world.removeDevice();
      const gone = awaitLink(world, { attached: false });
      expect(gone).toMatchObject({ attached: false, adminUp: false, up: false, ifindex: 0 });
      expect(gone.error).toMatch(new RegExp(`${kind.device}.*No such device`));
      sendAll(world, [FRAME]);
      expect(drops(world.port, 'tx-link-down')).toBe(1);
      expect(world.port.receive(world.batch)).toBe(0);

      world.createDevice();
      expect(awaitLink(world, { up: true })).toMatchObject({ attached: true, up: true, error: '' });
      expect(world.port.link.ifindex).not.toBe(first);
      sendAll(world, [FRAME]);
      expectSameFrames(world.take(1), [FRAME]);
      world.put([FRAME]);
      expectSameFrames(collect(world.port, world.batch, world.wait, 1), [FRAME]);
    });

    it('is counted when its queue overflows before the switch reads it', () => {
      const world = open();
      const offered = 20_000;
      // One by one: behind a refused frame, the sender on the wire would give up the rest of its burst.
      for (let i = 0; i < offered; i++) world.put([FRAME]);
      const received = collect(world.port, world.batch, world.wait, offered).length;
      world.port.refreshCounters();
      const lost = world.port.counters[RX_KERNEL_DROPS]!;
      expect(lost).toBeGreaterThan(0);
      expect(received + lost).toBe(offered);
      world.port.refreshCounters();
      expect(world.port.counters[RX_KERNEL_DROPS]).toBe(lost);
    });

    it.runIf(kind.type === 'system')('whose own offloads are off gets whole frames all the same', () => {
      const world = open();
      run(`ethtool -K ${kind.device} tx off tso off gso off tx-udp-segmentation off txvlan off`);
      const spec = { payload: patternPayload(10_000), gsoSize: 1000 };
      const built = buildSuperFrame(spec);
      const partial = buildSuperFrame({ ...spec, gsoSize: 0, payload: patternPayload(1000) });
      sendAll(world, [built, partial]);
      const sent = world.take(11);
      expect(sent.length).toBe(11);
      for (const { frame } of sent) {
        expect(parseSegment(frame, spec, built)).toMatchObject({ lengthsAgree: true, l4ChecksumGood: true });
      }
    });

    it('leaves no file descriptor and no device behind', () => {
      kind.open().close();
      const descriptors = openDescriptors();
      const before = devices();
      for (let i = 0; i < 5; i++) kind.open().close();
      expect(openDescriptors()).toEqual(descriptors);
      expect(devices()).toEqual(before);
    });

    it('leaves no file descriptor behind when it vanishes and comes back', () => {
      const world = open();
      const cycle = () => {
        world.removeDevice();
        awaitLink(world, { attached: false });
        world.createDevice();
        expect(awaitLink(world, { up: true }).up).toBe(true);
      };
      cycle();
      const descriptors = openDescriptors().length;
      for (let i = 0; i < 3; i++) cycle();
      expect(openDescriptors().length).toBe(descriptors);
    });

    it('refuses a name that no device can have', () => {
      const provider = openProvider();
      for (const name of ['', '.', '..', 'a/b', 'a b', 'a:b', 'longer-than-15-b']) {
        expect(() => provider.open(name, { type: kind.type })).toThrow(SwitchError);
      }
    });

    it.runIf(kind.type === 'system')(
      'may be absent when that is allowed, and is found when it appears',
      () => {
        const provider = openProvider();
        expect(() => provider.open('cabsent', { type: 'system' })).toThrow(
          expect.objectContaining({ code: 'not-found', message: expect.stringContaining('cabsent') }),
        );
        const port = provider.open('cabsent', { type: 'system', allowMissing: true });
        expect(port.link).toMatchObject({ attached: false, up: false });
        expect(port.link.error).toContain('No such device');
        run('ip link add cabsent type veth peer name cpeer');
        onTestFinished(() => void run('ip link del cabsent'));
        for (let i = 0; i < 20 && !port.link.attached; i++) provider.wait(100, 0);
        expect(port.link).toMatchObject({ attached: true, error: '' });
      },
    );
  });
}
