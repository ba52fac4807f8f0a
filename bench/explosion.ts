// What: what a trickle of frames with random headers does to the traffic of others, side by side with Open vSwitch. Why:
// a cache that keeps a table for each mask falls apart under it (tuple space explosion). Who: `node
// dist/bench/explosion.js`; docs/benchmarks.md holds a run.
//
//   left eth0 (frames that the whitelist lets pass) ==== s1 [switch] s2 ==== eth0 right
//                                 attacker eth0 ==== s3
//
// Invariant: each round measures each switch without and with the attack; what is told is the ratio of the two.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LabSwitch } from '../test/support/lab-switch.ts';
import { nativeTool } from '../test/support/native-tool.ts';
import { Lab, type Namespace } from '../test/support/netns.ts';
import { LEFT_MAC, RIGHT_MAC } from './candidates.ts';
import { startOpenVswitch } from './open-vswitch.ts';
import { median, spread } from './statistics.ts';

const PORTS = ['s1', 's2', 's3'];
/** Flows of the legitimate traffic: many, so that no cache of single flows hides what the others cost. */
const FLOWS = '20000';
/** A cached flow that is not used goes after ten seconds: what an attack left is to be gone before the next measurement. */
const REST_MS = 12_000;
const ATTACK_FRAMES_PER_SECOND = '10000';
/** Allow a few, drop the rest; each line makes a switch look at another field before it may drop. */
const WHITELIST = [
  'priority=50,arp,actions=drop',
  'priority=40,tcp,tp_dst=80,actions=output:2',
  'priority=30,ip,nw_src=10.0.0.1,actions=output:2',
  'priority=20,tcp,tp_src=12345,actions=output:2',
  'priority=10,ip,nw_dst=10.9.0.1,actions=output:2',
  'priority=1,actions=drop',
];

interface Contender {
  title: string;
  left: Namespace;
  right: Namespace;
  attacker: Namespace;
  alone: number[];
  attacked: number[];
}

async function build(lab: Lab, name: string, title: string): Promise<Contender> {
  const [left, right, attacker, middle] = ['l', 'r', 'a', 'm'].map((end) =>
    lab.namespace(`${name}-${end}`),
  ) as [Namespace, Namespace, Namespace, Namespace];
  const ends = [
    { namespace: left, mac: LEFT_MAC },
    { namespace: right, mac: RIGHT_MAC },
    { namespace: attacker, mac: '02:00:00:00:00:03' },
  ];
  for (const [i, end] of ends.entries()) {
    lab.veth(
      { ...end, name: 'eth0', offloads: 'off' },
      { namespace: middle, name: PORTS[i]!, offloads: 'off' },
    );
  }
  const directory = join(lab.directory, name);
  if (name === 'ovs') {
    await startOpenVswitch(middle, { directory, userspaceTso: false }, PORTS);
    const bridge = `unix:${join(directory, 'br0.mgmt')}`;
    await middle.must('ovs-ofctl', 'del-flows', bridge);
    for (const flow of WHITELIST) await middle.must('ovs-ofctl', 'add-flow', bridge, flow);
  } else {
    const daemon = await LabSwitch.start(middle, { directory: lab.directory });
    for (const port of PORTS) await daemon.cli('add-port', port);
    await daemon.cli('del-flows');
    for (const flow of WHITELIST) await daemon.cli('add-flow', flow);
  }
  return { title, left, right, attacker, alone: [], attacked: [] };
}

/** Frames that the receiver gets in a second, in millions. */
async function rate(
  { left, right, attacker }: Contender,
  attacked: boolean,
  seconds: number,
): Promise<number> {
  const flood = nativeTool('bench/tools/flood.cc');
  const spray = nativeTool('bench/tools/spray.cc');
  const attack = attacked
    ? attacker.start(spray, 'eth0', ATTACK_FRAMES_PER_SECOND, String(2 * seconds + 1))
    : undefined;
  // The cache is to be full of what the attack leaves in it.
  await attack?.waitFor(/^ready$/m);
  if (attack) await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const counter = right.start(flood, 'count', 'eth0', String(seconds));
  await counter.waitFor(/^ready$/m);
  const sender = left.start(flood, 'send', 'eth0', RIGHT_MAC, String(seconds + 0.3), FLOWS);
  const [, counted] = await Promise.all([sender.exited, counter.exited]);
  await attack?.exited;
  return Number(counted.stdout.split('\n')[1]) / 1e6;
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' } },
});
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
const lab = new Lab();
try {
  const contenders = [await build(lab, 'ovs', 'OVS netdev'), await build(lab, 'tsswitch', 'tsswitch')];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? contenders : [...contenders].reverse();
    for (const contender of order) {
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      contender.alone.push(await rate(contender, false, seconds));
      contender.attacked.push(await rate(contender, true, seconds));
    }
  }
  console.log(
    `64-byte frames of ${FLOWS} flows through a whitelist, M/s; attack: ${ATTACK_FRAMES_PER_SECOND} random frames/s`,
  );
  for (const { title, alone, attacked } of contenders) {
    const kept = median(attacked.map((value, round) => value / alone[round]!));
    const show = (samples: number[]) => {
      const { median: middle, min, max } = spread(samples);
      return `${middle.toFixed(3)} (${min.toFixed(3)} - ${max.toFixed(3)})`;
    };
    console.log(
      `  ${title.padEnd(12)} alone ${show(alone)}, attacked ${show(attacked)}: keeps ${(100 * kept).toFixed(0)} %`,
    );
  }
} finally {
  lab.dispose();
}
