// What: for how long no frame passes while tables of many flows are installed, listed and deleted. Why: a commit is one
// piece of work between two frames. Who: `node dist/bench/flow-pause.js [--flows 100000,1000000]`, as root;
// docs/benchmarks.md holds a run. Invariant: the longest wait of echo requests that are sent every 2 ms counts, garbage
// collections and other programs of the machine included; `rest` is the longest one while nothing happens.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LabSwitch } from '../test/support/lab-switch.ts';
import { Lab, type Namespace } from '../test/support/netns.ts';
import { flowLine } from './flow-lines.ts';

const PING_INTERVAL_S = '0.002';
const REST_MS = 2000;

/** The longest time from request to answer while `work` goes on, and how long that took, in ms. */
async function longestWait(from: Namespace, work: () => Promise<unknown>): Promise<string> {
  const pings = from.start('ping', '-i', PING_INTERVAL_S, '10.0.0.2');
  await pings.waitFor(/time=/, 5000);
  const start = performance.now();
  await work();
  const workMs = performance.now() - start;
  const { stdout } = await pings.stop('SIGINT');
  const waits = [...stdout.matchAll(/time=([\d.]+)/g)].map(([, ms]) => Number(ms));
  return `${Math.max(...waits).toFixed(0)} ms of ${workMs.toFixed(0)} ms`;
}

const { values } = parseArgs({ options: { flows: { type: 'string', default: '100000,1000000' } } });
const lab = new Lab();
try {
  const [left, right, middle] = [lab.namespace('left'), lab.namespace('right'), lab.namespace('middle')];
  lab.veth({ namespace: left, name: 'eth0', address: '10.0.0.1/24' }, { namespace: middle, name: 's1' });
  lab.veth({ namespace: right, name: 'eth0', address: '10.0.0.2/24' }, { namespace: middle, name: 's2' });
  const daemon = await LabSwitch.start(middle, { directory: lab.directory });
  for (const port of ['s1', 's2']) await daemon.cli('add-port', port);
  const rest = await longestWait(left, () => new Promise((resolve) => setTimeout(resolve, REST_MS)));
  console.log(`longest wait of a frame; at rest ${rest}`);
  for (const count of values.flows.split(',').map(Number)) {
    const file = join(lab.directory, `${count}.txt`);
    writeFileSync(file, `${Array.from({ length: count }, (_, i) => flowLine(i)).join('\n')}\n`);
    // The second time the code is compiled and the memory is there.
    for (const title of ['first', 'second']) {
      const installing = await longestWait(left, () => daemon.cli('add-flows', file));
      const listing = await longestWait(left, () => daemon.run('dump-flows'));
      const deleting = await longestWait(left, () => daemon.cli('del-flows', 'tcp'));
      console.log(
        `${count} flows, ${title} time: install ${installing}, list ${listing}, delete ${deleting}`,
      );
    }
  }
} finally {
  lab.dispose();
}
