// What: real traffic between namespaces: ping, TCP and UDP transfers whose every byte is checked, iperf3. Why: "ping
// works, TCP does not" is the failure that a switch must be tested for. Who: system tests, demo, bench. Talks to the
// kernel's own stack through tools/stream-end.cc, ping(8) and iperf3(1).

import { createHash, randomBytes } from 'node:crypto';
import { nativeTool } from './native-tool.ts';
import type { Namespace } from './netns.ts';

const DEFAULT_PORT = 5001;

export interface PingResult {
  sent: number;
  received: number;
}

/** Sends `count` echo requests, one per `intervalMs`, and counts the replies that came within a second. */
export async function ping(
  from: Namespace,
  address: string,
  { count = 3, intervalMs = 20, payloadBytes = 56, deadlineS = 0 } = {},
): Promise<PingResult> {
  const words = [
    '-n',
    '-q',
    '-c',
    String(count),
    '-i',
    String(intervalMs / 1000),
    '-s',
    String(payloadBytes),
  ];
  const deadline = deadlineS > 0 ? ['-w', String(deadlineS)] : ['-W', '1'];
  const { stdout, stderr } = await from.run('ping', ...words, ...deadline, address);
  const match = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
  if (!match) throw new Error(`ping ${address} from ${from.name}: ${stderr || stdout}`);
  return { sent: Number(match[1]), received: Number(match[2]) };
}

/** Pings until there is an answer: the path may take a moment to come up. False after `timeoutMs`. */
export async function reachable(from: Namespace, address: string, timeoutMs = 5_000): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const { code } = await from.run('ping', '-n', '-q', '-c', '1', '-W', '0.2', address);
    if (code === 0) return true;
  }
  return false;
}

export interface Transfer {
  from: Namespace;
  to: Namespace;
  /** IPv4 address of `to`. */
  address: string;
  port?: number;
  /** How many random bytes to send. */
  bytes: number;
  /** How long the whole may take, 30 s when left out. */
  timeoutMs?: number;
}

export interface TransferResult {
  /** Bytes that came out at the other end. */
  received: number;
  sha256Sent: string;
  sha256Received: string;
  /** From the first byte to the last, at the caller. */
  durationMs: number;
  /** '' or what the ends complained of, for example a datagram that was lost. */
  problem: string;
}

/** Sends random bytes over one TCP connection. */
export function tcpTransfer(transfer: Transfer): Promise<TransferResult> {
  return runTransfer(transfer, 'tcp', []);
}

export interface UdpTransfer extends Transfer {
  /** Payload of one send call, 5 to 65507. */
  datagramBytes?: number;
  /** More than 0: the kernel cuts each send into datagrams of so many bytes (UDP_SEGMENT). */
  segmentBytes?: number;
}

/** Sends random bytes in datagrams, never so many at once that a socket would overflow. A loss ends it. */
export function udpTransfer(transfer: UdpTransfer): Promise<TransferResult> {
  const { datagramBytes = 1_400, segmentBytes = 0 } = transfer;
  return runTransfer(transfer, 'udp', [String(datagramBytes), String(segmentBytes)]);
}

async function runTransfer(
  transfer: Transfer,
  kind: string,
  sourceOptions: string[],
): Promise<TransferResult> {
  const { from, to, address, port = DEFAULT_PORT, timeoutMs = 30_000 } = transfer;
  const tool = nativeTool('test/support/tools/stream-end.cc');
  const content = randomBytes(transfer.bytes);
  const sink = to.start(tool, `${kind}-sink`, String(port));
  try {
    await sink.waitFor(/^ready$/m);
    const startedMs = performance.now();
    const source = from.start(tool, `${kind}-source`, address, String(port), ...sourceOptions);
    source.endInput(content);
    const timer = setTimeout(() => source.signal('SIGKILL'), timeoutMs);
    const sent = await source.exited;
    clearTimeout(timer);
    // After a failure the sink may wait for ever; after a success it has little left to do.
    if (sent.code === 0) await sink.exited;
    const durationMs = performance.now() - startedMs;
    const arrived = sink.stdoutBytes;
    return {
      received: arrived.length,
      sha256Sent: sha256(content),
      sha256Received: sha256(arrived),
      durationMs,
      problem: sent.code === 0 ? '' : sent.stderr.trim() || `not done after ${timeoutMs} ms`,
    };
  } finally {
    await sink.stop();
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Bits per second that arrived over one TCP stream in `seconds`, by iperf3. Throws when iperf3 fails. */
export async function iperf3(
  from: Namespace,
  to: Namespace,
  address: string,
  { seconds = 2, omitSeconds = 0, port = 5201 } = {},
): Promise<number> {
  const server = to.start('iperf3', '-s', '-1', '--forceflush', '-p', String(port));
  try {
    await server.waitFor(/listening/);
    const times = ['-t', String(seconds), ...(omitSeconds > 0 ? ['-O', String(omitSeconds)] : [])];
    const text = await from.must('iperf3', '-J', '-c', address, '-p', String(port), ...times);
    const report = JSON.parse(text) as { end: { sum_received: { bits_per_second: number } } };
    return report.end.sum_received.bits_per_second;
  } finally {
    await server.stop();
  }
}
