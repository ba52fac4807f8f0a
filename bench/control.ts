// What: how long the switch takes to start and to answer. Why: scripts and labs start switches and ask them all the
// time. Who: main.ts.

import { LabSwitch } from '../test/support/lab-switch.ts';
import { Lab } from '../test/support/netns.ts';
import { Capture } from '../test/support/packets.ts';
import { median } from './statistics.ts';

const PING_INTERVAL_S = '0.002';

export interface ControlTimes {
  /** From the start of `tsswitch start`, with two ports to restore, to the first frame that crossed the switch. */
  startToFirstFrameMs: number[];
  /** `tsswitch show`, from start to end of its process. */
  showMs: number[];
}

/** Restarts a switch `rounds` times under traffic, and asks it as often. */
export async function measureControl(rounds: number): Promise<ControlTimes> {
  const lab = new Lab();
  try {
    const [left, right, middle] = [lab.namespace('left'), lab.namespace('right'), lab.namespace('middle')];
    lab.veth({ namespace: left, name: 'eth0', address: '10.0.0.1/24' }, { namespace: middle, name: 's1' });
    lab.veth({ namespace: right, name: 'eth0', address: '10.0.0.2/24' }, { namespace: middle, name: 's2' });
    left.ip('neigh', 'replace', '10.0.0.2', 'lladdr', right.mac('eth0'), 'dev', 'eth0', 'nud', 'permanent');
    const daemon = await LabSwitch.start(middle, { directory: lab.directory });
    for (const port of ['s1', 's2']) await daemon.cli('add-port', port);

    const times: ControlTimes = { startToFirstFrameMs: [], showMs: [] };
    for (let round = 0; round < rounds; round++) {
      const askedMs = performance.now();
      await daemon.cli('show');
      times.showMs.push(performance.now() - askedMs);

      await daemon.stop();
      const pings = left.start('ping', '-q', '-i', PING_INTERVAL_S, '10.0.0.2');
      const capture = await Capture.start(right, 'eth0', { count: 1, timeoutMs: 20_000 });
      const startedMs = performance.now();
      daemon.launch();
      const frames = await capture.frames();
      if (frames.length === 0)
        throw new Error(`the switch forwards nothing after its start: ${daemon.output}`);
      times.startToFirstFrameMs.push(performance.now() - startedMs);
      await pings.stop('SIGINT');
    }
    return times;
  } finally {
    lab.dispose();
  }
}

/** The times as text. */
export function formatControl({ startToFirstFrameMs, showMs }: ControlTimes): string {
  const line = (title: string, values: number[]) =>
    `  ${title.padEnd(40)} ${median(values).toFixed(0).padStart(5)}   ` +
    `${Math.min(...values).toFixed(0)} - ${Math.max(...values).toFixed(0)}\n`;
  return (
    'Control [ms], less is better\n' +
    line('tsswitch start to the first frame', startToFirstFrameMs) +
    line('tsswitch show', showMs)
  );
}
