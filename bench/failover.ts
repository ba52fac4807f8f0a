// What: how long a fast failover group goes on sending into a link that is down. Why: the time between loss of the link
// and the first frame on the other one is what a user of fast failover buys. Who: `node dist/bench/failover.js`;
// docs/benchmarks.md holds a run.
//
//   left eth0 ==== s1 [group ff: s2, then s3] s2 ==== eth0 right
//                                             s3 ==== eth0 spare
//
// How: frames come at full rate while s2 is set down. Those that the switch tried to send into s2 afterwards are counted
// by the switch as drops of that port; their number over the rate is the time. Lost in the kernel beyond that: frames of
// one burst at most.

import { parseArgs } from 'node:util';
import { LabSwitch } from '../test/support/lab-switch.ts';
import { nativeTool } from '../test/support/native-tool.ts';
import { Lab, type Namespace } from '../test/support/netns.ts';
import { LEFT_MAC, RIGHT_MAC } from './candidates.ts';
import { spread } from './statistics.ts';

const SECONDS = 1;

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } });
const lab = new Lab();
try {
  const [left, right, spare, middle] = ['left', 'right', 'spare', 'middle'].map((name) =>
    lab.namespace(name),
  ) as [Namespace, Namespace, Namespace, Namespace];
  for (const [i, namespace] of [left, right, spare].entries()) {
    const mac = i === 0 ? LEFT_MAC : RIGHT_MAC;
    lab.veth(
      { namespace, name: 'eth0', mac, offloads: 'off' },
      { namespace: middle, name: `s${i + 1}`, offloads: 'off' },
    );
  }
  const daemon = await LabSwitch.start(middle, { directory: lab.directory });
  for (const port of ['s1', 's2', 's3']) await daemon.cli('add-port', port);
  await daemon.cli(
    'add-group',
    'group_id=1,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=output:3',
  );
  await daemon.cli('add-flow', 'priority=10,in_port=1,actions=group:1');
  const dropsOf = async () => {
    const drops = await daemon.drops();
    return drops.filter(({ port }) => port === 's2').reduce((sum, { count }) => sum + count, 0);
  };
  const times: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const before = await dropsOf();
    const sender = left.start(nativeTool('bench/tools/flood.cc'), 'send', 'eth0', RIGHT_MAC, String(SECONDS));
    await new Promise((resolve) => setTimeout(resolve, (SECONDS * 1000) / 2));
    middle.ip('link', 'set', 's2', 'down');
    const rate = Number((await sender.exited).stdout) / SECONDS;
    times.push((((await dropsOf()) - before) / rate) * 1e6);
    middle.ip('link', 'set', 's2', 'up');
    await daemon.waitForPort('s2', ({ link }) => link.up);
  }
  const { median, min, max } = spread(times);
  console.log(
    `Fast failover, µs from the loss of the link: ${median.toFixed(0)} (${min.toFixed(0)} - ${max.toFixed(0)})`,
  );
} finally {
  lab.dispose();
}
