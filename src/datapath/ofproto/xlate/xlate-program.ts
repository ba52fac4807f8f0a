// What: XlateProgram, the program that a translation writes: which of its operations count, and nested parts. Why:
// changes behind the last use of a frame are in vain and cut off; a clone that changes nothing needs none. Who:
// xlate-*.ts. Invariant: what stands behind `used` has no effect yet.

import {
  OP_CHECK_LENGTH,
  OP_CLONE,
  OP_DROP,
  OP_FLOOD,
  OP_OUTPUT,
  OP_PACKET_IN,
  OP_SAMPLE,
  OP_TRUNCATE,
  ProgramBuilder,
} from '../../actions/program.ts';
import { DROP, type DropReason } from '../../drop.ts';

/** A nested part that is being written. */
export interface Nest {
  start: number;
  used: number;
  ends: boolean;
}

/** The two parts of OP_CHECK_LENGTH. */
export interface Branches {
  /** Where the first one begins. */
  start: number;
  used: number;
  isFirstEmpty: boolean;
  /** Frames had ended before. */
  ended: boolean;
  bothEnd: boolean;
  last: boolean;
}

/** Words of CLONE and its length, of CHECK_LENGTH and its operands. */
const CLONE_HEADER = 2;
const BRANCHES_HEADER = 4;
const NO_NEST: Nest = { start: 0, used: 0, ends: false };

export class XlateProgram {
  readonly builder = new ProgramBuilder();
  /** Each frame is sent, or ends otherwise, at least once. */
  ends = false;
  private used = 0;

  clear(): void {
    this.builder.clear();
    this.ends = false;
    this.used = 0;
  }

  /** What was just written has an effect, but the frame goes on. */
  keep(): void {
    this.used = this.builder.length;
  }

  /** What was just written sends the frame somewhere. */
  end(): void {
    this.used = this.builder.length;
    this.ends = true;
  }

  /** Cuts off what has no effect. */
  trim(): void {
    this.builder.truncate(this.used);
  }

  /** What follows until closeClone() happens to a copy. */
  openClone(): Nest {
    const nest = { start: this.builder.begin(OP_CLONE), used: this.used, ends: this.ends };
    this.ends = false;
    return nest;
  }

  closeClone({ start, used, ends }: Nest): void {
    const { builder } = this;
    builder.truncate(Math.max(this.used, start));
    this.ends ||= ends;
    if (builder.length === start) {
      builder.truncate(start - CLONE_HEADER);
      this.used = used;
      return;
    }
    if (this.changesNothing(start)) this.unwrap(start);
    else builder.finish(start);
    this.keep();
  }

  /**
   * Begins the part for longer frames; nextBranch() and closeBranches() follow. The frame is as it was behind them.
   * `last`: nothing follows, so frames that a part sends nowhere are dropped there.
   */
  openBranches(size: number, last: boolean): Branches {
    this.builder.put(OP_CHECK_LENGTH, size, 0, 0);
    const branches = {
      start: this.builder.length,
      used: this.used,
      isFirstEmpty: false,
      ended: this.ends,
      bothEnd: true,
      last,
    };
    this.openBranch();
    return branches;
  }

  /** Begins the part for the other frames. `reason`: why frames of the first part go nowhere, if so. */
  nextBranch(branches: Branches, reason: DropReason): void {
    branches.isFirstEmpty = this.used === branches.start;
    this.endBranch(branches, reason);
    this.builder.patch(branches.start - 2, this.builder.length - branches.start);
    this.openBranch();
  }

  closeBranches(branches: Branches, reason: DropReason): void {
    const { builder } = this;
    const second = branches.start + builder.at(branches.start - 2);
    if (this.used <= second && branches.isFirstEmpty) {
      // Longer or not, the frame goes nowhere.
      builder.truncate(branches.start - BRANCHES_HEADER);
      this.used = branches.used;
      this.ends = branches.ended;
      return;
    }
    this.endBranch(branches, reason);
    builder.patch(branches.start - 1, builder.length - second);
    this.keep();
    this.ends = branches.ended || branches.bothEnd;
  }

  /** A part for a share of the frames. */
  openSample(probability: number): Nest {
    return { ...NO_NEST, start: this.builder.begin(OP_SAMPLE, probability | 0) };
  }

  closeSample({ start }: Nest): void {
    this.builder.finish(start);
    this.keep();
  }

  private openBranch(): void {
    this.used = this.builder.length;
    this.ends = false;
  }

  private endBranch(branches: Branches, reason: DropReason): void {
    this.trim();
    if (this.ends) return;
    if (branches.last && !branches.ended) this.builder.put(OP_DROP, DROP[reason]);
    else branches.bothEnd = false;
  }

  /** Whether the operations from `start` on leave the frame as it is. */
  private changesNothing(start: number): boolean {
    const { builder } = this;
    for (let at = start; at < builder.length; ) {
      switch (builder.at(at)) {
        case OP_OUTPUT:
        case OP_FLOOD:
        case OP_PACKET_IN:
        case OP_TRUNCATE:
        case OP_DROP:
          at += 2;
          break;
        case OP_CLONE:
          at += CLONE_HEADER + builder.at(at + 1);
          break;
        case OP_CHECK_LENGTH:
          // The executor works on a copy; unwrapped it may become the last operation, which works on the frame.
          at += BRANCHES_HEADER;
          break;
        default:
          return false;
      }
    }
    return true;
  }

  /** Takes the header of the clone that begins at `start` away. */
  private unwrap(start: number): void {
    const { builder } = this;
    for (let at = start; at < builder.length; at++) builder.patch(at - CLONE_HEADER, builder.at(at));
    builder.truncate(builder.length - CLONE_HEADER);
  }
}
