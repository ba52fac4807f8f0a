// What: tests of the action learn: the flow that a frame teaches. The flows that Open vSwitch learns from the same frames
// are compared by the oracle tests.

import { describe, expect, test } from 'vitest';
import { formatActions } from '../../../../src/datapath/actions/text.ts';
import { formatMatch } from '../../../../src/datapath/flow/match-text.ts';
import { FLAG_SEND_FLOW_REM, type FlowMod } from '../../../../src/datapath/ofproto/entries/flow-mod.ts';
import { TranslationBench } from './translation-bench.ts';

const FRAME =
  'in_port=3,tcp,dl_src=02:00:00:00:00:01,dl_vlan=9,dl_vlan_pcp=5,nw_src=10.0.0.1,tp_src=80,tp_dst=9';

function learned(actions: string, frame = FRAME): FlowMod {
  const bench = new TranslationBench(4);
  bench.addFlows(`tcp,actions=${actions}`);
  bench.translate(frame);
  return bench.learned[0]!.mod;
}

describe('the learned flow', () => {
  test('copies fields, constants and the port', () => {
    const mod = learned(
      'learn(table=7,priority=99,cookie=0x5,idle_timeout=10,hard_timeout=20,send_flow_rem,' +
        'NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],eth_type=0x800,nw_proto=6,tcp_src=NXM_OF_TCP_DST[],' +
        'load:0->NXM_OF_VLAN_TCI[],load:NXM_OF_IP_SRC[0..7]->NXM_NX_REG0[8..15],output:NXM_OF_IN_PORT[])',
    );
    expect(mod).toMatchObject({
      command: 'modify_strict',
      tableId: 7,
      priority: 99,
      cookie: 5n,
      idleTimeout: 10,
      hardTimeout: 20,
      flags: FLAG_SEND_FLOW_REM,
    });
    expect(formatMatch(mod.match)).toBe('tcp,vlan_tci=0x0009/0x0fff,dl_dst=02:00:00:00:00:01,tp_src=9');
    expect(formatActions(mod.actions)).toBe(
      'load:0->NXM_OF_VLAN_TCI[],load:0x1->NXM_NX_REG0[8..15],output:3',
    );
  });

  test('has fin_timeout first', () => {
    const mod = learned(
      'learn(table=1,fin_idle_timeout=3,eth_type=0x800,nw_proto=6,output:NXM_OF_IN_PORT[])',
    );
    expect(formatActions(mod.actions)).toBe('fin_timeout(idle_timeout=3),output:3');
  });
});

test('sources are looked at', () => {
  const bench = new TranslationBench(4);
  bench.addFlows('actions=learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]),output:1');
  bench.translate(FRAME);
  expect([...bench.out.mask.subarray(1, 4)]).toEqual([0, 0xffff, -1]);
});

test('the result is written, and refreshed with what is credited', () => {
  const bench = new TranslationBench(4);
  bench.addFlows(
    'actions=learn(table=1,limit=1,result_dst=NXM_NX_REG0[0],eth_type=0x800),output:NXM_NX_REG0[]',
  );
  expect(bench.translate(FRAME, 10)).toBe('1');
  expect(bench.learned).toMatchObject([{ nowMs: 10, limit: 1 }]);
  bench.xlate.effects.credit(bench.out.effects, 5, 500, 44);
  expect(bench.learned[1]).toMatchObject({ nowMs: 44 });
  bench.learns = false;
  expect(bench.translate(FRAME)).toBe('drop(no-such-port)');
});

test('a trace learns nothing', () => {
  const bench = new TranslationBench(4);
  bench.addFlows('actions=learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]),NORMAL');
  expect(bench.trace(FRAME)).toContain(' >> suppressing side effects, so learn action ignored');
  expect(bench.learned).toEqual([]);
  expect(bench.fdb.size).toBe(0);
  expect(bench.xlate.effects.size).toBe(0);
});
