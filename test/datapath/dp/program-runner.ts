// What: ProgramRunner, an Executor over a batch of its own: a frame and a program in, what leaves out. Why: tests of
// execution need no switch. Who: execute*.test.ts.
// Invariant: frames are looked at when they are flushed, as a port would, not when they are pushed.

import { OP_OUTPUT } from '../../../src/datapath/actions/program.ts';
import { Programs } from '../../../src/datapath/actions/verdict.ts';
import { type ExecutionHost, Executor } from '../../../src/datapath/dp/execute.ts';
import { Meters } from '../../../src/datapath/dp/meters.ts';
import { DROP_REASON_NAMES } from '../../../src/datapath/drop.ts';
import {
  FrameBatch,
  HEADROOM,
  OFFLOAD_CSUM,
  OFFLOAD_TSO4,
  OFFLOAD_TSO6,
  OFFLOAD_USO,
  SLOT_LENGTH,
  VNET_HDR_LENGTH,
} from '../../../src/datapath/port/batch.ts';
import { ARENA_LENGTH, ARENA_ROWS } from '../../../src/datapath/port/copy-rows.ts';

export interface Sent {
  port: number;
  frame: Uint8Array;
  vnetHeader: Uint8Array;
  offload: number;
}

export interface Outcome {
  sent: Sent[];
  packetIns: { spec: number; frame: Uint8Array; maxLength: number }[];
  drops: string[];
  copies: number;
  flushes: number;
}

export const INGRESS = 9;

export class ProgramRunner implements ExecutionHost {
  readonly batch = new FrameBatch(new ArrayBuffer(ARENA_LENGTH), ARENA_ROWS);
  readonly programs = new Programs();
  readonly meters = new Meters();
  readonly executor = new Executor(this.batch, this.programs, this.meters, this);
  readonly clock = new Float64Array(1);
  ingress = INGRESS;
  /** Ports that a flood leaves out. */
  readonly down = new Set<number>();
  /** What RECIRCULATE continues with, by id. */
  readonly continuations = new Map<number, number[]>();

  private queue: { port: number; row: number }[] = [];
  private outcome: Outcome = { sent: [], packetIns: [], drops: [], copies: 0, flushes: 0 };

  /** Carries the program out on the frame, as if it had come in as row `row`. */
  run(frame: Uint8Array, program: number[], vnetHeader?: Uint8Array, row = 3): Outcome {
    this.place(frame, vnetHeader, row);
    this.outcome = { sent: [], packetIns: [], drops: [], copies: 0, flushes: 0 };
    const verdict = this.programs.intern(Int32Array.from(program));
    this.executor.run(verdict, row);
    this.programs.release(verdict);
    this.flush();
    this.executor.flushed();
    return this.outcome;
  }

  /** The only frame that leaves when the program is followed by an output. */
  edit(frame: Uint8Array, program: number[], vnetHeader?: Uint8Array): Sent {
    const { sent } = this.run(frame, [...program, OP_OUTPUT, 1], vnetHeader);
    if (sent.length !== 1) throw new Error(`${sent.length} frames left`);
    return sent[0]!;
  }

  place(frame: Uint8Array, vnetHeader: Uint8Array | undefined, row: number): void {
    const { batch } = this;
    const at = row * SLOT_LENGTH + HEADROOM;
    batch.bytes.fill(0xee, row * SLOT_LENGTH, at);
    batch.bytes.fill(0, at - VNET_HDR_LENGTH, at);
    if (vnetHeader) batch.bytes.set(vnetHeader, at - VNET_HDR_LENGTH);
    batch.bytes.set(frame, at);
    batch.bytes.fill(0xee, at + frame.length, at + frame.length + 64);
    batch.offset[row] = at;
    batch.length[row] = frame.length;
    batch.offload[row] = vnetHeader ? offloadOf(vnetHeader) : 0;
  }

  isUsable(port: number): boolean {
    return !this.down.has(port);
  }

  push(port: number, row: number): void {
    this.queue.push({ port, row });
  }

  flush(): void {
    this.outcome.flushes++;
    const { bytes, offset, length, offload } = this.batch;
    for (const { port, row } of this.queue) {
      const at = offset[row]!;
      this.outcome.sent.push({
        port,
        frame: bytes.slice(at, at + length[row]!),
        vnetHeader: bytes.slice(at - VNET_HDR_LENGTH, at),
        offload: offload[row]!,
      });
    }
    this.queue = [];
  }

  packetIn(spec: number, row: number, maxLength: number): void {
    const at = this.batch.offset[row]!;
    const frame = this.batch.bytes.slice(at, at + this.batch.length[row]!);
    this.outcome.packetIns.push({ spec, frame, maxLength });
  }

  recirculate(row: number, id: number): void {
    const verdict = this.programs.intern(Int32Array.from(this.continuations.get(id) ?? []));
    this.executor.run(verdict, row);
    this.programs.release(verdict);
  }

  drop(reason: number): void {
    this.outcome.drops.push(DROP_REASON_NAMES[reason]!);
  }

  copies(count: number): void {
    this.outcome.copies += count;
  }
}

function offloadOf(vnetHeader: Uint8Array): number {
  const csum = vnetHeader[0]! & 1 ? OFFLOAD_CSUM : 0;
  const kinds = new Map([
    [1, OFFLOAD_TSO4],
    [4, OFFLOAD_TSO6],
    [5, OFFLOAD_USO],
  ]);
  return csum | (kinds.get(vnetHeader[1]! & 0x7f) ?? 0);
}

/** The words of a program with nested ones: `nest(OP_CLONE, inner)` writes the length. */
export function nest(words: number[], inner: number[]): number[] {
  return [...words, inner.length, ...inner];
}
