// What: flows of a switch over memory ports: which one decides, what it counts, what each flow mod changes, and what
// full tables do. Why: these are the rules of OpenFlow and of Open vSwitch that users rely on.

import { describe, expect, test } from 'vitest';
import type { DropReason } from '../../src/datapath/drop.ts';
import { BURST } from '../../src/datapath/port/batch.ts';
import { ethernet, tcp, udp } from '../support/frames.ts';
import { errorOf } from './error-of.ts';
import { frameBetween, MemorySwitch, station } from './memory-switch.ts';

const V4 = { source: '10.0.0.1', destination: '10.0.0.2' };

describe('flows', () => {
  test('the highest priority decides, and counts', () => {
    const lab = new MemorySwitch(3);
    lab.add('priority=10,udp,actions=output:2');
    lab.add('priority=20,udp,tp_dst=53,actions=3,local');
    const macs = { destination: station(2), source: station(1) };
    const dns = ethernet({ ...macs, ...udp(V4, { sourcePort: 9, destinationPort: 53 }) });
    const other = ethernet({ ...macs, ...udp(V4, { sourcePort: 9, destinationPort: 54 }) });
    const notUdp = ethernet({ ...macs, ...tcp(V4, { sourcePort: 9, destinationPort: 53 }) });
    expect(lab.send('p1', dns, dns)).toEqual(['br0', 'br0', 'p3', 'p3']);
    expect(lab.send('p1', other)).toEqual(['p2']);
    expect(lab.send('p1', notUdp)).toEqual(['br0', 'p2', 'p3']);
    lab.wait(2500);
    const common = {
      tableId: 0,
      cookie: '0x0',
      durationSeconds: 2.5,
      idleTimeout: 0,
      hardTimeout: 0,
      importance: 0,
      flags: [],
      idleAgeSeconds: 2,
      hardAgeSeconds: 2,
    };
    expect(lab.sw.listFlows('br0', { match: '' }, 0)).toEqual({
      items: [
        {
          ...common,
          priority: 20,
          match: 'udp,tp_dst=53',
          actions: 'output:3,LOCAL',
          packets: 2,
          bytes: dns.length * 2,
        },
        { ...common, priority: 10, match: 'udp', actions: 'output:2', packets: 1, bytes: other.length },
        { ...common, priority: 0, match: '', actions: 'NORMAL', packets: 1, bytes: notUdp.length },
      ],
      next: 0,
    });
  });

  test('a change holds for the very next frame', () => {
    const lab = new MemorySwitch(3);
    lab.send('p1', frameBetween(1, 2));
    lab.add('in_port=1,actions=2');
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p2']);
    lab.add('in_port=1,actions=3');
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['p3']);
    expect(lab.sw.listFlows('br0', { match: 'in_port=1' }, 0).items).toMatchObject([
      { actions: 'output:3', packets: 1 },
    ]);
    expect(lab.delete('in_port=1')).toBe(1);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(['br0', 'p2', 'p3']);
  });

  test.each<[string, string[], DropReason | undefined]>([
    ['drop', [], 'flow-drop'],
    ['1', [], 'ingress-only'],
    ['7', [], 'no-such-port'],
    ['in_port', ['p1'], undefined],
    ['1,in_port,2', ['p1', 'p2'], undefined],
    ['2,2,2', ['p2', 'p2', 'p2'], undefined],
    ['flood', ['br0', 'p2', 'p3'], undefined],
    ['all,in_port', ['br0', 'p1', 'p2', 'p3'], undefined],
    ['7,1,2', ['p2'], undefined],
    ['normal,3', ['br0', 'p2', 'p3', 'p3'], undefined],
    ['flood,flood', ['br0', 'br0', 'p2', 'p2', 'p3', 'p3'], undefined],
    ['local', ['br0'], undefined],
  ])('actions=%s', (actions, ports, reason) => {
    const lab = new MemorySwitch(3);
    lab.add(`in_port=1,actions=${actions}`);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(ports);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual(ports);
    if (reason) expect(lab.drops('p1', reason)).toBe(2);
    expect(lab.balance()).toEqual({ received: 2, accounted: 2 });
  });

  test('an action list that names a port more often than a burst has frames', () => {
    const lab = new MemorySwitch(2);
    lab.add(`in_port=1,actions=${Array(5).fill('2').join()}`);
    const frames = Array.from({ length: BURST }, (_, i) => frameBetween(i, 200));
    expect(lab.send('p1', ...frames)).toEqual(Array(5 * BURST).fill('p2'));
    expect(lab.balance()).toEqual({ received: BURST, accounted: BURST });
  });

  test('a secure bridge drops what no flow matches', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    expect(lab.sw.listFlows('br0', { match: '' }, 0).items).toEqual([]);
    expect(lab.send('p1', frameBetween(1, 2))).toEqual([]);
    expect(lab.drops('p1', 'table-miss')).toBe(1);
    lab.sw.setBridge('br0', { failMode: 'standalone' });
    expect(lab.sw.listFlows('br0', { match: '' }, 0).items).toMatchObject([
      { priority: 0, actions: 'NORMAL' },
    ]);
  });

  test('loose delete takes what the match covers, by cookie and output port too', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    for (const flow of [
      'tcp,actions=1',
      'tcp,tp_dst=80,actions=2',
      'udp,cookie=5,actions=1',
      'arp,actions=drop',
    ]) {
      lab.add(flow);
    }
    const matches = () => lab.sw.listFlows('br0', { match: '' }, 0).items.map(({ match }) => match);
    expect(lab.sw.listFlows('br0', { match: 'cookie=5/-1' }, 0).items).toMatchObject([
      { match: 'udp', cookie: '0x5' },
    ]);
    expect(lab.delete('tcp,tp_dst=81')).toBe(0);
    expect(lab.delete('tcp,tp_dst=80')).toBe(1);
    expect(lab.delete('ip,out_port=1')).toBe(2);
    expect(matches()).toEqual(['arp']);
    expect(lab.delete('')).toBe(1);
  });

  test('lists many flows in pages, without loss while flows come and go', () => {
    const lab = new MemorySwitch(1, { failMode: 'secure' });
    for (let i = 0; i < 1200; i++) lab.add(`priority=${i % 7},udp,tp_dst=${i},actions=1`);
    const seen: string[] = [];
    let after = 0;
    do {
      const page = lab.sw.listFlows('br0', { match: '' }, after);
      seen.push(...page.items.map(({ match }) => match));
      after = page.next;
      lab.delete('udp,tp_dst=6');
      lab.add('priority=6,udp,tp_dst=6,actions=drop');
    } while (after !== 0);
    for (let i = 0; i < 1200; i++) if (i !== 6) expect(seen).toContain(`udp,tp_dst=${i}`);
    expect(new Set(seen).size).toBe(1200);
  });

  test('a flow that is refused changes nothing', () => {
    const lab = new MemorySwitch(1);
    const before = lab.sw.listFlows('br0', { match: '' }, 0);
    expect(errorOf(() => lab.add('in_port=9,actions=nowhere')).code).toBe('invalid-argument');
    expect(lab.sw.listFlows('br0', { match: '' }, 0)).toEqual(before);
  });
});

describe('flow mods', () => {
  const FRAME = frameBetween(1, 2);

  test('add takes the place of a flow with the same match and priority', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add('cookie=1,in_port=1,idle_timeout=9,actions=2');
    lab.send('p1', FRAME);
    lab.wait(3000);
    lab.add('cookie=2,in_port=1,hard_timeout=8,actions=LOCAL');
    expect(lab.dump()).toEqual([' cookie=0x2, hard_timeout=8, in_port=1 actions=LOCAL']);
    expect(lab.sw.listFlows('br0', { match: '' }, 0).items).toMatchObject([
      // As with Open vSwitch the counts are gone, but not when it was last used.
      { packets: 0, bytes: 0, durationSeconds: 0, idleAgeSeconds: 3, hardAgeSeconds: 0 },
    ]);
    lab.add('priority=7,in_port=1,actions=drop');
    expect(lab.dump()).toHaveLength(2);
  });

  test('modify changes actions and cookie, and nothing else', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add('cookie=1,in_port=1,idle_timeout=9,importance=3,actions=2', 'cookie=1,in_port=2,actions=1');
    lab.send('p1', FRAME);
    lab.wait(3000);
    expect(lab.mod('modify', 'cookie=5,in_port=1,idle_timeout=1,actions=local')).toBe(1);
    expect(lab.dump()).toEqual([
      ' cookie=0x5, idle_timeout=9, importance=3, in_port=1 actions=LOCAL',
      ' cookie=0x1, in_port=2 actions=output:1',
    ]);
    expect(lab.sw.listFlows('br0', { match: 'in_port=1' }, 0).items).toMatchObject([
      { packets: 1, durationSeconds: 3, hardAgeSeconds: 0 },
    ]);
    expect(lab.send('p1', FRAME)).toEqual(['br0']);
    expect(lab.mod('modify', 'actions=drop')).toBe(2);
    expect(lab.packets('in_port=1')).toEqual([2]);
    expect(lab.mod('modify', 'reset_counts,in_port=1,actions=drop')).toBe(1);
    expect(lab.packets('in_port=1')).toEqual([0]);
  });

  test('modify adds a flow when there is none, unless it names a cookie mask', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    expect(lab.mod('modify', 'cookie=5/-1,in_port=1,actions=2')).toBe(0);
    expect(lab.mod('modify', 'cookie=5,in_port=1,idle_timeout=9,actions=2')).toBe(1);
    expect(lab.mod('modify_strict', 'priority=4,table=3,in_port=1,actions=1')).toBe(1);
    expect(lab.mod('modify_strict', 'priority=5,in_port=1,actions=1')).toBe(1);
    expect(lab.dump()).toEqual([
      ' cookie=0x5, idle_timeout=9, in_port=1 actions=output:2',
      ' priority=5,in_port=1 actions=output:1',
      ' table=3, priority=4,in_port=1 actions=output:1',
    ]);
    // Without a cookie of its own a modify by cookie leaves it.
    expect(lab.mod('modify', 'cookie=5/0xf,actions=local')).toBe(1);
    expect(lab.dump('in_port=1,table=0')[0]).toBe(' cookie=0x5, idle_timeout=9, in_port=1 actions=LOCAL');
  });

  test('delete chooses by table, cookie, output and strictness', () => {
    const lab = new MemorySwitch(3, { failMode: 'secure' });
    const flows = [
      'table=0,cookie=0x11,tcp,actions=1',
      'table=1,cookie=0x12,tcp,tp_dst=80,actions=2,clone(3)',
      'table=2,cookie=0x21,priority=7,udp,actions=resubmit(,3)',
      'table=3,arp,actions=write_actions(output:3)',
    ];
    const deletedBy = (mod: () => number) => {
      lab.delete('');
      lab.add(...flows);
      const count = mod();
      expect(lab.dump()).toHaveLength(flows.length - count);
      return count;
    };
    expect(deletedBy(() => lab.delete('tcp'))).toBe(2);
    expect(deletedBy(() => lab.delete('table=1,tcp'))).toBe(1);
    expect(deletedBy(() => lab.delete('ip'))).toBe(3);
    expect(deletedBy(() => lab.delete('cookie=0x10/0xf0'))).toBe(2);
    expect(deletedBy(() => lab.delete('out_port=3'))).toBe(2);
    expect(deletedBy(() => lab.mod('delete_strict', 'tcp'))).toBe(1);
    expect(deletedBy(() => lab.mod('delete_strict', 'table=2,udp'))).toBe(0);
    expect(deletedBy(() => lab.mod('delete_strict', 'priority=7,udp'))).toBe(1);
    expect(deletedBy(() => lab.delete(''))).toBe(4);
  });

  test('check_overlap refuses what another flow of its priority may match too', () => {
    const lab = new MemorySwitch(1, { failMode: 'secure' });
    lab.add('priority=5,tcp,nw_dst=10.0.0.0/8,actions=1');
    const before = lab.state();
    for (const flow of ['in_port=1', 'tcp,tp_dst=80', 'ip,nw_dst=10.1.0.0/16']) {
      const error = errorOf(() => lab.add(`priority=5,check_overlap,${flow},actions=drop`));
      expect(error).toMatchObject({
        code: 'already-exists',
        message: expect.stringContaining('OFPFMFC_OVERLAP'),
      });
    }
    expect(lab.state()).toEqual(before);
    lab.add('priority=5,check_overlap,udp,actions=drop', 'priority=6,check_overlap,tcp,actions=drop');
    // The same match and priority is a replacement, no overlap.
    lab.add('priority=5,check_overlap,tcp,nw_dst=10.0.0.0/8,actions=drop');
    expect(lab.dump()).toHaveLength(3);
  });

  test('refer only to groups and meters that are there', () => {
    const lab = new MemorySwitch(1);
    const before = lab.state();
    expect(errorOf(() => lab.add('actions=group:5')).message).toMatch(/no group 5 .*OFPBAC_BAD_OUT_GROUP/);
    expect(errorOf(() => lab.add('actions=write_actions(group:5)')).message).toMatch(/no group 5/);
    expect(errorOf(() => lab.add('actions=meter:5,1')).message).toMatch(/no meter 5 .*OFPMMFC_INVALID_METER/);
    expect(errorOf(() => lab.mod('modify', 'actions=group:5')).code).toBe('failed-precondition');
    expect(lab.state()).toEqual(before);
  });

  test('aggregate, parse, and the flows of a file', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add('in_port=p1,actions=p2', 'table=1,tcp,actions=2', 'in_port=2,actions=drop');
    lab.send('p1', FRAME, FRAME);
    lab.send('p2', FRAME);
    expect(lab.sw.aggregateFlows('br0', { match: '' })).toEqual({
      packets: 3,
      bytes: 3 * FRAME.length,
      flows: 3,
    });
    expect(lab.sw.aggregateFlows('br0', { match: 'in_port=1' })).toMatchObject({ packets: 2, flows: 1 });
    expect(lab.sw.listFlows('br0', { match: 'in_port=1', strict: true, names: true }, 0).items).toMatchObject(
      [{ match: 'in_port=p1', actions: 'output:p2' }],
    );
    const text = 'ADD in_port=1 actions=output:2';
    expect(lab.sw.parseFlow('br0', 'add', 'in_port=p1 actions=p2')).toMatchObject({ text });
    expect(errorOf(() => lab.sw.parseFlow('', 'add', 'in_port=p1 actions=p2')).code).toBe('invalid-argument');
    const lines = [
      '# a comment',
      'add table=1 tcp actions=output:p2 # another',
      '',
      'priority=3,arp,actions=normal',
    ];
    expect(lab.sw.normalizeFlows('br0', lines, 1, 'flows.txt')).toBe(
      ' table=1, tcp actions=output:2\n priority=3,arp actions=NORMAL\n',
    );
    const error = errorOf(() =>
      lab.sw.normalizeFlows('br0', ['', 'arp,tcp_dst=1,actions=drop'], 10, 'flows.txt'),
    );
    expect(error.message).toMatch(/^flows\.txt:11: /);
  });
});

describe('tables', () => {
  test('that are full refuse flows, or evict the ones that matter least', () => {
    const lab = new MemorySwitch(1, { failMode: 'secure' });
    lab.sw.setTable('br0', 4, { name: 'acl', flowLimit: 2 });
    lab.add(
      'table=4,priority=1,importance=5,idle_timeout=60,actions=drop',
      'table=4,priority=2,idle_timeout=90,actions=drop',
    );
    const before = lab.state();
    const error = errorOf(() => lab.add('table=4,priority=3,actions=drop'));
    expect(error).toMatchObject({
      code: 'resource-exhausted',
      message: expect.stringContaining('OFPFMFC_TABLE_FULL'),
    });
    expect(lab.state()).toEqual(before);
    lab.add('table=4,priority=2,idle_timeout=90,actions=1', 'table=5,actions=drop');
    lab.sw.setTable('br0', 4, { overflow: 'evict' });
    lab.add('table=4,priority=3,actions=drop');
    expect(lab.dump('table=4').map((line) => /priority=\d/.exec(line)![0])).toEqual([
      'priority=3',
      'priority=1',
    ]);
    lab.add('table=4,priority=4,actions=drop');
    expect(errorOf(() => lab.add('table=4,priority=5,actions=drop')).message).toMatch(
      /none of them has a timeout/,
    );
    lab.sw.setTable('br0', 4, { flowLimit: null });
    lab.add('table=4,priority=5,actions=drop');
    expect(lab.sw.listTables('br0')).toMatchObject([
      { tableId: 4, name: 'acl', activeFlows: 3, flowLimit: undefined, overflow: 'evict' },
      { tableId: 5, name: 'table5', activeFlows: 1, overflow: 'refuse' },
    ]);
  });

  test('with a lower limit evict at once', () => {
    const lab = new MemorySwitch(1, { failMode: 'secure' });
    for (let i = 1; i <= 5; i++) lab.add(`priority=${i},hard_timeout=${10 * i},send_flow_rem,actions=drop`);
    lab.sw.setTable('br0', 0, { flowLimit: 2, overflow: 'evict' });
    expect(lab.dump().map((line) => /priority=\d/.exec(line)![0])).toEqual(['priority=5', 'priority=4']);
    expect(lab.takeEvents().map((event) => event.kind === 'flow-removed' && event.reason)).toEqual(
      Array(3).fill('eviction'),
    );
    expect(errorOf(() => lab.sw.setTable('br0', 254, {})).code).toBe('invalid-argument');
  });

  test('count what they are asked', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add('actions=resubmit(,7)', 'table=7,in_port=1,actions=2');
    lab.send('p1', frameBetween(1, 2), frameBetween(1, 2), frameBetween(1, 3));
    lab.send('p2', frameBetween(1, 2));
    expect(lab.sw.listTables('br0')).toMatchObject([
      { tableId: 0, lookups: 4, matched: 4 },
      { tableId: 7, lookups: 4, matched: 3 },
    ]);
  });
});
