// What: group mods, what groups do to frames, and what becomes of flows when groups go. Why: OpenFlow 1.5, 7.3.4.3, and
// the ways of Open vSwitch.

import { describe, expect, test } from 'vitest';
import { errorOf } from './error-of.ts';
import { frameBetween, MemorySwitch } from './memory-switch.ts';

const FRAME = frameBetween(1, 2);

function texts(lab: MemorySwitch): string[] {
  return lab.sw.listGroups('br0').map(({ text }) => text.trim());
}

describe('groups', () => {
  test('add, modify, add or modify, delete', () => {
    const lab = new MemorySwitch(3, { failMode: 'secure' });
    const { sw } = lab;
    sw.modGroup('br0', 'add', 'group_id=5,type=all,bucket=actions=2,bucket=actions=3');
    lab.add('in_port=1,actions=group:5');
    expect(lab.send('p1', FRAME)).toEqual(['p2', 'p3']);
    sw.modGroup('br0', 'modify', 'group_id=5,type=indirect,bucket=actions=3');
    expect(lab.send('p1', FRAME)).toEqual(['p3']);
    sw.modGroup('br0', 'add_or_modify', 'group_id=5,type=all,bucket=actions=2');
    sw.modGroup('br0', 'add_or_modify', 'group_id=6,type=all');
    expect(lab.send('p1', FRAME)).toEqual(['p2']);
    expect(texts(lab)).toHaveLength(2);
    expect(sw.listGroups('br0', 6)).toMatchObject([{ groupId: 6 }]);
    expect(sw.listGroups('br0', 7)).toEqual([]);
    sw.modGroup('br0', 'delete', 'group_id=5');
    expect(lab.dump()).toEqual([]);
    expect(lab.send('p1', FRAME)).toEqual([]);
    sw.modGroup('br0', 'delete', 'group_id=99');
    sw.modGroup('br0', 'delete', '');
    expect(texts(lab)).toEqual([]);
    expect(lab.balance()).toEqual({ received: 4, accounted: 4 });
  });

  test.each<[string, (lab: MemorySwitch) => unknown, RegExp]>([
    ['a number twice', ({ sw }) => sw.modGroup('br0', 'add', 'group_id=1,type=all'), /OFPGMFC_GROUP_EXISTS/],
    [
      'a change of what is not there',
      ({ sw }) => sw.modGroup('br0', 'modify', 'group_id=9,type=all'),
      /OFPGMFC_UNKNOWN_GROUP/,
    ],
    [
      'a bucket behind one that is not there',
      ({ sw }) =>
        sw.modGroup('br0', 'insert_buckets', 'group_id=1,command_bucket_id=77,bucket=bucket_id:9,actions=1'),
      /OFPGMFC_UNKNOWN_BUCKET/,
    ],
    [
      'a bucket twice',
      ({ sw }) =>
        sw.modGroup(
          'br0',
          'insert_buckets',
          'group_id=1,command_bucket_id=last,bucket=bucket_id:0,actions=1',
        ),
      /OFPGMFC_BUCKET_EXISTS/,
    ],
    [
      'a loop',
      ({ sw }) => sw.modGroup('br0', 'modify', 'group_id=1,type=all,bucket=actions=group:2'),
      /OFPGMFC_LOOP/,
    ],
    [
      'a loop of one',
      ({ sw }) => sw.modGroup('br0', 'add', 'group_id=3,type=all,bucket=actions=group:3'),
      /OFPGMFC_LOOP/,
    ],
  ])('%s is refused', (_name, request, sentence) => {
    const lab = new MemorySwitch(2);
    lab.sw.modGroup('br0', 'add', 'group_id=1,type=all,bucket=bucket_id:0,actions=1');
    lab.sw.modGroup('br0', 'add', 'group_id=2,type=all,bucket=actions=group:1');
    const before = lab.state();
    expect(errorOf(() => request(lab)).message).toMatch(sentence);
    expect(lab.state()).toEqual(before);
  });

  test('buckets come and go by number and place', () => {
    const lab = new MemorySwitch(3);
    const { sw } = lab;
    const order = () => [...texts(lab)[0]!.matchAll(/bucket_id:(\d+)/g)].map(([, id]) => Number(id));
    sw.modGroup(
      'br0',
      'add',
      'group_id=1,type=select,bucket=bucket_id:10,actions=1,bucket=bucket_id:20,actions=2',
    );
    sw.modGroup('br0', 'insert_buckets', 'group_id=1,command_bucket_id=first,bucket=bucket_id:5,actions=3');
    sw.modGroup('br0', 'insert_buckets', 'group_id=1,command_bucket_id=last,bucket=bucket_id:30,actions=3');
    sw.modGroup(
      'br0',
      'insert_buckets',
      'group_id=1,command_bucket_id=10,bucket=bucket_id:11,actions=3,bucket=bucket_id:12,actions=3',
    );
    expect(order()).toEqual([5, 10, 11, 12, 20, 30]);
    sw.modGroup('br0', 'remove_buckets', 'group_id=1,command_bucket_id=first');
    sw.modGroup('br0', 'remove_buckets', 'group_id=1,command_bucket_id=last');
    sw.modGroup('br0', 'remove_buckets', 'group_id=1,command_bucket_id=12');
    expect(order()).toEqual([10, 11, 20]);
    expect(texts(lab)[0]).toContain('type=select');
    sw.modGroup('br0', 'remove_buckets', 'group_id=1,command_bucket_id=all');
    expect(order()).toEqual([]);
  });

  test('count frames, for the group and for each bucket that got them', () => {
    const lab = new MemorySwitch(3, { failMode: 'secure' });
    lab.sw.modGroup(
      'br0',
      'add',
      'group_id=1,type=all,bucket=actions=2,bucket=actions=3,bucket=actions=drop',
    );
    lab.sw.modGroup('br0', 'add', 'group_id=2,type=all,bucket=actions=group:1');
    lab.add('in_port=1,actions=group:1', 'in_port=2,actions=group:1,group:1');
    lab.wait(2000);
    lab.send('p1', FRAME, FRAME, FRAME);
    const each = { packets: 3, bytes: 3 * FRAME.length };
    expect(lab.sw.groupStats('br0', 1)).toEqual([
      { groupId: 1, durationSeconds: 2, references: 3, ...each, buckets: [each, each, each] },
    ]);
  });

  test('select spreads flows by weight, each flow always to the same bucket', () => {
    const lab = new MemorySwitch(3, { failMode: 'secure' });
    lab.sw.modGroup(
      'br0',
      'add',
      'group_id=1,type=select,bucket=weight:100,actions=2,bucket=weight:300,actions=3',
    );
    lab.add('in_port=1,actions=group:1');
    const first = Array.from({ length: 400 }, (_, i) => lab.send('p1', frameBetween(i, 1000))[0]);
    const again = Array.from({ length: 400 }, (_, i) => lab.send('p1', frameBetween(i, 1000))[0]);
    expect(again).toEqual(first);
    const toThird = first.filter((port) => port === 'p3').length;
    expect(toThird).toBeGreaterThan(240);
    expect(toThird).toBeLessThan(360);
  });
});
