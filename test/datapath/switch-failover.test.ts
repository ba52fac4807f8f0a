// What: how fast and how rightly groups and floods follow the links of their ports. Why: fast failover is only that when
// the very next frame takes the other way.

import { describe, expect, test } from 'vitest';
import { frameBetween, MemorySwitch } from './memory-switch.ts';

const FRAME = frameBetween(1, 2);

describe('fast failover', () => {
  test('the frame after a link loss takes the next live bucket, within one poll', () => {
    const lab = new MemorySwitch(4, { failMode: 'secure' });
    lab.sw.modGroup(
      'br0',
      'add',
      'group_id=1,type=ff,bucket=watch_port:2,actions=2,bucket=watch_port:3,actions=3,bucket=watch_port:4,actions=4',
    );
    lab.add('in_port=1,actions=group:1');
    for (let i = 0; i < 3; i++) expect(lab.send('p1', FRAME)).toEqual(['p2']);
    lab.port('p1').inject(FRAME);
    lab.port('p2').setLink(false);
    lab.sw.poll(lab.nowMs);
    expect(lab.takeSent().map(({ port }) => port)).toEqual(['p3']);
    lab.sw.modPort('br0', 'p3', { down: true });
    expect(lab.send('p1', FRAME)).toEqual(['p4']);
    lab.port('p4').setLink(false);
    expect(lab.send('p1', FRAME)).toEqual([]);
    lab.port('p2').setLink(true);
    expect(lab.send('p1', FRAME)).toEqual(['p2']);
    expect(lab.balance()).toEqual({ received: 7, accounted: 7 });
  });

  test('a bucket that watches a group follows the ports of that group', () => {
    const lab = new MemorySwitch(4, { failMode: 'secure' });
    lab.sw.modGroup(
      'br0',
      'add',
      'group_id=2,type=ff,bucket=watch_port:2,actions=2,bucket=watch_port:3,actions=3',
    );
    lab.sw.modGroup(
      'br0',
      'add',
      'group_id=1,type=ff,bucket=watch_group:2,actions=group:2,bucket=watch_port:4,actions=4',
    );
    lab.add('in_port=1,actions=group:1');
    expect(lab.send('p1', FRAME)).toEqual(['p2']);
    lab.port('p2').setLink(false);
    expect(lab.send('p1', FRAME)).toEqual(['p3']);
    lab.port('p3').setLink(false);
    expect(lab.send('p1', FRAME)).toEqual(['p4']);
  });

  test('bundle active_backup does the same', () => {
    const lab = new MemorySwitch(3, { failMode: 'secure' });
    lab.add('in_port=1,actions=bundle(eth_src,0,active_backup,ofport,members:2,3)');
    expect(lab.send('p1', FRAME)).toEqual(['p2']);
    lab.port('p2').setLink(false);
    expect(lab.send('p1', FRAME)).toEqual(['p3']);
  });
});
