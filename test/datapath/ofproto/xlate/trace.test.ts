// What: tests of the report of a trace, as a whole, for what only this switch says (drop reasons, frames that come
// around) and for the form; xlate.ovs.test.ts compares reports with those of Open vSwitch.

import { expect, test } from 'vitest';
import { traceFlow } from '../../../../src/datapath/ofproto/xlate/trace.ts';
import { TranslationBench } from './translation-bench.ts';

function lines(bench: TranslationBench, flow: string): string[] {
  return bench.trace(flow).split('\n');
}

test('a frame that passes two tables', () => {
  const bench = new TranslationBench(2);
  bench.addFlows(
    'in_port=1,priority=9,cookie=0x5,actions=set_field:7->reg1,goto_table:2\ntable=2,reg1=7,actions=output:2',
  );
  expect(lines(bench, 'in_port=1,dl_src=00:00:00:00:00:01')).toEqual([
    'Flow: in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:00,dl_type=0x0000',
    '',
    'bridge("br0")',
    '-------------',
    ' 0. in_port=1, priority 9, cookie 0x5',
    '    set_field:0x7->reg1',
    '    goto_table:2',
    ' 2. reg1=0x7, priority 32768',
    '    output:2',
    '',
    'Final flow: reg1=0x7,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:00,dl_type=0x0000',
    'Megaflow: recirc_id=0,eth,in_port=1',
    'Datapath actions: 2',
    '',
  ]);
});

test('a frame that is dropped, and why', () => {
  const bench = new TranslationBench(2);
  bench.addFlows('in_port=1,actions=output:1');
  const info = traceFlow(bench, 'in_port=1', 0);
  expect(info.dropReason).toBe('ingress-only');
  expect(info.datapathActions).toBe('drop');
  expect(info.text).toContain('     >> skipping output to input port\n');
  expect(info.text.split('\n').at(-2)).toBe(
    'Dropped: ingress-only: The flow outputs only to the port on which the frame came; use in_port to send it back.',
  );
});

test('a translation that fails', () => {
  const bench = new TranslationBench(2);
  bench.addFlows('actions=resubmit(,0)');
  const { text, dropReason } = traceFlow(bench, 'in_port=1', 0);
  expect(dropReason).toBe('recursion-too-deep');
  expect(text).toContain(' >>>> over max translation depth 64 <<<<\n');
  expect(text).toContain('\nTranslation failed (Recursion too deep), packet is dropped.\n');
});

test('a frame that comes around', () => {
  const bench = new TranslationBench(2);
  bench.addFlows('mpls,actions=pop_mpls:0x0800,goto_table:1\ntable=1,ip,actions=output:2');
  const { text } = traceFlow(bench, 'in_port=1,mpls,mpls_bos=1', 0);
  const [, , around] = text.split(`${'='.repeat(79)}\n`);
  expect(text).toContain(`\n${'='.repeat(79)}\nrecirc(0x1)\n${'='.repeat(79)}\n`);
  expect(around).toContain('Resuming from table 0\n');
  expect(around).toContain('Restoring actions: goto_table:1\n');
  expect(around).toContain('\nDatapath actions: 2\n');
});

test('what is written into some bits', () => {
  const bench = new TranslationBench(2);
  bench.addFlows(
    'actions=set_field:0xa0->reg0,move:reg0[0..3]->reg1[0..3],move:reg0[4..7]->reg1[4..7],move:reg2[]->reg1[]',
  );
  expect(lines(bench, 'in_port=1').filter((line) => line.includes('is now'))).toEqual([
    '     -> NXM_NX_REG1[0..3] is now 0',
    '     -> NXM_NX_REG1[4..7] is now 0xa',
    '     -> NXM_NX_REG1[] is now 0',
  ]);
});

test('what goes to the control plane', () => {
  const bench = new TranslationBench(2);
  bench.addFlows(
    'priority=1,actions=controller(max_len=128,id=3)\nip,cookie=0x7,actions=dec_ttl,controller\narp,actions=controller:99',
  );
  const actions = (flow: string) => /^Datapath actions: (.*)$/m.exec(bench.trace(flow))![1];
  const told = (reason: number, cookie: string, id: number, length: number) =>
    `userspace(pid=0,controller(reason=${reason},dont_send=1,continuation=0,recirc_id=0,rule_cookie=${cookie},` +
    `controller_id=${id},max_len=${length}))`;
  expect(actions('in_port=1')).toBe(told(1, '0', 3, 128));
  expect(actions('in_port=1,arp')).toBe(told(1, '0', 0, 99));
  expect(actions('in_port=1,ip,nw_ttl=1')).toBe(told(2, '0x7', 0, 65535));
});

test('a frame in hex', () => {
  const bench = new TranslationBench(2);
  bench.addFlows('dl_type=0x1234,actions=output:2');
  const hex = `0000000000020000000000011234${'00'.repeat(50)}`;
  expect(bench.trace(`in_port=1 ${hex}`)).toContain('dl_dst=00:00:00:00:00:02,dl_type=0x1234\n');
  expect(bench.trace(`in_port=1,packet=${hex}`)).toContain('\nDatapath actions: 2\n');
  expect(() => bench.trace('in_port=1 12')).toThrow();
});
