// What: idle and hard timeouts of flows, with a clock that the test holds. Why: a flow that stays too long lets frames
// pass that it should not, one that goes too soon cuts connections.

import { describe, expect, test } from 'vitest';
import { frameBetween, MemorySwitch } from './memory-switch.ts';

const FRAME = frameBetween(1, 2);

describe('timeouts', () => {
  test('a flow goes within a second of its hard timeout, used or not', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add('in_port=1,hard_timeout=5,actions=2');
    for (let i = 0; i < 5; i++) {
      expect(lab.send('p1', FRAME)).toEqual(['p2']);
      lab.wait(1000);
    }
    expect(lab.dump()).toHaveLength(1);
    lab.wait(1000);
    expect(lab.dump()).toEqual([]);
    expect(lab.send('p1', FRAME)).toEqual([]);
  });

  test('a flow goes within a second after it was idle for its time, cached frames keep it', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add('in_port=1,idle_timeout=5,actions=2');
    for (let i = 0; i < 10; i++) {
      lab.wait(4000);
      expect(lab.send('p1', FRAME)).toEqual(['p2']);
    }
    lab.wait(5000);
    expect(lab.dump()).toHaveLength(1);
    lab.wait(1000);
    expect(lab.dump()).toEqual([]);
    expect(lab.sw.datapathStats().cacheMisses).toBeLessThan(10);
  });

  test('whichever comes first; a modify starts the hard timeout anew', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add(
      'in_port=1,idle_timeout=3,hard_timeout=10,actions=2',
      'in_port=2,idle_timeout=30,hard_timeout=10,actions=1',
    );
    lab.wait(4000);
    expect(lab.dump()).toHaveLength(1);
    lab.mod('modify', 'in_port=2,actions=drop');
    lab.wait(9000);
    expect(lab.dump()).toHaveLength(1);
    lab.wait(2000);
    expect(lab.dump()).toEqual([]);
  });

  test('many flows go in bounded slices', () => {
    const lab = new MemorySwitch(1, { failMode: 'secure' });
    lab.bundle(Array.from({ length: 3000 }, (_, i) => `priority=${i},hard_timeout=1,actions=drop`));
    expect(lab.sw.restMs).toBeLessThanOrEqual(500);
    lab.wait(2500);
    const left = lab.sw.aggregateFlows('br0', { match: '' }).flows;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(3000);
    expect(lab.sw.restMs).toBe(0);
    for (let i = 0; i < 10; i++) lab.sw.poll(lab.nowMs);
    expect(lab.sw.aggregateFlows('br0', { match: '' }).flows).toBe(0);
    lab.wait(500);
    expect(lab.sw.restMs).toBe(1000);
  });

  test('tell of flows that asked for it, with exact counts', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add(
      'cookie=0x77,table=0,priority=9,in_port=1,idle_timeout=2,send_flow_rem,actions=2',
      'in_port=2,hard_timeout=1,actions=1',
    );
    for (let i = 0; i < 7; i++) lab.send('p1', FRAME);
    lab.wait(3000);
    expect(lab.takeEvents()).toMatchObject([
      {
        kind: 'flow-removed',
        reason: 'idle_timeout',
        bridge: 'br0',
        flow: {
          cookie: '0x77',
          priority: 9,
          match: 'in_port=1',
          packets: 7,
          bytes: 7 * FRAME.length,
          durationSeconds: 3,
        },
      },
    ]);
  });

  test('fin_timeout shortens what is left', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add('in_port=1,idle_timeout=60,actions=fin_timeout(idle_timeout=2),2');
    expect(lab.dump()).toHaveLength(1);
    lab.send('p1', FRAME);
    lab.wait(10_000);
    // No TCP FIN or RST came.
    expect(lab.dump()).toHaveLength(1);
  });
});
