// What: bundles of thousands of flows, which are staged in tables of their own while they are read, and tables that are
// emptied at once: they do what the same changes do one by one. Why: these ways are taken for speed only.

import { describe, expect, test } from 'vitest';
import type { Bridge } from '../../src/datapath/ofproto/bridge/bridge.ts';
import { OPENFLOW10 } from '../../src/datapath/ofproto/bridge/flow-change.ts';
import { StagedFlows } from '../../src/datapath/ofproto/bridge/staged-flows.ts';
import { parseFlowMod } from '../../src/datapath/ofproto/text/flow-text.ts';
import { errorOf } from './error-of.ts';
import { frameBetween, MemorySwitch } from './memory-switch.ts';

const FRAME = frameBetween(1, 2);
const MANY = 3_000;

/** More lines than are carried out one by one. */
const filler = Array.from(
  { length: MANY },
  (_, i) => `table=${i % 2},priority=${i % 50},reg0=${i},idle_timeout=${i % 3},actions=drop`,
);

/** Flows of all kinds, some with counts, some that `lines` below take the place of. */
function startedLab(): MemorySwitch {
  const lab = new MemorySwitch(2, { failMode: 'secure' });
  lab.sw.modGroup('br0', 'add', 'group_id=1,type=all,bucket=actions=2');
  lab.add(
    'cookie=1,priority=9,in_port=1,send_flow_rem,actions=2',
    'cookie=2,priority=10,reg0=7,actions=drop',
    'cookie=3,table=1,priority=1,reg0=1,hard_timeout=5,actions=learn(table=5,cookie=0x50,delete_learned,in_port=9)',
    'cookie=0x50,table=5,in_port=9,actions=drop',
    'table=2,arp,actions=drop',
  );
  lab.wait(700);
  lab.send('p1', FRAME, FRAME);
  lab.takeEvents();
  return lab;
}

const lines = [
  ...filler,
  'priority=9,in_port=1,actions=drop',
  'table=1,priority=1,reg0=1,actions=3',
  'table=2,tcp,actions=group:1',
  'table=2,tcp,idle_timeout=7,actions=2',
  'table=2,udp,actions=learn(table=6,cookie=0x60,delete_learned,in_port=9)',
  'table=2,udp,actions=drop',
];

/** What a switch has, and what it does with frames and time. */
function behaviour(lab: MemorySwitch): unknown[] {
  const seen = [lab.state(), lab.takeEvents(), lab.send('p1', FRAME), lab.send('p2', FRAME)];
  // One sweep looks at some hundred flows.
  for (const ms of [6000, ...Array<number>(20).fill(1)]) lab.wait(ms);
  return [...seen, lab.state(), lab.takeEvents(), lab.mod('delete', 'table=2'), lab.delete('reg0=8')];
}

describe('a bundle of thousands of flows', () => {
  test.each(['flows', 'bundle'] as const)('does what its lines do one by one: %s', (kind) => {
    const written = lines.filter((line) => kind === 'flows' || !line.startsWith('table=2'));
    const [large, small] = [startedLab(), startedLab()];
    const prefix = kind === 'flows' ? '' : 'flow add ';
    const options = { lines: kind };
    const result = large.bundle(
      written.map((line) => prefix + line),
      options,
    );
    expect(result).toEqual({ changes: written.length, deletedFlows: 1 });
    for (const line of written) small.bundle([prefix + line], options);
    expect(behaviour(large)).toEqual(behaviour(small));
  });

  test('is refused with its line, and nothing has changed', () => {
    const lab = startedLab();
    const before = lab.state();
    const wrong = [...filler, 'actions=group:2', 'actions=group:3'];
    const error = errorOf(() => lab.bundle(wrong, { source: 'f.txt' }));
    expect(error.message).toMatch(`f.txt:${MANY + 1}: There is no group 2 `);
    expect(lab.state()).toEqual(before);
    lab.sw.setTable('br0', 1, { flowLimit: 100 });
    const full = errorOf(() => lab.bundle(filler));
    expect(full.message).toMatch(/^line 202: Table 1 has its 100 flows/);
    expect(lab.state()).toEqual(before);
    expect(lab.send('p1', FRAME)).toEqual(['p2']);
  });

  test('can be taken back', () => {
    const lab = startedLab();
    const before = lab.state();
    const { bridge } = (lab.sw as unknown as { units: Map<string, { bridge: Bridge }> }).units.get('br0')!;
    const staged = new StagedFlows(bridge.tables);
    for (const line of lines) {
      const rule = bridge.flows.makeRule(
        parseFlowMod(line, 'add', () => undefined),
        0,
      );
      expect(staged.add(rule)).toBe(true);
    }
    const failing = () =>
      bridge.transact(1000, (transaction) => {
        expect(transaction.load(staged, OPENFLOW10)).toBe(true);
        throw new Error('on purpose');
      });
    expect(failing).toThrow('on purpose');
    expect(lab.state()).toEqual(before);
    expect(lab.send('p1', FRAME)).toEqual(['p2']);
    expect(lab.delete('')).toBe(5);
  });

  test('finds its place among flows that come while it is read', () => {
    const lab = startedLab();
    const bundle = lab.sw.openBundle('br0', { lines: 'flows' });
    lab.sw.addToBundle(bundle, filler, 1);
    for (let i = 0; i < 100; i++) lab.add(`priority=60,reg1=${i},actions=drop`);
    expect(lab.sw.commitBundle(bundle)).toEqual({ changes: MANY, deletedFlows: 1 });
    expect(lab.sw.aggregateFlows('br0', { match: '' }).flows).toBe(MANY + 100 + 3);
    expect(lab.dump('table=0').slice(0, 100)).toContain(' priority=60,reg1=0x5 actions=drop');
  });
});

test('a large table that is emptied tells of its flows, and can be filled again', () => {
  const lab = startedLab();
  lab.bundle(filler);
  lab.add('priority=100,send_flow_rem,actions=drop');
  lab.takeEvents();
  expect(lab.delete('table=0')).toBe(MANY / 2 + 3);
  expect(lab.takeEvents().map((event) => event.kind)).toEqual(['flow-removed', 'flow-removed']);
  expect(lab.dump('table=0')).toEqual([]);
  expect(lab.send('p1', FRAME)).toEqual([]);
  lab.add('in_port=1,actions=2');
  expect(lab.send('p1', FRAME)).toEqual(['p2']);
  const before = lab.state();
  const wrong = ['delete table=1', 'table=1,actions=group:7'];
  expect(errorOf(() => lab.bundle(wrong)).message).toMatch(/^line 2: There is no group 7/);
  expect(lab.state()).toEqual(before);
  expect(lab.delete('table=1,reg0=9')).toBe(1);
});

test('a large table of which little is left can be filled again, or gets all back', () => {
  const lab = startedLab();
  lab.bundle(filler);
  const before = lab.state();
  const wrong = ['delete table=0,reg0=0/0x1', 'actions=group:7'];
  expect(errorOf(() => lab.bundle(wrong)).message).toMatch(/^line 2: There is no group 7/);
  expect(lab.state()).toEqual(before);
  expect(lab.delete('table=0,reg0=0/0x1')).toBe(MANY / 2);
  expect(lab.dump('table=0')).toEqual([
    ' cookie=0x2, priority=10,reg0=0x7 actions=drop',
    ' cookie=0x1, send_flow_rem priority=9,in_port=1 actions=output:2',
  ]);
  expect(lab.send('p1', FRAME)).toEqual(['p2']);
  expect(lab.delete('table=0,reg0=7')).toBe(1);
  expect(lab.delete('table=0,in_port=1')).toBe(1);
  lab.bundle(filler);
  expect(lab.dump('table=0')).toHaveLength(MANY / 2);
});
