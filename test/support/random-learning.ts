// What: random tables whose flows teach (learn, NORMAL, fin_timeout) or belong together (conjunction). Why: what they do
// with a frame depends on those before it, so they are compared frame by frame. Who: test/oracle/learning.test.ts.

import { IPV4, PORTS, VLANS } from './random-frame.ts';
import { PIPELINE_PORTS, type Pipeline } from './random-pipeline.ts';
import type { RandomSource } from './random-source.ts';

/** A table of `learn` actions that write table 1, and table 1 with what is there from the start. */
export function randomLearning(random: RandomSource): Pipeline {
  const learns = [
    'learn(table=1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])',
    'learn(table=1,hard_timeout=60,cookie=0x77,priority=200,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15])',
    'learn(table=1,idle_timeout=300,send_flow_rem,eth_type=0x800,nw_proto=6,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],output:NXM_OF_IN_PORT[])',
    'learn(table=1,limit=3,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])',
    'learn(table=1,limit=2,result_dst=NXM_NX_REG1[0],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0x2->NXM_NX_REG0[])',
    'learn(table=1,delete_learned,cookie=0x99,NXM_OF_ETH_DST[],load:0x3->NXM_NX_REG0[0..15])',
  ];
  const flows: string[] = [];
  for (const [i, priority] of random.sample(1, 1000, 4).entries()) {
    const learn = random.pick(learns);
    const match = learn.includes('TCP')
      ? 'tcp'
      : random.pick(['', `in_port=${random.integer(1, PIPELINE_PORTS)}`, 'ip', 'arp']);
    const after = random.pick([
      'resubmit(,1)',
      'resubmit(,1),output:NXM_NX_REG0[0..15]',
      'output:2',
      'flood',
      'normal',
    ]);
    flows.push(`table=0,cookie=0x${i + 1},priority=${priority},${match},actions=${learn},${after}`);
  }
  flows.push('table=0,cookie=0x10,priority=0,actions=resubmit(,1),output:NXM_NX_REG0[0..15]');
  flows.push(`table=1,cookie=0x11,priority=0,actions=${random.pick(['flood', 'normal', 'drop', 'in_port'])}`);
  return { protocol: 'OpenFlow10', groups: [], meters: [], flows };
}

/** NORMAL behind changes of tags and addresses. */
export function randomNormal(random: RandomSource): Pipeline {
  const flows = random.sample(1, 1000, 4).map((priority, i) => {
    const match = random.pick([
      '',
      `in_port=${random.integer(1, PIPELINE_PORTS)}`,
      'ip',
      'dl_vlan=100',
      'dl_dst=02:00:00:00:00:03',
    ]);
    const before = random.pick([
      '',
      '',
      `mod_vlan_vid:${random.pick(VLANS)},`,
      ...(match === 'dl_vlan=100' ? ['strip_vlan,'] : []),
      'mod_dl_dst:02:00:00:00:00:02,',
      'mod_dl_src:02:00:00:00:00:04,',
    ]);
    return `table=0,cookie=0x${i + 1},priority=${priority},${match},actions=${before}normal${random.pick(['', '', ',output:1'])}`;
  });
  return {
    protocol: 'OpenFlow10',
    groups: [],
    meters: [],
    flows: [...flows, 'table=0,cookie=0x10,priority=0,actions=normal'],
  };
}

/** Conjunctive matches of two or three clauses, among ordinary flows. */
export function randomConjunctions(random: RandomSource): Pipeline {
  const flows: string[] = [];
  const cookie = () => `cookie=0x${(flows.length + 1).toString(16)}`;
  const sources = [...IPV4, '10.0.0.0/24'];
  for (const priority of random.sample(1, 1000, 3)) {
    const id = priority;
    const clauses = random.pick([2, 3]);
    for (const source of sources)
      if (random.chance(0.5))
        flows.push(
          `${cookie()},priority=${priority},ip,nw_src=${source},actions=conjunction(${id},1/${clauses})`,
        );
    for (const port of PORTS)
      if (random.chance(0.6))
        flows.push(
          `${cookie()},priority=${priority},tcp,tp_dst=${port},actions=conjunction(${id},2/${clauses})`,
        );
    for (let port = 1; port <= PIPELINE_PORTS; port++) {
      if (clauses === 3 && random.chance(0.7))
        flows.push(`${cookie()},priority=${priority},ip,in_port=${port},actions=conjunction(${id},3/3)`);
    }
    if (random.chance(0.9))
      flows.push(
        `${cookie()},priority=${priority},ip,conj_id=${id},actions=${random.pick(['output:1', 'output:2', 'in_port', 'drop'])}`,
      );
  }
  for (const priority of random.sample(1001, 2000, 2))
    flows.push(
      `${cookie()},priority=${priority},ip,nw_dst=${random.pick(IPV4)},tcp,tp_src=${random.pick(PORTS)},actions=output:3`,
    );
  flows.push(
    `${cookie()},priority=${random.integer(1, 1000)},tcp,nw_src=10.0.0.0/8,actions=output:4`,
    `${cookie()},priority=0,actions=flood`,
  );
  return { protocol: 'OpenFlow10', groups: [], meters: [], flows };
}
