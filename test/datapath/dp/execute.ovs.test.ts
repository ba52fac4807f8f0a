// What: the bytes that leave Open vSwitch and those that leave the executor, for the same frames and the same edits: a flow
// in the text of ovs-ofctl, and the program that it means. Why: Open vSwitch defines what each edit does.

import { beforeAll, expect, test } from 'vitest';
import * as op from '../../../src/datapath/actions/program.ts';
import * as key from '../../../src/datapath/flow/key.ts';
import { describeWith } from '../../support/describe-with.ts';
import { DummyOpenVswitch } from '../../support/dummy-ovs.ts';
import { frameNumber, randomFrame } from '../../support/random-frame.ts';
import { RandomSource } from '../../support/random-source.ts';
import { nest, ProgramRunner } from './program-runner.ts';

const FRAMES = 240;
/** A dummy port forgets frames when a hundred wait. Where none may be lost, so many go in before they are waited for. */
const GULP = 60;
const set = (word: number, value: number, mask = -1) => [op.OP_SET, word, value | 0, mask | 0];
const out = [op.OP_OUTPUT, 2];
const ip = (text: string) => text.split('.').reduce((word, byte) => (word << 8) | Number(byte), 0);
/** fe80::1234:5678 */
const LINK_LOCAL = (word: number) => [
  ...set(word, 0xfe80_0000),
  ...set(word + 1, 0),
  ...set(word + 2, 0),
  ...set(word + 3, 0x1234_5678),
];
/** Later fragments are left out: Open vSwitch takes their payload for a transport header and changes it. */
const WHOLE = 'ip_frag=not_later';

/** Match, actions, and the program for frames that match. */
const CASES: [string, string, number[]][] = [
  ['', 'set_field:0a:0b:0c:0d:0e:0f->eth_dst', [...set(1, 0x0a0b_0c0d), ...set(2, 0x0e0f_0000, 0xffff_0000)]],
  [
    '',
    'set_field:02:00:00:00:0f:00/03:00:00:00:ff:00->eth_src',
    [...set(2, 0x0200, 0x0300), ...set(3, 0x0f00, 0xff00)],
  ],
  ['', 'push_vlan:0x8100,set_field:4106->vlan_vid', [op.OP_PUSH_VLAN, 0x8100, 10]],
  ['', 'push_vlan:0x88a8,set_field:4106->vlan_vid,set_field:5->vlan_pcp', [op.OP_PUSH_VLAN, 0x88a8, 0xa00a]],
  ['vlan_tci=0x1000/0x1000', 'pop_vlan', [op.OP_POP_VLAN]],
  ['vlan_tci=0x1000/0x1000', 'set_field:4097->vlan_vid', set(key.KEY_TYPE_VLAN, 0x1001, 0x1fff)],
  ['vlan_tci=0x1000/0x1000', 'mod_vlan_pcp:6', set(key.KEY_TYPE_VLAN, 0xc000, 0xe000)],
  [`ip,${WHOLE}`, 'set_field:9.8.7.6->ip_src', set(key.KEY_NW_SRC, ip('9.8.7.6'))],
  [`ip,${WHOLE}`, 'set_field:0.8.0.6/0.255.0.255->ip_dst', set(key.KEY_NW_DST, ip('0.8.0.6'), 0x00ff_00ff)],
  [
    `ip,${WHOLE}`,
    'mod_nw_src:1.1.1.1,mod_nw_dst:2.2.2.2',
    [...set(key.KEY_NW_SRC, ip('1.1.1.1')), ...set(key.KEY_NW_DST, ip('2.2.2.2'))],
  ],
  ['ip', 'mod_nw_tos:64', set(key.KEY_NW, 0x40 << 16, 0xfc << 16)],
  ['ip', 'set_field:2->nw_ecn', set(key.KEY_NW, 2 << 16, 3 << 16)],
  ['ip', 'set_field:9->nw_ttl', set(key.KEY_NW, 9 << 8, 0xff00)],
  ['ip,nw_ttl=64', 'dec_ttl', set(key.KEY_NW, 63 << 8, 0xff00)],
  ['ipv6', 'set_field:fe80::1234:5678->ipv6_src', LINK_LOCAL(key.KEY_IPV6_SRC)],
  ['ipv6', 'set_field:fe80::1234:5678->ipv6_dst', LINK_LOCAL(key.KEY_IPV6_DST)],
  [
    'ipv6',
    'set_field:::5:0:0:1/::f:0:0:f->ipv6_src',
    [...set(key.KEY_IPV6_SRC + 2, 5 << 16, 15 << 16), ...set(key.KEY_IPV6_SRC + 3, 1, 15)],
  ],
  ['ipv6', 'set_field:0xabcde->ipv6_label', set(key.KEY_IPV6_LABEL, 0xabcde, 0xfffff)],
  ['ipv6', 'mod_nw_tos:64', set(key.KEY_NW, 0x40 << 16, 0xfc << 16)],
  ['ipv6', 'set_field:1->nw_ttl', set(key.KEY_NW, 1 << 8, 0xff00)],
  ['tcp', 'set_field:99->tcp_dst', set(key.KEY_TP, 99, 0xffff)],
  ['tcp', 'set_field:1->tcp_src,set_field:2->tcp_dst', set(key.KEY_TP, 0x0001_0002)],
  ['tcp6', 'set_field:0x0f/0xff->tcp_src', set(key.KEY_TP, 0x000f_0000, 0x00ff_0000)],
  ['udp,ip_frag=no', 'set_field:99->udp_dst', set(key.KEY_TP, 99, 0xffff)],
  ['udp6', 'set_field:1->udp_src,set_field:2->udp_dst', set(key.KEY_TP, 0x0001_0002)],
  ['sctp', 'set_field:99->sctp_dst', set(key.KEY_TP, 99, 0xffff)],
  ['sctp6', 'set_field:1->sctp_src,set_field:2->sctp_dst', set(key.KEY_TP, 0x0001_0002)],
  ['icmp', 'set_field:5->icmp_type,set_field:7->icmp_code', set(key.KEY_TP, 0x0005_0007, 0x00ff_00ff)],
  ['icmp6,icmp_type=128', 'set_field:129->icmpv6_type', set(key.KEY_TP, 129 << 16, 0xff_0000)],
  [
    'arp',
    'set_field:2->arp_op,set_field:7.7.7.7->arp_spa,set_field:8.8.8.8->arp_tpa',
    [
      ...set(key.KEY_NW, 2 << 24, 0xff << 24),
      ...set(key.KEY_NW_SRC, ip('7.7.7.7')),
      ...set(key.KEY_NW_DST, ip('8.8.8.8')),
    ],
  ],
  [
    'arp',
    'set_field:0a:0b:0c:0d:0e:0f->arp_sha,set_field:01:02:03:04:05:06->arp_tha',
    [
      ...set(key.KEY_ARP_MAC, 0x0a0b_0c0d),
      ...set(key.KEY_ARP_MAC + 1, 0x0e0f_0102),
      ...set(key.KEY_ARP_MAC + 2, 0x0304_0506),
    ],
  ],
  ['icmp6,icmp_type=135,icmp_code=0', 'set_field:fe80::1234:5678->nd_target', LINK_LOCAL(key.KEY_ND_TARGET)],
  [
    'icmp6,icmp_type=135,icmp_code=0',
    'set_field:0a:0b:0c:0d:0e:0f->nd_sll',
    [...set(key.KEY_ARP_MAC, 0x0a0b_0c0d), ...set(key.KEY_ARP_MAC + 1, 0x0e0f_0000, 0xffff_0000)],
  ],
  [
    'icmp6,icmp_type=136,icmp_code=0',
    'set_field:0a:0b:0c:0d:0e:0f->nd_tll',
    [...set(key.KEY_ARP_MAC + 1, 0x0a0b, 0xffff), ...set(key.KEY_ARP_MAC + 2, 0x0c0d_0e0f)],
  ],
  [
    'mpls',
    'set_field:5->mpls_label,set_field:3->mpls_tc',
    set(key.KEY_MPLS, (5 << 12) | (3 << 9), 0xffff_fe00),
  ],
  ['mpls', 'set_mpls_ttl(9)', set(key.KEY_MPLS, 9, 0xff)],
  [
    'mpls',
    'push_mpls:0x8848,set_field:5->mpls_label,set_field:0->mpls_tc,set_mpls_ttl(7)',
    [op.OP_PUSH_MPLS, (5 << 12) | 7, 0x8848],
  ],
  ['mpls,mpls_bos=1', 'pop_mpls:0x0800', [op.OP_POP_MPLS, 0x0800]],
  ['mpls,mpls_bos=0', 'pop_mpls:0x8847', [op.OP_POP_MPLS, 0x8847]],
  [
    'dl_type=0x88b5',
    'push_mpls:0x8847,set_field:5->mpls_label',
    [op.OP_PUSH_MPLS, (5 << 12) | 0x100 | 64, 0x8847],
  ],
  // Two tags: the label goes behind the first, which is all that is looked at.
  [
    'dl_type=0x8100',
    'push_mpls:0x8847,set_field:5->mpls_label',
    [op.OP_PUSH_MPLS, (5 << 12) | 0x100 | 64, 0x8847],
  ],
  [
    'ip,nw_tos=0,nw_ttl=64',
    'set_field:7.7.7.7->ip_dst,push_mpls:0x8847,push_vlan:0x8100,set_field:4099->vlan_vid',
    [...set(key.KEY_NW_DST, ip('7.7.7.7')), op.OP_PUSH_MPLS, 0x140, 0x8847, op.OP_PUSH_VLAN, 0x8100, 3],
  ],
  ['', 'output(port=2,max_len=40)', [op.OP_TRUNCATE, 40, ...out]],
  [
    `tcp,${WHOLE}`,
    'clone(set_field:9.9.9.9->ip_dst,push_vlan:0x8100,set_field:4099->vlan_vid,output:2),set_field:7->tcp_dst',
    [
      ...nest([op.OP_CLONE], [...set(key.KEY_NW_DST, ip('9.9.9.9')), op.OP_PUSH_VLAN, 0x8100, 3, ...out]),
      ...set(key.KEY_TP, 7, 0xffff),
    ],
  ],
  [
    '',
    'check_pkt_larger(100)->reg0[0],resubmit(,1)',
    [op.OP_CHECK_LENGTH, 100, 5, 0, ...[op.OP_PUSH_VLAN, 0x8100, 1], ...out],
  ],
];

/** Where edited frames leave. Case i has port i + 1 for itself, since Open vSwitch takes long to change its flows. */
const OUT = CASES.length + 1;

/** The flows of a case. Table 1 is for what check_pkt_larger found. */
function flowsOf(match: string, actions: string, port: number): string {
  const rest = /max_len|resubmit/.test(actions) ? '' : `,output:${OUT}`;
  const matches = match === '' ? '' : `,${match}`;
  const edits = actions.replace(/(port=|output:)2/g, `$1${OUT}`);
  return `priority=1,in_port=${port}${matches},actions=${edits}${rest}`;
}

describeWith(['ovs'], 'edits side by side with Open vSwitch', () => {
  const runner = new ProgramRunner();
  const random = new RandomSource(1);
  const frames = Array.from({ length: FRAMES * CASES.length }, (_, number) => randomFrame(random, number));
  /** What left, by the number of the frame; the frames that were cut off apart. */
  const byNumber = new Map<number, string[]>();
  const cut: string[] = [];

  beforeAll(async () => {
    const ovs = await DummyOpenVswitch.start(OUT);
    try {
      const flows = CASES.map(([match, actions], i) => flowsOf(match, actions, i + 1));
      const larger = `table=1,reg0=1,actions=push_vlan:0x8100,set_field:4097->vlan_vid,output:${OUT}`;
      for (const flow of [...flows, larger]) await ovs.ofctl(['-O', 'OpenFlow15', 'add-flow', flow]);
      const note = async () => {
        for (const { frame } of await ovs.outputs()) {
          const number = frameNumber(frame);
          if (number === undefined) cut.push(hexOf(frame));
          else byNumber.set(number, [...(byNumber.get(number) ?? []), hexOf(frame)]);
        }
      };
      for (const [number, frame] of frames.entries()) {
        const i = Math.floor(number / FRAMES);
        await ovs.inject(i + 1, frame);
        if (number % GULP === 0 && CASES[i]![1].includes('max_len')) await note();
      }
      await note();
    } finally {
      await ovs.stop();
    }
  }, 60_000);

  test.each(CASES.map((parts, i) => [...parts, i] as const))(
    '%s actions=%s',
    (_match, actions, program, i) => {
      const own = Array.from({ length: FRAMES }, (_, at) => i * FRAMES + at);
      const edit = (number: number) =>
        runner
          .run(frames[number]!, /max_len|resubmit/.test(actions) ? program : [...program, ...out])
          .sent.map(({ frame }) => hexOf(frame));
      if (actions.includes('max_len')) {
        const ours = own
          .flatMap(edit)
          .filter((frame) => frameNumber(Buffer.from(frame, 'hex')) === undefined);
        expect(ours).toEqual(cut);
        return;
      }
      // Which frames match is the matter of others: each that left is compared.
      const left = own.filter((number) => byNumber.has(number));
      expect(left.length).toBeGreaterThan(0);
      for (const number of left) expect(edit(number), hexOf(frames[number]!)).toEqual(byNumber.get(number));
    },
  );
});

function hexOf(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex');
}
