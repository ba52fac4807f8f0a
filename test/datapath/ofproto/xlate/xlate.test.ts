// What: tests of the translation: what comes of a flow, why it is dropped, which bits that depends on. Cases that Open
// vSwitch decides are in xlate.ovs.test.ts.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseActions } from '../../../../src/datapath/actions/text.ts';
import {
  KEY_IN_PORT,
  KEY_MAC,
  KEY_NW_DST,
  KEY_TP,
  KEY_TYPE_VLAN,
  KEY_WORDS,
} from '../../../../src/datapath/flow/key.ts';
import { growKeyMask } from '../../../../src/datapath/ofproto/xlate/xlate.ts';
import { TranslationBench } from './translation-bench.ts';

const TCP = 'in_port=4,tcp,nw_src=10.0.0.9,nw_dst=10.0.0.1,nw_ttl=64,tp_src=1000,tp_dst=80';

function bench(flows: string, ...groups: string[]): TranslationBench {
  const made = new TranslationBench(4);
  for (const group of groups) made.addGroup(group);
  made.addFlows(flows);
  return made;
}

describe('outputs and drops', () => {
  test.each([
    ['output:2', '2'],
    ['output:1,output:2', '1,2'],
    ['in_port', '4'],
    ['local', '100'],
    ['flood', '1,2,3,100'],
    ['drop', 'drop(flow-drop)'],
    ['output:4', 'drop(ingress-only)'],
    ['output:9', 'drop(no-such-port)'],
    ['output:9,output:1', '1'],
    ['output(port=2,max_len=70)', 'trunc(70),2'],
    ['set_field:1->reg0,output:NXM_NX_REG0[]', '1'],
    ['resubmit(,7)', 'drop(table-miss)'],
    ['resubmit(,7),output:1', '1'],
    ['goto_table:9', 'drop(table-miss)'],
    ['resubmit(,0)', 'drop(recursion-too-deep)'],
    ['output:1,resubmit(,0)', 'drop(recursion-too-deep)'],
    ['group:7', 'drop(no-such-group)'],
    ['output:1,exit,output:2', '1'],
    ['clone(output:1),output:2', '1,2'],
    ['note:01.02,output:2', '2'],
    ['set_field:00:00:00:00:00:07->eth_dst', 'drop(flow-drop)'],
  ])('%s', (actions, expected) => {
    expect(bench(`actions=${actions}`).translate(TCP)).toBe(expected);
  });

  test('no flow at all', () => {
    expect(bench('in_port=1,actions=output:2').translate(TCP)).toBe('drop(table-miss)');
  });

  test('too many resubmits undo everything', () => {
    const flows = Array.from(
      { length: 13 },
      (_, i) => `table=${i},actions=resubmit(,${i + 1}),resubmit(,${i + 1})`,
    );
    const made = bench(['table=13,actions=output:1', ...flows].join('\n'));
    expect(made.translate(TCP)).toBe('drop(too-many-resubmits)');
  });

  test('configuration of ports', () => {
    const made = bench('in_port=1,actions=output:2\nin_port=2,actions=flood\nin_port=4,actions=all');
    made.ports.get(2)!.noForward = true;
    made.ports.get(3)!.noFlood = true;
    expect(made.translate('in_port=1')).toBe('drop(port-no-forward)');
    expect(made.translate('in_port=2')).toBe('1,4,100');
    expect(made.translate('in_port=4')).toBe('1,3,100');
    made.ports.get(1)!.noReceive = true;
    expect(made.translate('in_port=1')).toBe('drop(port-no-receive)');
  });

  test('a bridge with one port floods nowhere', () => {
    const made = new TranslationBench(1);
    made.ports.delete(0xfffe);
    made.addFlows('actions=NORMAL');
    expect(made.translate('in_port=1,dl_dst=ff:ff:ff:ff:ff:ff')).toBe('drop(no-flood-port)');
  });

  test('a meter that lets frames pass to nowhere', () => {
    const made = bench('actions=meter:5');
    made.meters.set(5, 3);
    expect(made.translate(TCP)).toBe('meter(3),drop');
  });
});

describe('NORMAL', () => {
  const A = '02:00:00:00:00:0a';
  const B = '02:00:00:00:00:0b';

  test('learns, floods, and finds', () => {
    const made = bench('actions=NORMAL');
    expect(made.translate(`in_port=1,dl_src=${A},dl_dst=${B}`)).toBe('2,3,4,100');
    expect(made.translate(`in_port=2,dl_src=${B},dl_dst=${A}`)).toBe('1');
    expect(made.translate(`in_port=1,dl_src=${A},dl_dst=${B}`)).toBe('2');
    expect(made.out.touchSlot).not.toBe(0);
    expect(made.translate(`in_port=2,dl_src=${A},dl_dst=${B}`)).toBe('drop(same-port)');
    expect(made.translate(`in_port=2,dl_src=${A},dl_dst=01:80:c2:00:00:0e`)).toBe('drop(reserved-multicast)');
  });

  test('learns the VLAN that the flow gave the frame', () => {
    const made = bench('actions=mod_vlan_vid:7,NORMAL');
    made.translate(`in_port=1,dl_src=${A},dl_dst=${B}`);
    expect(made.fdb.list(0, 10, 0).stations).toMatchObject([{ vlan: 7, ofport: 1 }]);
  });

  test('two different ones depend on any change', () => {
    const made = bench(`actions=NORMAL,set_field:${B}->eth_src,NORMAL`);
    made.translate(`in_port=1,dl_src=${A},dl_dst=${B}`);
    const version = made.fdb.bucketVersions[made.out.dependencyA]!;
    made.fdb.learn(9, 42, 3, 0);
    expect(made.fdb.bucketVersions[made.out.dependencyA]).not.toBe(version);
  });

  test('what it looked at grows a key mask once', () => {
    const made = bench('actions=NORMAL');
    made.translate(`in_port=1,dl_src=${A},dl_dst=${B}`);
    const keyMask = new Int32Array(KEY_WORDS);
    expect(growKeyMask(keyMask, made.out.mask)).toBe(true);
    expect(growKeyMask(keyMask, made.out.mask)).toBe(false);
  });
});

describe('changes of fields', () => {
  test('are written once, before they count', () => {
    const set = 'set_field:00:00:00:00:00:07->eth_dst';
    expect(
      bench(`actions=set_field:00:00:00:00:00:01->eth_dst,${set},output:1,output:2,${set}`).translate(TCP),
    ).toBe('set(eth(dst=00:00:00:00:00:07)),1,2');
  });

  test('of layers that the frame lacks do nothing', () => {
    const made = bench('actions=mod_nw_src:1.2.3.4,mod_tp_dst:9,set_mpls_ttl:3,dec_ttl,output:1');
    expect(made.translate('in_port=4,arp')).toBe('1');
  });

  test('a tag that is pushed, changed and popped is no tag', () => {
    expect(bench('actions=push_vlan:0x8100,set_field:4101->vlan_vid,pop_vlan,output:1').translate(TCP)).toBe(
      '1',
    );
    expect(bench('actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:1').translate(TCP)).toBe(
      'push_vlan(vid=5,pcp=0),1',
    );
  });

  test('popping a tag looks at no more than that there is one', () => {
    const made = bench('actions=pop_vlan,output:1');
    expect(made.translate(`${TCP},dl_vlan=9`)).toBe('pop_vlan,1');
    expect(made.out.mask[KEY_TYPE_VLAN]).toBe(0x1000);
  });

  test('sets look at nothing of what they set', () => {
    const made = bench('ip,actions=set_field:1.2.3.4->ip_dst,output:1');
    made.translate(TCP);
    expect(made.out.mask[KEY_NW_DST]).toBe(0);
  });

  test('moves look at their source', () => {
    const made = bench('actions=move:NXM_OF_ETH_SRC[0..15]->NXM_NX_REG1[0..15],output:1');
    made.translate(TCP);
    expect(made.out.mask[KEY_MAC + 2]).toBe(0xffff);
  });

  test('a group works on copies', () => {
    const made = bench(
      'actions=group:1,output:3',
      'group_id=1,type=all,bucket=actions=set_field:00:00:00:00:00:07->eth_dst,output:1,bucket=actions=output:2',
    );
    expect(made.translate(TCP)).toBe('clone(set(eth(dst=00:00:00:00:00:07)),1),2,3');
  });

  test('the last bucket needs no copy', () => {
    const made = bench(
      'actions=group:1',
      'group_id=1,type=indirect,bucket=actions=set_field:00:00:00:00:00:07->eth_dst,output:1',
    );
    expect(made.translate(TCP)).toBe('set(eth(dst=00:00:00:00:00:07)),1');
  });

  test('xreg and reg are the same bits', () => {
    const made = bench('actions=set_field:0x100000002->xreg0,output:NXM_NX_REG0[],output:NXM_NX_REG1[]');
    expect(made.translate(TCP)).toBe('1,2');
  });

  test('check_pkt_larger goes on twice', () => {
    const made = bench(
      'actions=check_pkt_larger(100)->NXM_NX_REG0[0],resubmit(,1)\ntable=1,reg0=1,actions=output:1',
    );
    expect(made.translate(TCP)).toBe('check_pkt_len(size=100,gt(1),le(drop))');
  });
});

describe('MPLS', () => {
  test('comes around to read what stands behind the last label', () => {
    const made = bench(
      'mpls,actions=set_field:5->reg3,pop_mpls:0x0800,goto_table:1\ntable=1,ip,reg3=5,nw_dst=10.0.0.1,actions=output:2',
    );
    expect(made.translate('in_port=1,mpls,mpls_label=5,mpls_bos=1')).toBe(
      'pop_mpls(eth_type=0x800),recirc(0x1)',
    );
    const around = made.key('in_port=1,tcp,nw_dst=10.0.0.1');
    around[KEY_IN_PORT] = (1 << 16) | 1;
    expect(made.translate(around)).toBe('2');
    // The same state has the same number.
    expect(made.translate('in_port=1,mpls,mpls_label=5,mpls_bos=1')).toContain('recirc(0x1)');
    around[KEY_IN_PORT] = (99 << 16) | 1;
    expect(made.translate(around)).toBe('drop(recirculation-lost)');
  });

  test('needs not to come around to be sent', () => {
    const made = bench('mpls,actions=pop_mpls:0x0800,set_field:00:00:00:00:00:07->eth_dst,output:2');
    expect(made.translate('in_port=1,mpls,mpls_label=5,mpls_bos=1')).not.toContain('recirc');
  });

  test('more labels than a key holds', () => {
    const push = 'push_mpls:0x8847';
    expect(bench(`actions=output:1,${push},${push},${push},${push},output:2`).translate(TCP)).toBe(
      'drop(too-many-mpls-labels)',
    );
  });
});

describe('packet-ins', () => {
  test('say why, from which flow, and with which registers', () => {
    const made = bench('cookie=0x77,in_port=1,actions=set_field:5->reg1,controller(id=3,userdata=01.02)');
    expect(made.translate('in_port=1')).toBe('packet-in');
    expect(made.specs).toMatchObject([
      {
        reason: 'action',
        cookie: 0x77n,
        controllerId: 3,
        userdata: Uint8Array.of(1, 2),
        metadata: 'reg1=0x5',
      },
    ]);
  });

  test.each([
    ['priority=0,actions=CONTROLLER', 'no_match'],
    ['priority=0,in_port=4,actions=CONTROLLER', 'action'],
    ['actions=write_actions(output:CONTROLLER)', 'action_set'],
    ['ip,actions=dec_ttl,output:1', 'invalid_ttl'],
    ['actions=group:1', 'group'],
  ])('%s', (flow, reason) => {
    const made = bench(flow, 'group_id=1,type=indirect,bucket=actions=CONTROLLER');
    made.translate('in_port=4,ip,nw_ttl=1');
    expect(made.specs.map((spec) => spec.reason)).toEqual([reason]);
  });

  test('a packet-out carries its actions out, and the tables on request', () => {
    const made = bench('in_port=4,actions=output:2');
    const key = made.key(TCP);
    const out = (text: string) => {
      const options = { resolvePort: made.resolvePort, match: undefined, place: 'packet-out' as const };
      const actions = parseActions(text, 0, text.length, options as Parameters<typeof parseActions>[3]);
      made.xlate.packetOut(actions, key, 0, 4, 0, made.out);
      return made.verdictText(key);
    };
    expect(out('output:1,output:4')).toBe('1');
    expect(out('resubmit(,0)')).toBe('2');
    expect(out('TABLE')).toBe('2');
  });
});

test('ports of fragments are hidden from flows, and that is looked at', () => {
  const made = bench('udp,tp_dst=53,actions=output:1\nudp,priority=9,actions=output:2');
  const udp = 'in_port=4,udp,tp_dst=53';
  expect(made.translate(udp)).toBe('1');
  expect(made.out.mask[KEY_TP]! & 0xffff).toBe(0xffff);
  expect(made.translate(`${udp},ip_frag=first`)).toBe('2');
});

test('fin_timeout counts for frames that end a connection', () => {
  const made = bench('tcp,actions=fin_timeout(idle_timeout=5,hard_timeout=9),output:1');
  made.translate(`${TCP},tcp_flags=ack`);
  expect(made.reduced).toEqual([]);
  made.translate(`${TCP},tcp_flags=fin|ack`);
  expect(made.reduced).toMatchObject([{ idle: 5, hard: 9 }]);
});

describe('growKeyMask', () => {
  const words = fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), {
    minLength: KEY_WORDS,
    maxLength: KEY_WORDS,
  });
  test('covers what is asked for, and only grows when it must', () => {
    fc.assert(
      fc.property(words, words, (have, ask) => {
        const keyMask = Int32Array.from(have);
        const mask = Int32Array.from(ask);
        const lacked = have.some((word, i) => (mask[i]! & ~word) !== 0);
        expect(growKeyMask(keyMask, mask)).toBe(lacked);
        for (let i = 0; i < KEY_WORDS; i++)
          expect(keyMask[i]! & (have[i]! | mask[i]!)).toBe(have[i]! | mask[i]!);
      }),
    );
  });
});
