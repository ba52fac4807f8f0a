// What: MPLS labels in a translation: pushes and pops in the working copy, and the difference to the frame as program
// operations. Why: as with VLAN tags, only what is sent needs to be made. Who: xlate-frame.ts, xlate.ts.
//
// A push or a pop looks at all entries of the stack, since each of them moves. Behind the last popped label stand
// headers that the key does not have: FrameState.wasMpls, for which xlate.ts recirculates.

import { OP_POP_MPLS, OP_PUSH_MPLS, OP_SET, type ProgramBuilder } from '../../actions/program.ts';
import {
  KEY_INNER_VLAN,
  KEY_MPLS,
  KEY_NW,
  KEY_NW_SRC,
  KEY_TPID_TCP_FLAGS,
  KEY_TYPE_VLAN,
  MPLS_ENTRIES,
  TCI_BITS,
} from '../../flow/key.ts';
import { ETH_TYPE_IPV6, ETH_TYPE_MPLS, ETH_TYPE_MPLS_MULTICAST } from '../../wire/ethernet.ts';
import type { FrameState } from './xlate-frame.ts';

const BOTTOM = 0x100;
const TPID_BITS = 0xffff_0000 | 0;
const DSCP_BITS = 0xfc_0000;
const TTL_BITS = 0xff00;
const DEFAULT_TTL = 64;
const IPV6_EXPLICIT_NULL = 2;

export function isMpls(type: number): boolean {
  return type === ETH_TYPE_MPLS || type === ETH_TYPE_MPLS_MULTICAST;
}

/** Label stack entries of the working copy, looked at as far as counting them needs. */
function countLabels(frame: FrameState): number {
  if (!isMpls(frame.type)) return 0;
  let count = 0;
  for (let i = 0; i < MPLS_ENTRIES; i++) {
    const entry = frame.flow[KEY_MPLS + i]!;
    frame.look(KEY_MPLS + i, BOTTOM);
    if ((entry & BOTTOM) !== 0) return i + 1;
    frame.look(KEY_MPLS + i, -1);
    if (entry !== 0) count++;
  }
  return count;
}

/** The same for the frame of the program so far, of which all that counts was looked at. */
function countIn(words: Int32Array): number {
  if (!isMpls(words[KEY_TYPE_VLAN]! >>> 16)) return 0;
  let count = 0;
  for (let i = 0; i < MPLS_ENTRIES; i++) {
    const entry = words[KEY_MPLS + i]!;
    if ((entry & BOTTOM) !== 0) return i + 1;
    if (entry !== 0) count++;
  }
  return count;
}

function labelsDiffer(frame: FrameState, count: number): void {
  for (let i = 0; i < count; i++) frame.look(KEY_MPLS + i, -1);
  frame.pending.fill(0, KEY_MPLS, KEY_MPLS + MPLS_ENTRIES);
  frame.labelsChanged = true;
  frame.changed = true;
}

function setType(words: Int32Array, type: number): void {
  words[KEY_TYPE_VLAN] = (words[KEY_TYPE_VLAN]! & TCI_BITS) | (type << 16);
}

/** False: there are as many labels as a key can hold. */
export function pushMpls(frame: FrameState, type: number, program: ProgramBuilder): boolean {
  const { flow } = frame;
  const count = countLabels(frame);
  if (count >= MPLS_ENTRIES) return false;
  if (count === 0) {
    // Changes of the headers that a label is going to hide.
    frame.commit(program);
    const entry = firstEntry(frame);
    labelsDiffer(frame, 0);
    flow.fill(0, KEY_NW_SRC, KEY_TPID_TCP_FLAGS);
    flow[KEY_TPID_TCP_FLAGS] = flow[KEY_TPID_TCP_FLAGS]! & TPID_BITS;
    flow.fill(0, KEY_INNER_VLAN + 1, KEY_MPLS + MPLS_ENTRIES);
    flow[KEY_MPLS] = entry;
  } else {
    labelsDiffer(frame, count);
    flow.copyWithin(KEY_MPLS + 1, KEY_MPLS, KEY_MPLS + count);
    flow[KEY_MPLS] = flow[KEY_MPLS]! & ~BOTTOM;
  }
  setType(flow, type);
  return true;
}

/** The entry in front of an unlabelled packet: its TTL and DSCP, and "explicit null". */
function firstEntry(frame: FrameState): number {
  let label = 0;
  let traffic = 0;
  let ttl = DEFAULT_TTL;
  if (frame.isIp) {
    if (frame.type === ETH_TYPE_IPV6) label = IPV6_EXPLICIT_NULL;
    frame.look(KEY_NW, DSCP_BITS | TTL_BITS);
    const word = frame.flow[KEY_NW]!;
    traffic = ((word & DSCP_BITS) >>> 18) & 7;
    ttl = (word & TTL_BITS) >>> 8 || DEFAULT_TTL;
  }
  return (label << 12) | (traffic << 9) | BOTTOM | ttl;
}

/** False: there are more labels than a key can hold. Nothing happens when there is none. */
export function popMpls(frame: FrameState, type: number): boolean {
  const { flow } = frame;
  const count = countLabels(frame);
  if (count === 0) return true;
  if (count === MPLS_ENTRIES && (flow[KEY_MPLS + MPLS_ENTRIES - 1]! & BOTTOM) === 0) return false;
  labelsDiffer(frame, count);
  flow.copyWithin(KEY_MPLS, KEY_MPLS + 1, KEY_MPLS + count);
  flow[KEY_MPLS + count - 1] = 0;
  setType(flow, type);
  if (!isMpls(type)) frame.wasMpls = true;
  return true;
}

/** Writes the difference between the labels of the frame and those of the working copy into the program. */
export function commitLabels(frame: FrameState, program: ProgramBuilder): void {
  const { flow, base } = frame;
  frame.labelsChanged = false;
  const type = flow[KEY_TYPE_VLAN]! >>> 16;
  const wanted = countIn(flow);
  let labels = countIn(base);
  let same = commonLabels(base, labels, flow, wanted);
  while (labels > same) {
    if (labels - 1 === same && wanted > same) {
      // One entry of the frame is turned into the one that is wanted in its place.
      const entry = flow[KEY_MPLS + wanted - labels]!;
      program.put(OP_SET, KEY_MPLS, entry, -1);
      base[KEY_MPLS] = entry;
      same++;
    } else {
      const next = !isMpls(type) && labels > 1 ? ETH_TYPE_MPLS : type;
      program.put(OP_POP_MPLS, next);
      base.copyWithin(KEY_MPLS, KEY_MPLS + 1, KEY_MPLS + labels);
      base[KEY_MPLS + labels - 1] = 0;
      setType(base, type);
      labels--;
    }
  }
  for (; labels < wanted; labels++) {
    const entry = flow[KEY_MPLS + wanted - labels - 1]!;
    program.put(OP_PUSH_MPLS, entry, type);
    base.copyWithin(KEY_MPLS + 1, KEY_MPLS, KEY_MPLS + labels);
    base[KEY_MPLS] = entry;
    setType(base, type);
  }
}

/** Entries that are the same in both stacks, from the bottom up. */
function commonLabels(a: Int32Array, aCount: number, b: Int32Array, bCount: number): number {
  const least = Math.min(aCount, bCount);
  let same = 0;
  while (same < least && a[KEY_MPLS + aCount - 1 - same] === b[KEY_MPLS + bCount - 1 - same]) same++;
  return same;
}
