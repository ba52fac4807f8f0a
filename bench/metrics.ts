// What: what is measured of a candidate. Why: bulk with and without offloads, small frames and latency stress different
// parts of a switch. Who: main.ts. Each measure() sets the offloads that it needs on all four veth ends first.

import { nativeTool } from '../test/support/native-tool.ts';
import { iperf3, reachable, tcpTransfer } from '../test/support/traffic.ts';
import { RIGHT_ADDRESS, RIGHT_MAC, type Topology } from './candidates.ts';

const ECHO_PORT = '7007';

/** Figures of one measurement, by the name of their column. */
export type Sample = Record<string, number>;

export interface Column {
  name: string;
  title: string;
  unit: string;
  /** Left out for a figure that judges nobody; it gets no ratio. */
  better?: 'more' | 'less';
  decimals: number;
}

export interface Metric {
  name: string;
  offloads: 'on' | 'off';
  columns: Column[];
  measure(topology: Topology, seconds: number): Promise<Sample>;
}

const gigabits = (name: string, title: string): Column => ({
  name,
  title,
  unit: 'Gb/s',
  better: 'more',
  decimals: 2,
});
const megaframes = (name: string, title: string): Column => ({
  name,
  title,
  unit: 'M/s',
  better: 'more',
  decimals: 3,
});
const microseconds = (name: string, title: string): Column => ({
  name,
  title,
  unit: 'µs',
  better: 'less',
  decimals: 1,
});

export const METRICS: readonly Metric[] = [
  {
    name: 'tcp-on',
    offloads: 'on',
    columns: [gigabits('tcpOn', 'TCP, 1 stream, offloads on')],
    measure: async (topology, seconds) => ({ tcpOn: await tcpRate(topology, seconds) }),
  },
  {
    name: 'tcp-off',
    offloads: 'off',
    columns: [gigabits('tcpOff', 'TCP, 1 stream, offloads off')],
    measure: async (topology, seconds) => ({ tcpOff: await tcpRate(topology, seconds) }),
  },
  {
    name: 'frames',
    offloads: 'off',
    columns: [
      megaframes('delivered', '64-byte frames delivered'),
      {
        name: 'offered',
        title: '64-byte frames offered: what the sender got rid of',
        unit: 'M/s',
        decimals: 3,
      },
    ],
    measure: measureFrames,
  },
  {
    name: 'latency',
    offloads: 'off',
    columns: [
      microseconds('p50', 'UDP ping-pong, round trip p50'),
      microseconds('p99', 'UDP ping-pong, round trip p99'),
    ],
    measure: measureLatency,
  },
];

/** Why traffic does not pass with these offloads, or ''. Measuring a broken path would give figures, but no meaning. */
export async function trafficObstacle(topology: Topology, offloads: 'on' | 'off'): Promise<string> {
  topology.setOffloads(offloads);
  const { left, right } = topology;
  if (!(await reachable(left, RIGHT_ADDRESS))) return 'ping gets no answer';
  const transfer = { from: left, to: right, address: RIGHT_ADDRESS, bytes: 1 << 20, timeoutMs: 3_000 };
  const { problem, sha256Received, sha256Sent } = await tcpTransfer(transfer);
  if (problem !== '') return `1 MiB does not pass by TCP (${problem})`;
  return sha256Received === sha256Sent ? '' : 'TCP delivers other bytes than were sent';
}

async function tcpRate({ left, right }: Topology, seconds: number): Promise<number> {
  return (await iperf3(left, right, RIGHT_ADDRESS, { seconds })) / 1e9;
}

/** The sender runs longer than the counter, at both ends, so that the counter sees full load only. */
async function measureFrames({ left, right }: Topology, seconds: number): Promise<Sample> {
  const tool = nativeTool('bench/tools/flood.cc');
  // The other end of the wire must be known to the switch: frames that are flooded cost more.
  await reachable(right, '10.0.0.1');
  const counter = right.start(tool, 'count', 'eth0', String(seconds));
  await counter.waitFor(/^ready$/m);
  const sendSeconds = seconds + 0.3;
  const sender = left.start(tool, 'send', 'eth0', RIGHT_MAC, String(sendSeconds));
  const [sent, counted] = await Promise.all([sender.exited, counter.exited]);
  if (sent.code !== 0) throw new Error(`the frame generator failed: ${sent.stderr}`);
  const delivered = Number(counted.stdout.split('\n')[1]);
  return { delivered: delivered / 1e6, offered: Number(sent.stdout) / sendSeconds / 1e6 };
}

async function measureLatency({ left, right }: Topology, seconds: number): Promise<Sample> {
  const tool = nativeTool('bench/tools/ping-pong.cc');
  const echo = right.start(tool, 'echo', ECHO_PORT);
  try {
    await echo.waitFor(/^ready$/m);
    const text = await left.must(tool, 'ask', RIGHT_ADDRESS, ECHO_PORT, String(seconds));
    const [, p50, p99] = text.split(' ').map(Number) as [number, number, number];
    return { p50: p50 / 1e3, p99: p99 / 1e3 };
  } finally {
    await echo.stop();
  }
}
