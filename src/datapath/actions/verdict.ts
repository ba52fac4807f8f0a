// What: a verdict, what is to happen to a frame, as one Int32; and the store of output lists that verdicts refer to.
// Why: the hot path decides by comparing an integer; most frames go to exactly one port. Who: ofproto makes
// verdicts, dp carries them out and caches them.
//
//   verdict < 0                          drop; ~verdict is the index of the reason in drop.ts
//   0 <= verdict < FIRST_OUTPUT_LIST     send to the datapath port of that index
//   otherwise                            send to each port of list verdict - FIRST_OUTPUT_LIST

import { DROP, type DropReason } from '../drop.ts';

/** Bound of datapath port indices. */
export const MAX_DATAPATH_PORTS = 1 << 16;
const FIRST_OUTPUT_LIST = MAX_DATAPATH_PORTS;

/** In an output list: the port on which the frame came. All other entries skip that port. */
export const TO_INGRESS = -1;
/** In an output list, added to a port index: the port is meant by a flood, which leaves out ports that are down. */
export const FLOODED = MAX_DATAPATH_PORTS;

export function dropVerdict(reason: DropReason): number {
  return ~DROP[reason];
}

export function isDrop(verdict: number): boolean {
  return verdict < 0;
}

export function isSingleOutput(verdict: number): boolean {
  return verdict < FIRST_OUTPUT_LIST;
}

/** Lists of datapath ports, each kept once per owner. An owner frees all of its lists together. */
export class OutputLists {
  /** By verdict - FIRST_OUTPUT_LIST. */
  private readonly lists: Int32Array[] = [];
  private readonly free: number[] = [];

  /** The ports of a verdict that is neither a drop nor a single output. */
  of(verdict: number): Int32Array {
    return this.lists[verdict - FIRST_OUTPUT_LIST]!;
  }

  /** Stores a list and returns its verdict. */
  add(ports: readonly number[]): number {
    const list = Int32Array.from(ports);
    const index = this.free.pop() ?? this.lists.length;
    this.lists[index] = list;
    return FIRST_OUTPUT_LIST + index;
  }

  /** Forgets the list of a verdict; the verdict may come to mean another list. */
  release(verdict: number): void {
    this.lists[verdict - FIRST_OUTPUT_LIST] = EMPTY;
    this.free.push(verdict - FIRST_OUTPUT_LIST);
  }
}

const EMPTY = new Int32Array(0);
