// What: real traffic between namespaces: ping, TCP and UDP transfers whose every byte is checked, iperf3. Why: "ping
// works, TCP does not" is the failure that a switch must be tested for. Who: system tests, demo, bench. Talks to the
// kernel's own stack through tools/stream-end.cc, ping(8) and iperf3(1).

import { createHash, randomBytes } from 'node:crypto';
import type { BackgroundProcess } from './background-process.ts';
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
  /** Address of `to`, IPv4 or IPv6. */
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
export async function tcpTransfer(transfer: Transfer): Promise<TransferResult> {
  const stream = await TransferStream.open('tcp', transfer);
  await stream.send(transfer.bytes);
  return stream.finish();
}

export interface UdpTransfer extends Transfer {
  /** Payload of one send call, 5 to 65507. */
  datagramBytes?: number;
  /** More than 0: the kernel cuts each send into datagrams of so many bytes (UDP_SEGMENT). */
  segmentBytes?: number;
}

/** Sends random bytes in datagrams, never so many at once that a socket would overflow. A loss ends it. */
export async function udpTransfer(transfer: UdpTransfer): Promise<TransferResult> {
  const { datagramBytes = 1_400, segmentBytes = 0 } = transfer;
  const stream = await TransferStream.open('udp', transfer, [String(datagramBytes), String(segmentBytes)]);
  await stream.send(transfer.bytes);
  return stream.finish();
}

/** A transfer that goes on while a test does other things, for example to the path. */
export class TransferStream {
  readonly #source: BackgroundProcess;
  readonly #sink: BackgroundProcess;
  readonly #sent = createHash('sha256');
  readonly #timer: NodeJS.Timeout;
  readonly #timeoutMs: number;
  readonly #startedMs = performance.now();

  private constructor(source: BackgroundProcess, sink: BackgroundProcess, timeoutMs: number) {
    this.#source = source;
    this.#sink = sink;
    this.#timeoutMs = timeoutMs;
    this.#timer = setTimeout(() => source.signal('SIGKILL'), timeoutMs);
  }

  /** Starts the sink, then the source. `sourceOptions` are those of `udp-source` in stream-end.cc. */
  static async open(
    kind: 'tcp' | 'udp',
    { from, to, address, port = DEFAULT_PORT, timeoutMs = 30_000 }: Omit<Transfer, 'bytes'>,
    sourceOptions: string[] = [],
  ): Promise<TransferStream> {
    const tool = nativeTool('test/support/tools/stream-end.cc');
    const sink = to.start(tool, `${kind}-sink`, String(port));
    await sink.waitFor(/^ready$/m);
    const source = from.start(tool, `${kind}-source`, address, String(port), ...sourceOptions);
    return new TransferStream(source, sink, timeoutMs);
  }

  /** Bytes that came out at the other end so far. */
  get received(): number {
    return this.#sink.stdoutBytes.length;
  }

  /** Hands `count` random bytes to the source. Resolves when it took them, which TCP delays while the path is down. */
  async send(count: number): Promise<void> {
    const content = randomBytes(count);
    this.#sent.update(content);
    await this.#source.write(content);
  }

  /** Ends the transfer and waits until all has arrived, or until it has failed. */
  async finish(): Promise<TransferResult> {
    this.#source.endInput();
    const { code, stderr } = await this.#source.exited;
    clearTimeout(this.#timer);
    // After a failure the sink may wait for ever; after a success it has little left to do.
    if (code !== 0) this.#sink.signal('SIGKILL');
    await this.#sink.exited;
    const arrived = this.#sink.stdoutBytes;
    return {
      received: arrived.length,
      sha256Sent: this.#sent.digest('hex'),
      sha256Received: createHash('sha256').update(arrived).digest('hex'),
      durationMs: performance.now() - this.#startedMs,
      problem: code === 0 ? '' : stderr.trim() || `not done after ${this.#timeoutMs} ms`,
    };
  }
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
