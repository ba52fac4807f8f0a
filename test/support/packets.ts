// What: sends frames as they are into a device of a namespace, and captures what arrives at one. Why: sockets make
// only well-formed frames, and hide what the wire carried. Who: tests. Talks to tools/packet-end.cc.

import type { BackgroundProcess } from './background-process.ts';
import { nativeTool } from './native-tool.ts';
import type { Namespace } from './netns.ts';

/** A frame with the offload header (virtio_net_hdr, 10 bytes) that goes with it. */
export interface OffloadedFrame {
  frame: Uint8Array;
  /** All zero, or left out: a complete frame. */
  vnetHeader?: Uint8Array;
}

const PLAIN = new Uint8Array(10);

/** Puts frames on the wire of `device`, in order. Throws when the kernel refuses one. */
export async function sendFrames(
  namespace: Namespace,
  device: string,
  frames: readonly (Uint8Array | OffloadedFrame)[],
): Promise<void> {
  const process = namespace.start(tool(), 'send', device);
  const lines = frames.map((item) => {
    const { frame, vnetHeader = PLAIN } = 'frame' in item ? item : { frame: item };
    return `${toHex(vnetHeader)} ${toHex(frame)}\n`;
  });
  process.endInput(lines.join(''));
  const { code, stderr } = await process.exited;
  if (code !== 0) throw new Error(`${namespace.name} ${device}: ${stderr.trim()}`);
}

/** A running capture. Frames that the namespace itself sends are not in it. */
export class Capture {
  readonly #process: BackgroundProcess;

  private constructor(process: BackgroundProcess) {
    this.#process = process;
  }

  /**
   * Listens, promiscuously, at a device that is up; ready when this resolves. The capture ends after `count` frames or
   * `timeoutMs`.
   */
  static async start(
    namespace: Namespace,
    device: string,
    { count = 0, timeoutMs = 5_000 } = {},
  ): Promise<Capture> {
    const process = namespace.start(tool(), 'capture', device, String(count), String(timeoutMs));
    await process.waitFor(/^ready$/m);
    return new Capture(process);
  }

  /** Waits until a frame with exactly these bytes has arrived. Throws when the capture ends before. */
  async waitForFrame(frame: Uint8Array, timeoutMs = 5_000): Promise<void> {
    await this.#process.waitFor(new RegExp(` ${toHex(frame)}$`, 'm'), timeoutMs);
  }

  /** Waits for the end of the capture. VLAN tags are in the frames, as they were on the wire. */
  async frames(): Promise<Required<OffloadedFrame>[]> {
    const { stdout } = await this.#process.exited;
    return parseFrames(stdout);
  }

  /** Ends the capture now and returns what came. */
  async stop(): Promise<Required<OffloadedFrame>[]> {
    const { stdout } = await this.#process.stop('SIGTERM');
    return parseFrames(stdout);
  }
}

function parseFrames(output: string): Required<OffloadedFrame>[] {
  return output
    .split('\n')
    .map((line) => line.split(' '))
    .filter((words) => words.length === 2)
    .map(([vnetHeader, frame]) => ({
      frame: new Uint8Array(Buffer.from(frame!, 'hex')),
      vnetHeader: new Uint8Array(Buffer.from(vnetHeader!, 'hex')),
    }));
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function tool(): string {
  return nativeTool('test/support/tools/packet-end.cc');
}
