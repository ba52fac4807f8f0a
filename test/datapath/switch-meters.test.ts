// What: meter mods, what meters let pass, and what becomes of flows when meters go.

import { describe, expect, test } from 'vitest';
import { errorOf } from './error-of.ts';
import { frameBetween, MemorySwitch } from './memory-switch.ts';

const FRAME = frameBetween(1, 2);

describe('meters', () => {
  test('let packets pass at their rate, with their burst, and count what they drop', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.sw.modMeter('br0', 'add', 'meter=1,pktps,burst,stats,bands=type=drop rate=10 burst_size=5');
    lab.add('in_port=1,actions=meter:1,2');
    expect(lab.send('p1', ...Array(8).fill(FRAME))).toHaveLength(5);
    expect(lab.drops('p1', 'meter-exceeded')).toBe(3);
    lab.wait(200);
    expect(lab.send('p1', ...Array(8).fill(FRAME))).toHaveLength(2);
    expect(lab.sw.meterStats('br0')).toEqual([
      {
        meterId: 1,
        flows: 1,
        packets: 16,
        bytes: 16 * FRAME.length,
        durationSeconds: 0.2,
        bands: [{ packets: 9, bytes: 9 * FRAME.length }],
      },
    ]);
    expect(lab.balance()).toEqual({ received: 16, accounted: 16 });
  });

  test('a change holds for the next frame; without the meter its flows are gone', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.sw.modMeter('br0', 'add', 'meter=1,pktps,bands=type=drop rate=1');
    lab.add('in_port=1,send_flow_rem,actions=meter:1,2', 'in_port=2,actions=1');
    expect(lab.send('p1', FRAME, FRAME)).toHaveLength(1);
    lab.sw.modMeter('br0', 'modify', 'meter=1,pktps,bands=type=drop rate=100');
    expect(lab.send('p1', FRAME, FRAME)).toHaveLength(2);
    expect(lab.sw.listMeters('br0')).toMatchObject([
      { meterId: 1, text: expect.stringContaining('rate=100') },
    ]);
    lab.sw.modMeter('br0', 'delete', 'meter=1');
    expect(lab.dump()).toEqual([' in_port=2 actions=output:1']);
    expect(lab.takeEvents()).toMatchObject([
      { kind: 'flow-removed', reason: 'meter_delete', flow: { packets: 4 } },
    ]);
    lab.sw.modMeter('br0', 'delete', 'meter=9');
    lab.sw.modMeter('br0', 'delete', '');
  });

  test('that are there twice, or not at all, are refused', () => {
    const lab = new MemorySwitch(1);
    lab.sw.modMeter('br0', 'add', 'meter=1,pktps,bands=type=drop rate=1');
    const before = lab.state();
    const again = () => lab.sw.modMeter('br0', 'add', 'meter=1,kbps,bands=type=drop rate=1');
    expect(errorOf(again).message).toMatch(/OFPMMFC_METER_EXISTS/);
    const unknown = () => lab.sw.modMeter('br0', 'modify', 'meter=2,kbps,bands=type=drop rate=1');
    expect(errorOf(unknown).message).toMatch(/OFPMMFC_UNKNOWN_METER/);
    expect(lab.state()).toEqual(before);
  });
});
