// What: the same flow tables and frames into Open vSwitch's ofproto/trace and into ours: the same path, final flow and
// outputs. Why: Open vSwitch defines what actions mean. Random tables and whole frames are compared by the oracle tests.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { extractKey } from '../../../../src/datapath/flow/extract.ts';
import {
  FLOW_WORDS,
  KEY_ACTSET_OUTPUT,
  KEY_INNER_VLAN,
  KEY_WORDS,
  NO_ACTSET_OUTPUT,
} from '../../../../src/datapath/flow/key.ts';
import { describeWith } from '../../../support/describe-with.ts';
import { DummyOpenVswitch } from '../../../support/dummy-ovs.ts';
import { randomFrame } from '../../../support/random-frame.ts';
import { PIPELINE_PORTS, type Pipeline, randomPipeline } from '../../../support/random-pipeline.ts';
import { RandomSource } from '../../../support/random-source.ts';
import { outputsOf } from './datapath-outputs.ts';
import { TranslationBench } from './translation-bench.ts';

const OPENFLOW13 = ['-O', 'OpenFlow13'];
const TCP = 'in_port=4,tcp,nw_src=10.0.0.9,nw_dst=10.0.0.1,nw_ttl=64,tp_src=1000,tp_dst=80';
const TAGGED = `${TCP},dl_vlan=9,dl_vlan_pcp=3`;
const MPLS = 'in_port=4,mpls,mpls_label=5,mpls_bos=1,mpls_ttl=3';

interface Case {
  /** The dialect in which the flows go to Open vSwitch; OpenFlow13 unless said. */
  version?: 'OpenFlow10';
  groups?: string[];
  flows: string[];
  frames: string[];
}

const CASES: Record<string, Case> = {
  NORMAL: {
    flows: ['in_port=1,actions=NORMAL'],
    frames: [
      'in_port=1,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02',
      'in_port=1,dl_dst=01:80:c2:00:00:00',
      'in_port=2',
    ],
  },
  'resubmit and goto_table': {
    flows: [
      'in_port=1,priority=5,cookie=0x12,ip,nw_dst=10.0.0.0/8,actions=set_field:1.2.3.4->ip_src,dec_ttl,resubmit(,3),output:1,output:7,in_port',
      'table=3,actions=push_vlan:0x8100,set_field:4100->vlan_vid,output:2,goto_table:5',
      'table=7,actions=3',
    ],
    frames: [
      'in_port=1,tcp,nw_dst=10.0.0.1,nw_ttl=64,tp_dst=80',
      'in_port=1,tcp,nw_dst=10.0.0.1,nw_ttl=1',
      'in_port=1,tcp,nw_dst=10.0.0.1,nw_ttl=64,dl_vlan=7',
    ],
  },
  'resubmit of another port': {
    flows: ['actions=resubmit(3,1),output:2', 'table=1,in_port=3,actions=output:4,output:3'],
    frames: [TCP],
  },
  'a changed in_port': {
    flows: [
      'actions=set_field:1->in_port,output:1,output:4,in_port,resubmit(,1)',
      'table=1,in_port=1,actions=NORMAL',
    ],
    frames: [TCP],
  },
  'a group of all buckets': {
    groups: [
      'group_id=1,type=all,bucket=bucket_id:0,actions=set_field:00:00:00:00:00:09->eth_dst,output:1,bucket=bucket_id:1,actions=output:2',
    ],
    flows: ['actions=set_field:7->reg1,group:1,output:3'],
    frames: [TCP],
  },
  'groups within groups': {
    groups: [
      'group_id=1,type=all,bucket=actions=resubmit(,5),bucket=actions=output:2',
      'group_id=2,type=all,bucket=actions=output:1,bucket=actions=group:1',
    ],
    flows: ['actions=group:2', 'table=5,actions=set_field:1->reg0,output:3,exit'],
    frames: [TCP],
  },
  'fast failover': {
    groups: [
      'group_id=1,type=ff,bucket=bucket_id:0,watch_port:7,actions=output:7,bucket=bucket_id:1,watch_port:2,actions=output:2',
    ],
    flows: ['actions=set_field:7->reg1,group:1,output:3'],
    frames: [TCP],
  },
  'action sets': {
    groups: ['group_id=1,type=indirect,bucket=actions=output:1'],
    flows: [
      'actions=write_actions(output:2,group:1,set_field:00:00:00:00:00:09->eth_dst),write_metadata:5/0xff,goto_table:1',
      'table=1,ip,actions=clear_actions,write_actions(output:3,set_field:5->nw_ttl),goto_table:2',
      'table=2,actions=write_actions(output:2)',
    ],
    frames: [TCP, 'in_port=4,arp'],
  },
  'action sets that send nothing': {
    flows: [
      'actions=write_actions(push_vlan:0x8100,pop_vlan,dec_ttl,set_field:2->reg0),goto_table:1',
      'table=1,actions=output:2',
    ],
    frames: [TCP],
  },
  'the stack, registers and packet length': {
    version: 'OpenFlow10',
    flows: [
      'actions=load:5->NXM_NX_REG0[0..3],move:NXM_OF_IN_PORT[]->NXM_NX_REG1[0..15],push:NXM_NX_REG1[],pop:NXM_NX_REG2[],output:NXM_NX_REG0[],pop:NXM_NX_REG3[],check_pkt_larger(100)->NXM_NX_REG6[0],resubmit(,9)',
      'table=9,reg6=1,actions=output:1',
      'table=9,reg6=0,actions=output:2',
    ],
    frames: ['in_port=4,ip'],
  },
  'learn in a trace': {
    flows: [
      'actions=learn(table=5,idle_timeout=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),output:1',
    ],
    frames: [TCP],
  },
  'clone and exit': {
    flows: [
      'in_port=4,actions=clone(output:1,exit),output:2',
      'in_port=1,actions=resubmit(,1),output:2',
      'table=1,actions=exit,output:3',
    ],
    frames: [TCP, 'in_port=1'],
  },
  'clones of tags': {
    flows: ['actions=clone(push_vlan:0x8100,set_field:4101->vlan_vid,output:1),output:2,clone(output:3)'],
    frames: [TCP, TAGGED],
  },
  'the TCI as a whole': {
    version: 'OpenFlow10',
    flows: [
      'actions=load:0x1005->NXM_OF_VLAN_TCI[],1,load:5->NXM_OF_VLAN_TCI[0..11],2,load:0->NXM_OF_VLAN_TCI[],3',
    ],
    frames: [TCP, TAGGED],
  },
  'tags upon tags': {
    flows: [
      'actions=push_vlan:0x88a8,1,goto_table:1',
      ...['push_vlan:0x8100', 'push_vlan:0x8100', 'pop_vlan', 'pop_vlan', 'pop_vlan'].map(
        (action, i) =>
          `table=${i + 1},vlan_tci=0x1000/0x1000,actions=${action},${(i % 3) + 1},goto_table:${i + 2}`,
      ),
    ],
    frames: [TCP, TAGGED],
  },
  'mod actions': {
    version: 'OpenFlow10',
    flows: [
      'tcp,actions=mod_nw_src:1.1.1.1,mod_tp_dst:99,output:1',
      'priority=1,actions=mod_nw_src:1.1.1.1,output:2',
      'arp,actions=load:1->NXM_OF_ARP_OP[],load:0x01020304->NXM_OF_ARP_SPA[],move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],in_port',
    ],
    frames: [TCP, 'in_port=4,udp', 'in_port=4,arp,arp_op=2,dl_src=00:00:00:00:00:05'],
  },
  'MPLS labels': {
    flows: [
      'ip,actions=push_mpls:0x8847,set_field:77->mpls_label,output:1,push_mpls:0x8847,output:2,pop_mpls:0x8847,output:3,dec_mpls_ttl,set_field:3->mpls_tc,output:1',
      'mpls,actions=pop_mpls:0x0800,set_field:00:00:00:00:00:09->eth_dst,output:2',
    ],
    frames: ['in_port=4,ip,nw_ttl=9,nw_tos=0x20', MPLS, `${MPLS},dl_vlan=3`],
  },
  'truncated outputs': {
    flows: ['actions=output(port=1,max_len=100),output(port=4,max_len=100)'],
    frames: [TCP],
  },
  queues: {
    flows: ['actions=set_queue:7,2,pop_queue,3'],
    frames: [TCP],
  },
  conjunctions: {
    flows: [
      'priority=5,ip,ip_dst=10.0.0.1,actions=conjunction(1,1/2)',
      'priority=5,ip,ip_src=10.0.0.9,actions=conjunction(1,2/2)',
      'conj_id=1,ip,actions=output:1',
    ],
    frames: [TCP, 'in_port=4,tcp,nw_dst=10.0.0.1'],
  },
};

/** A report up to the final flow: what stands behind differs, since our megaflows are wider. */
function path(report: string): string {
  return report.slice(0, report.indexOf('\nMegaflow: '));
}

/** False: a tag is pushed upon two. */
function hasRoomForTags(flow: string): boolean {
  return !/vlan.*push_vlan.*push_vlan/.test(flow);
}

function datapathActions(report: string): string {
  return /^Datapath actions: (.*)$/m.exec(report)?.[1] ?? '';
}

describeWith(['ovs'], 'as Open vSwitch', () => {
  let ovs: DummyOpenVswitch;
  beforeAll(async () => {
    ovs = await DummyOpenVswitch.start(PIPELINE_PORTS);
  });
  afterAll(() => ovs?.stop());

  async function load(bench: TranslationBench, { protocol, groups, meters, flows }: Pipeline): Promise<void> {
    for (const what of ['flows', 'groups', 'meters']) await ovs.ofctl([...OPENFLOW13, `del-${what}`]);
    for (const meter of meters) await ovs.ofctl([...OPENFLOW13, 'add-meter', meter]);
    if (meters.length > 0) bench.meters.set(1, 0);
    for (const group of groups) {
      await ovs.ofctl(['-O', 'OpenFlow15', 'add-group', group]);
      bench.addGroup(group);
    }
    await ovs.ofctl(['-O', protocol, 'add-flows', '-'], flows.join('\n'));
    bench.addFlows(flows.join('\n'));
  }

  test.each(Object.entries(CASES))('%s', async (_, { version, groups, flows, frames }) => {
    const bench = new TranslationBench(PIPELINE_PORTS);
    await load(bench, { protocol: version ?? 'OpenFlow13', groups: groups ?? [], meters: [], flows });
    for (const frame of frames) {
      const theirs = await ovs.appctl('ofproto/trace', 'br0', frame);
      const ours = bench.trace(frame);
      expect(path(ours)).toBe(path(theirs));
      expect(outputsOf(datapathActions(ours))).toBe(outputsOf(datapathActions(theirs)));
    }
  });

  describe('random tables', () => {
    test.each(Array.from({ length: 12 }, (_, i) => i + 1))('seed %i', async (seed) => {
      const random = new RandomSource(seed);
      const pipeline = randomPipeline(random, 15);
      // Open vSwitch lets the datapath choose, and the frame comes around.
      pipeline.flows = pipeline.flows.filter(hasRoomForTags);
      // ovs-ofctl turns these into pushes for OpenFlow 1.3 wherever it does not know that there is a tag.
      pipeline.flows = pipeline.flows.map((flow) => flow.replace(/mod_vlan_(vid|pcp):\d+/g, 'note:01'));
      const bench = new TranslationBench(PIPELINE_PORTS);
      await load(bench, pipeline);
      for (let number = 0; number < 40; number++) {
        const port = `in_port=${random.integer(1, PIPELINE_PORTS)}`;
        const hex = Buffer.from(randomFrame(random, number)).toString('hex');
        const theirs = await ovs.appctl('ofproto/trace', 'br0', port, hex);
        const ours = bench.trace(`${port} ${hex}`);
        // For OpenFlow 1.3 an enqueue becomes set_queue, output, pop_queue, which forgets the queue from before.
        const final = (report: string) =>
          /^Final flow: .*$/m.exec(report)?.[0].replace(/skb_priority=[^,]*,/, '');
        expect(final(ours), ours).toBe(final(theirs));
        expect(outputsOf(datapathActions(ours)), ours).toBe(outputsOf(datapathActions(theirs)));
      }
    });
  });
});

describe('bits that were not looked at', () => {
  test.each(Array.from({ length: 20 }, (_, i) => 100 + i))('change nothing, seed %i', (seed) => {
    const random = new RandomSource(seed);
    const pipeline = randomPipeline(random, 15);
    const bench = new TranslationBench(PIPELINE_PORTS);
    bench.meters.set(1, 0);
    for (const group of pipeline.groups) bench.addGroup(group);
    bench.addFlows(pipeline.flows.filter(hasRoomForTags).join('\n'));
    for (let number = 0; number < 60; number++) {
      const frame = randomFrame(random, number);
      const key = new Int32Array(FLOW_WORDS);
      const port = random.integer(1, PIPELINE_PORTS);
      extractKey(new DataView(frame.buffer, frame.byteOffset, frame.length), 0, frame.length, port, key, 0);
      key[KEY_ACTSET_OUTPUT] = NO_ACTSET_OUTPUT;
      const expected = bench.programOf(key);
      const mask = bench.out.mask.slice();
      for (let i = 0; i < 4; i++) {
        const other = key.map((word, w) => {
          // No frame has a second tag in its key, or labels behind the last one.
          const isFixed = w >= KEY_WORDS || (w >= KEY_INNER_VLAN && word === 0);
          if (isFixed || random.chance(0.5)) return word;
          const noise = random.integer(0, 0xffff_ffff) & ~mask[w]!;
          return word ^ noise;
        });
        expect(bench.programOf(other)).toBe(expected);
      }
    }
  });
});
