// What: the text of programs, beside that of Open vSwitch: a flow is traced there, and the program that it means is
// printed here.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  formatProgram,
  formatVerdict,
  type ProgramNames,
} from '../../../src/datapath/actions/format-program.ts';
import * as op from '../../../src/datapath/actions/program.ts';
import { dropVerdict, Programs } from '../../../src/datapath/actions/verdict.ts';
import * as key from '../../../src/datapath/flow/key.ts';
import { describeWith } from '../../support/describe-with.ts';
import { DummyOpenVswitch } from '../../support/dummy-ovs.ts';
import { nest } from '../dp/program-runner.ts';

const NAMES: ProgramNames = {
  portNumber: (index) => index,
  specText: (spec) => `userspace(pid=0,controller(reason=${spec}))`,
};
const set = (word: number, value: number, mask = -1) => [op.OP_SET, word, value | 0, mask | 0];

function keyOf(type: number, protocol = 0, words: [number, number][] = []): Int32Array {
  const flow = new Int32Array(key.FLOW_WORDS);
  flow[key.KEY_TYPE_VLAN] = type << 16;
  flow[key.KEY_NW] = protocol << 24;
  for (const [word, value] of words) flow[word] = value;
  return flow;
}

const ARP = keyOf(0x0806);
const TCP = keyOf(0x0800, 6);
const TCP6 = keyOf(0x86dd, 6);
const ND = keyOf(0x86dd, 58, [[key.KEY_TP, 135 << 16]]);

/** The flow that is traced, its actions, the key of its frames and the program. */
const CASES: [string, string, Int32Array, number[]][] = [
  [
    'tcp',
    'push_vlan:0x8100,set_field:4106->vlan_vid,output:2',
    TCP,
    [op.OP_PUSH_VLAN, 0x8100, 10, op.OP_OUTPUT, 2],
  ],
  [
    'tcp',
    'push_vlan:0x88a8,set_field:5->vlan_pcp,output:2',
    TCP,
    [op.OP_PUSH_VLAN, 0x88a8, 0xa000, op.OP_OUTPUT, 2],
  ],
  [
    'tcp',
    'mod_dl_src:02:00:00:00:00:07,mod_dl_dst:02:00:00:00:00:08,output:2',
    TCP,
    [...set(1, 0x0200_0000), ...set(2, 0x0008_0200), ...set(3, 7), op.OP_OUTPUT, 2],
  ],
  [
    'tcp',
    'set_field:02:00:00:00:00:00/03:00:00:00:00:00->eth_src,output:2',
    TCP,
    [...set(2, 0x0200, 0x0300), op.OP_OUTPUT, 2],
  ],
  [
    'tcp,nw_ttl=64',
    'set_field:1.2.3.4->ip_src,dec_ttl,output:2',
    TCP,
    [...set(key.KEY_NW_SRC, 0x0102_0304), ...set(key.KEY_NW, 63 << 8, 0xff00), op.OP_OUTPUT, 2],
  ],
  [
    'tcp,nw_tos=0',
    'set_field:0.0.3.0/0.0.255.0->ip_dst,mod_nw_tos:8,output:2',
    TCP,
    [...set(key.KEY_NW_DST, 0x0300, 0xff00), ...set(key.KEY_NW, 8 << 16, 0xfc << 16), op.OP_OUTPUT, 2],
  ],
  [
    'tcp',
    'set_field:99->tcp_dst,output:2,output:3',
    TCP,
    [...set(key.KEY_TP, 99, 0xffff), op.OP_OUTPUT, 2, op.OP_OUTPUT, 3],
  ],
  [
    'udp',
    'set_field:0x0f/0xff->udp_src,output:2',
    keyOf(0x0800, 17),
    [...set(key.KEY_TP, 15 << 16, 255 << 16), op.OP_OUTPUT, 2],
  ],
  [
    'tcp6',
    'set_field:2001:db8::1->ipv6_src,set_field:7->ipv6_label,set_field:3->nw_ttl,mod_nw_tos:8,output:2',
    TCP6,
    [
      ...set(key.KEY_IPV6_SRC, 0x2001_0db8),
      ...set(key.KEY_IPV6_SRC + 1, 0),
      ...set(key.KEY_IPV6_SRC + 2, 0),
      ...set(key.KEY_IPV6_SRC + 3, 1),
      ...set(key.KEY_IPV6_LABEL, 7, 0xfffff),
      ...set(key.KEY_NW, (8 << 16) | (3 << 8), 0xfcff00),
      op.OP_OUTPUT,
      2,
    ],
  ],
  [
    'arp',
    'set_field:2->arp_op,set_field:1.2.3.4->arp_spa,set_field:02:00:00:00:00:07->arp_tha,output:2',
    ARP,
    [
      ...set(key.KEY_NW_SRC, 0x0102_0304),
      ...set(key.KEY_NW, 2 << 24, 0xff << 24),
      ...set(key.KEY_ARP_MAC + 1, 0x0200, 0xffff),
      ...set(key.KEY_ARP_MAC + 2, 7),
      op.OP_OUTPUT,
      2,
    ],
  ],
  [
    'icmp6,icmpv6_type=135,icmpv6_code=0',
    'set_field:2001:db8::1->nd_target,output:2',
    ND,
    [
      ...set(key.KEY_ND_TARGET, 0x2001_0db8),
      ...set(key.KEY_ND_TARGET + 1, 0),
      ...set(key.KEY_ND_TARGET + 2, 0),
      ...set(key.KEY_ND_TARGET + 3, 1),
      op.OP_OUTPUT,
      2,
    ],
  ],
  [
    'tcp,nw_tos=0,nw_ttl=64',
    'push_mpls:0x8847,set_field:5->mpls_label,output:2',
    TCP,
    [op.OP_PUSH_MPLS, (5 << 12) | 0x140, 0x8847, op.OP_OUTPUT, 2],
  ],
  [
    'mpls,mpls_label=3,mpls_tc=0,mpls_bos=1,mpls_ttl=9',
    'set_field:5->mpls_label,output:2',
    keyOf(0x8847, 0, [[key.KEY_MPLS, (3 << 12) | 0x109]]),
    [...set(key.KEY_MPLS, 5 << 12, 0xfffff << 12), op.OP_OUTPUT, 2],
  ],
  [
    'mpls,mpls_label=3,mpls_tc=0,mpls_bos=0,mpls_ttl=9',
    'pop_mpls:0x8847,output:2',
    keyOf(0x8847),
    [op.OP_POP_MPLS, 0x8847, op.OP_OUTPUT, 2],
  ],
  ['tcp', 'output(port=2,max_len=100)', TCP, [op.OP_TRUNCATE, 100, op.OP_OUTPUT, 2]],
  ['tcp', 'set_queue:7,output:2', TCP, [...set(key.KEY_SKB_PRIORITY, 7), op.OP_OUTPUT, 2]],
  ['tcp', 'set_field:5->pkt_mark,output:2', TCP, [...set(key.KEY_PKT_MARK, 5), op.OP_OUTPUT, 2]],
  [
    'tcp',
    'check_pkt_larger(100)->reg0[0],output:2',
    TCP,
    [op.OP_CHECK_LENGTH, 100, 2, 2, op.OP_OUTPUT, 2, op.OP_OUTPUT, 2],
  ],
  ['tcp', 'drop', TCP, []],
];

describeWith(['ovs'], 'datapath actions beside those of Open vSwitch', () => {
  let ovs: DummyOpenVswitch;
  beforeAll(async () => {
    ovs = await DummyOpenVswitch.start(3);
  });
  afterAll(() => ovs?.stop());

  test.each(CASES)('%s actions=%s', async (match, actions, flow, program) => {
    await ovs.ofctl(['-O', 'OpenFlow15', 'del-flows']);
    await ovs.ofctl(['-O', 'OpenFlow15', 'add-flow', `${match},actions=${actions}`]);
    const trace = await ovs.appctl('ofproto/trace', 'br0', `in_port=1,${match}`);
    expect(formatProgram(Int32Array.from(program), NAMES, flow)).toBe(
      /Datapath actions: (.*)/.exec(trace)![1],
    );
  });
});

describe('the text of what Open vSwitch is not asked for', () => {
  const text = (...program: number[]) => formatProgram(Int32Array.from(program), NAMES, TCP);
  test.each([
    [[op.OP_METER, 3, op.OP_FLOOD, 1, op.OP_FLOOD, 4], 'meter(3),1,4'],
    [[...nest([op.OP_CLONE], [op.OP_POP_VLAN, op.OP_OUTPUT, 1]), op.OP_OUTPUT, 2], 'clone(pop_vlan,1),2'],
    [nest([op.OP_SAMPLE, 0x8000_0000 | 0], [op.OP_OUTPUT, 1]), 'sample(sample=50.0%,actions(1))'],
    [[op.OP_PACKET_IN, 1, op.OP_RECIRCULATE, 0x1f], 'userspace(pid=0,controller(reason=1)),recirc(0x1f)'],
    [[op.OP_CHECK_LENGTH, 9, 0, 2, op.OP_OUTPUT, 2], 'check_pkt_len(size=9,gt(drop),le(2))'],
    [[op.OP_DROP, 3], 'drop'],
  ])('%j', (program, expected) => {
    expect(text(...program)).toBe(expected);
  });

  test('verdicts without a program', () => {
    expect(formatVerdict(dropVerdict('flow-drop'), new Programs(), NAMES)).toBe('drop');
    expect(formatVerdict(7, new Programs(), NAMES)).toBe('7');
  });
});
