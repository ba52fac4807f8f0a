// What: arguments of trace, and the `Flow:` line for them, against Open vSwitch. Why: what people write for one must
// mean the same to the other.

import { expect, test } from 'vitest';
import { formatFlowKey, parseFlowKey } from '../../../src/datapath/flow/key-text.ts';
import { describeWith } from '../../support/describe-with.ts';
import { DummyOpenVswitch } from '../../support/dummy-ovs.ts';
import { RandomSource } from '../../support/random-source.ts';
import { randomMatchText } from './random-match.ts';

const PORTS = (name: string) => (/^p[1-3]$/.test(name) ? Number(name.slice(1)) : undefined);

const WRITTEN = [
  'in_port=p2',
  'in_port=1,tcp,nw_dst=10.0.0.1',
  'in_port=1,tcp6,tcp_flags=syn|ack',
  'arp,arp_op=1',
  'in_port=1,dl_vlan=5',
  'in_port=1,vlan_tci=0x0005',
  'in_port=1,dl_vlan_pcp=3,tcp',
  'in_port=1,vlan_vid=0x1005,vlan_pcp=3',
  'in_port=1,dl_vlan=0xffff',
  'in_port=1,mpls,mpls_label=5',
  'in_port=1,mplsm,mpls_bos=1',
  'in_port=1,reg0=5,metadata=7,tun_id=3,pkt_mark=2,skb_priority=3,conj_id=3,reg1=0',
  'in_port=1,recirc_id=0x11',
  'in_port=1,ip,nw_frag=later,nw_proto=6',
  'in_port=1,ip,nw_proto=47',
  'in_port=1,icmp6,icmpv6_type=135,icmpv6_code=0,nd_target=::1,nd_sll=00:00:00:00:00:05',
  'in_port=LOCAL,ip,nw_ttl=64,nw_ecn=2,ip_dscp=3',
  'in_port=1,xreg0=5,xxreg2=0x10000000000000000',
  'in_port=1,dl_type=0x88cc,actset_output=3',
];

describeWith(['ovs'], 'against ofproto/trace', () => {
  test('arguments', async () => {
    const ovs = await DummyOpenVswitch.start(3);
    try {
      const random = new RandomSource(3);
      const arguments_ = [...WRITTEN, ...Array.from({ length: 1500 }, () => randomMatchText(random))];
      let compared = 0;
      for (const argument of arguments_) {
        const reply = await ovs.appctl('ofproto/trace', 'br0', argument).catch(() => '');
        const theirs = /^Flow: (.*)$/m.exec(reply)?.[1];
        // What Open vSwitch refuses, mostly masks and orders of fields, may be taken here.
        if (theirs === undefined) continue;
        expect({ argument, flow: formatFlowKey(parseFlowKey(argument, PORTS)) }).toEqual({
          argument,
          flow: theirs,
        });
        compared++;
      }
      expect(compared).toBeGreaterThan(300);
    } finally {
      await ovs.stop();
    }
  });
});
