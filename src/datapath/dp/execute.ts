// What: Executor, which carries a datapath program (actions/program.ts) out on one frame. Why: the translation says once
// what is done to the frames of a flow; this does it for each of them. Who: datapath.ts, for frames that do not simply go
// to one port, and for packet-outs; edit-tags.ts and edit-set.ts change headers, port/copy-rows.ts keeps the copies.
// Invariants: a frame whose row was pushed does not change before the host flushed, so an edit behind an output works on
// a copy; a bad frame never throws: an edit of a header that it lacks does nothing; nothing is allocated per frame.
//
// Each run ends the frame at least once: sent, given to the control plane, looked up again, or dropped for one reason. The
// host is told of all ends beyond the first by copies().

import {
  OP_CHECK_LENGTH,
  OP_CLONE,
  OP_DROP,
  OP_FLOOD,
  OP_METER,
  OP_OUTPUT,
  OP_PACKET_IN,
  OP_POP_MPLS,
  OP_POP_VLAN,
  OP_PUSH_MPLS,
  OP_PUSH_VLAN,
  OP_RECIRCULATE,
  OP_SAMPLE,
  OP_SAMPLED,
  OP_SET,
  OP_TRUNCATE,
  TO_INGRESS,
} from '../actions/program.ts';
import { isDrop, isSingleOutput, type Programs } from '../actions/verdict.ts';
import { DROP } from '../drop.ts';
import type { FrameBatch } from '../port/batch.ts';
import { CopyRows, ROW_KEPT, ROW_LIVE, ROW_LOCKED, ROW_QUEUED } from '../port/copy-rows.ts';
import { SuperFrame } from '../port/segment-frame.ts';
import { FrameLayout } from './edit-layout.ts';
import { completeOffloads, isSuperFrame, segmentLength } from './edit-offload.ts';
import { setWord } from './edit-set.ts';
import { popMpls, popVlan, pushMpls, pushVlan } from './edit-tags.ts';
import type { Meters } from './meters.ts';

/** As the maxLength of packetIn(): the whole frame. */
export const WHOLE_FRAME = 0x7fff_ffff;
/** As the probability of OP_SAMPLE: every frame. */
const ALWAYS = -1;

/** What the executor needs of the datapath around it. */
export interface ExecutionHost {
  /** Index of the datapath port on which the frame came; OP_FLOOD leaves it out. */
  readonly ingress: number;
  /** The time in ms, in its only element. */
  readonly clock: Float64Array;
  /** Whether a flood reaches the port. */
  isUsable(portIndex: number): boolean;
  /** Sends the frame in `row` out of a port, at flush() or before. The row may be a copy, beyond those of a burst. */
  push(portIndex: number, row: number): void;
  /** Sends all that was pushed. */
  flush(): void;
  /** Gives at most `maxLength` bytes of the frame to the control plane, before it returns. Checksums are complete. */
  packetIn(spec: number, row: number, maxLength: number): void;
  /** Looks the frame in `row` up with this recirc_id, and calls run() with the verdict, before it returns. */
  recirculate(row: number, id: number): void;
  /** Counts a drop of the frame; `reason` is an index of drop.ts. */
  drop(reason: number): void;
  /** Counts `count` more copies of the frame that were made. */
  copies(count: number): void;
}

export class Executor {
  /** Tags that the key looks at (other_config:vlan-limit): labels go behind as many. */
  vlanLimit = 1;
  /** Frames that OP_SAMPLED counted, in its only element. */
  readonly sampled = new Float64Array(1);

  private readonly batch: FrameBatch;
  private readonly programs: Programs;
  private readonly meters: Meters;
  private readonly host: ExecutionHost;
  private readonly layout: FrameLayout;
  private readonly rows: CopyRows;
  private readonly superFrame: SuperFrame;

  /** Runs within runs: recirculation. */
  private depth = 0;
  /** The frame as the program has made it so far. */
  private row = 0;
  /** Of the run: how often the frame ended, and why not, if it did not. */
  private ends = 0;
  private reason = 0;
  /** Bytes that the next output sends at most; 0: all. */
  private maxLength = 0;
  private random = 0x2545_f491;

  constructor(batch: FrameBatch, programs: Programs, meters: Meters, host: ExecutionHost) {
    this.batch = batch;
    this.programs = programs;
    this.meters = meters;
    this.host = host;
    this.layout = new FrameLayout(batch);
    this.rows = new CopyRows(batch, this.layout.view);
    this.superFrame = new SuperFrame(batch, this.layout.view);
  }

  /** Carries out a verdict of any kind on the frame in `row`, which may change in place. */
  run(verdict: number, row: number): void {
    const { layout, rows } = this;
    const outerRow = this.row;
    const outerEnds = this.ends;
    const outerReason = this.reason;
    const outerTags = layout.tags;
    if (this.depth === 0) rows.begin(row);
    this.depth++;
    this.row = row;
    this.ends = 0;
    this.reason = DROP['flow-drop'];
    this.maxLength = 0;
    layout.begin(row, this.vlanLimit);
    if (isDrop(verdict)) this.reason = ~verdict;
    else if (isSingleOutput(verdict)) this.output(verdict);
    else {
      const program = this.programs.of(verdict);
      this.execute(program, 0, program.length);
    }
    if (this.ends === 0) this.host.drop(this.reason);
    else if (this.ends > 1) this.host.copies(this.ends - 1);
    if (this.row !== row) this.leave(this.row);
    this.depth--;
    this.row = outerRow;
    this.ends = outerEnds;
    this.reason = outerReason;
    if (this.depth > 0) layout.begin(outerRow, outerTags);
  }

  /** Call when all that was pushed has been sent: the rows of the copies are free again. */
  flushed(): void {
    this.rows.flushed();
  }

  /** Carries out program[from, end). Returns early when nothing is left of the frame. */
  private execute(program: Int32Array, from: number, end: number): void {
    const { host, layout } = this;
    let at = from;
    while (at < end) {
      switch (program[at]!) {
        case OP_OUTPUT:
          this.output(program[at + 1]! === TO_INGRESS ? host.ingress : program[at + 1]!);
          at += 2;
          break;
        case OP_FLOOD:
          this.flood(program[at + 1]!);
          at += 2;
          break;
        case OP_SET:
          if (!this.own()) return;
          setWord(layout, program[at + 1]!, program[at + 2]!, program[at + 3]!);
          at += 4;
          break;
        case OP_PUSH_VLAN:
          if (!this.own()) return;
          if (!pushVlan(layout, program[at + 1]!, program[at + 2]!, this.floor())) {
            this.end('no-headroom');
            return;
          }
          at += 3;
          break;
        case OP_POP_VLAN:
          if (!this.own()) return;
          popVlan(layout);
          at += 1;
          break;
        case OP_PUSH_MPLS:
          if (!this.own()) return;
          if (!pushMpls(layout, program[at + 1]!, program[at + 2]!, this.floor())) {
            this.end('no-headroom');
            return;
          }
          at += 3;
          break;
        case OP_POP_MPLS:
          if (!this.own()) return;
          popMpls(layout, program[at + 1]!);
          at += 2;
          break;
        case OP_TRUNCATE:
          this.maxLength = program[at + 1]!;
          at += 2;
          break;
        case OP_METER:
          if (!this.meters.allow(program[at + 1]!, this.batch.length[this.row]!, host.clock)) {
            this.end('meter-exceeded');
            return;
          }
          at += 2;
          break;
        case OP_PACKET_IN:
          this.packetIn(program[at + 1]!);
          at += 2;
          break;
        case OP_CLONE: {
          const next = at + 2 + program[at + 1]!;
          this.nested(program, at + 2, next, next === end);
          at = next;
          break;
        }
        case OP_SAMPLE: {
          const next = at + 3 + program[at + 2]!;
          if (this.hits(program[at + 1]!)) this.nested(program, at + 3, next, next === end);
          at = next;
          break;
        }
        case OP_CHECK_LENGTH: {
          const middle = at + 4 + program[at + 2]!;
          const next = middle + program[at + 3]!;
          const above = segmentLength(layout) > program[at + 1]!;
          if (above) this.nested(program, at + 4, middle, next === end);
          else this.nested(program, middle, next, next === end);
          at = next;
          break;
        }
        case OP_RECIRCULATE:
          this.recirculate(program[at + 1]!);
          at += 2;
          break;
        case OP_DROP:
          host.drop(program[at + 1]!);
          this.ends++;
          at += 2;
          break;
        case OP_SAMPLED:
          this.sampled[0]!++;
          at += 1;
          break;
        default:
          throw new Error(`${program[at]} is no operation of a datapath program`);
      }
    }
  }

  private output(port: number): void {
    const { row, maxLength } = this;
    if (maxLength !== 0) {
      this.maxLength = 0;
      if (this.batch.length[row]! > maxLength) {
        this.outputTruncated(port, maxLength);
        return;
      }
    }
    this.rows.state[row]! |= ROW_QUEUED;
    this.host.push(port, row);
    this.ends++;
  }

  private flood(port: number): void {
    if (port === this.host.ingress || !this.host.isUsable(port)) this.reason = DROP['no-flood-port'];
    else this.output(port);
  }

  /** Sends the first `maxLength` bytes of the frame, or of each of its segments. */
  private outputTruncated(port: number, maxLength: number): void {
    const { batch, superFrame } = this;
    if (!isSuperFrame(batch.offload[this.row]!) || !superFrame.parse(this.row)) {
      // The checksum covers what is cut off.
      const isPartial = batch.offload[this.row] !== 0;
      const copy = this.copy(isPartial ? WHOLE_FRAME : maxLength);
      if (copy < 0) return;
      if (isPartial) completeOffloads(batch, this.layout.view, copy);
      batch.length[copy] = maxLength;
      this.pushCopy(port, copy);
      return;
    }
    for (let i = 0; i < superFrame.segments; i++) {
      const copy = this.copy(0);
      if (copy < 0) return;
      superFrame.write(i, batch.offset[copy]!, false);
      batch.length[copy] = Math.min(superFrame.segmentLength(i), maxLength);
      batch.offload[copy] = 0;
      this.pushCopy(port, copy);
    }
  }

  private pushCopy(port: number, copy: number): void {
    this.rows.state[copy] = ROW_QUEUED;
    this.host.push(port, copy);
    this.ends++;
  }

  private packetIn(spec: number): void {
    const maxLength = this.maxLength === 0 ? WHOLE_FRAME : this.maxLength;
    this.maxLength = 0;
    if (this.batch.offload[this.row] === 0) {
      this.host.packetIn(spec, this.row, maxLength);
    } else {
      const copy = this.copy(WHOLE_FRAME);
      if (copy < 0) return;
      completeOffloads(this.batch, this.layout.view, copy);
      this.host.packetIn(spec, copy, maxLength);
      this.leave(copy);
    }
    this.ends++;
  }

  private recirculate(id: number): void {
    const { row } = this;
    const { state } = this.rows;
    const kept = state[row]! & ROW_KEPT;
    state[row]! |= ROW_KEPT;
    this.host.recirculate(row, id);
    if (kept === 0) state[row]! &= ~ROW_KEPT;
    this.ends++;
  }

  /** Carries out a nested program; unless it is the last of its program, the frame is as before afterwards. */
  private nested(program: Int32Array, from: number, end: number, isLast: boolean): void {
    if (isLast) {
      this.execute(program, from, end);
      return;
    }
    const { row, maxLength, layout } = this;
    const { tags } = layout;
    const { state } = this.rows;
    const kept = state[row]! & ROW_KEPT;
    state[row]! |= ROW_KEPT;
    this.execute(program, from, end);
    if (this.row !== row) {
      this.leave(this.row);
      this.row = row;
      layout.begin(row, tags);
    }
    if (kept === 0) state[row]! &= ~ROW_KEPT;
    state[row]! |= ROW_LIVE;
    this.maxLength = maxLength;
  }

  /** Makes the frame one that may be changed. False: there is no row for a copy, and the frame ended in a drop. */
  private own(): boolean {
    const { row } = this;
    if ((this.rows.state[row]! & ROW_LOCKED) === 0) return true;
    const copy = this.copy(WHOLE_FRAME);
    if (copy < 0) return false;
    this.leave(row);
    this.row = copy;
    this.layout.begin(copy, this.layout.tags);
    return true;
  }

  /** The row of a copy of the first `bytes` of the frame; -1: there is no row for it, which is counted as a drop. */
  private copy(bytes: number): number {
    let copy = this.rows.copy(this.row, bytes);
    if (copy >= 0) return copy;
    this.host.flush();
    this.rows.flushed();
    copy = this.rows.copy(this.row, bytes);
    if (copy < 0) this.end('too-many-copies');
    return copy;
  }

  /** The program needs this row no more; it may still be queued or kept. */
  private leave(row: number): void {
    this.rows.state[row]! &= ~ROW_LIVE;
  }

  /** The lowest byte to which a push may move the vnet header. */
  private floor(): number {
    return this.rows.slotStart(this.row);
  }

  /** The frame ends in a drop. */
  private end(reason: 'no-headroom' | 'meter-exceeded' | 'too-many-copies'): void {
    this.host.drop(DROP[reason]);
    this.ends++;
  }

  /** Draws whether a sample takes the frame. (xorshift32) */
  private hits(probability: number): boolean {
    if (probability === ALWAYS) return true;
    let random = this.random;
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    this.random = random;
    return random >>> 0 < probability >>> 0;
  }
}
