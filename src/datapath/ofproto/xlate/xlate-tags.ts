// What: VLAN tags in a translation: pushes, pops and changes of the TCI, as differences between the tags that the
// frame has in the program so far and those of the working copy. Why: `push_vlan, set_field->vlan_vid, pop_vlan` is one
// push or nothing, and the tag of a frame need not be looked at only because another is pushed. Who: xlate-frame.ts,
// xlate.ts.
//
// The working copy holds two tags: the outermost in words 4 and 25, the next one in word 26 (FLOW_MAX_VLAN_HEADERS of
// Open vSwitch). baseTags is how many of them the frame has in the program so far, keptTags how many of those, from
// the innermost on, are still the same ones. Keys of received frames have one tag at most (vlan-limit 1).

import { OP_POP_VLAN, OP_PUSH_VLAN, type ProgramBuilder } from '../../actions/program.ts';
import {
  KEY_INNER_VLAN,
  KEY_TPID_TCP_FLAGS,
  KEY_TYPE_VLAN,
  TCI_BITS,
  VLAN_PCP_MASK,
  VLAN_PRESENT,
  VLAN_VID_MASK,
} from '../../flow/key.ts';
import { ETH_TYPE_VLAN } from '../../wire/ethernet.ts';
import type { FrameState } from './xlate-frame.ts';

const TPID_BITS = 0xffff_0000 | 0;
/** The bits of a TCI that a frame carries. */
const WIRE_BITS = VLAN_PCP_MASK | VLAN_VID_MASK;

/** Number of tags in the working copy. */
function countTags(frame: FrameState): number {
  if ((frame.flow[KEY_TYPE_VLAN]! & VLAN_PRESENT) === 0) return 0;
  return (frame.flow[KEY_INNER_VLAN]! & VLAN_PRESENT) === 0 ? 1 : 2;
}

/** Makes baseTags and keptTags true. */
function knowTags(frame: FrameState): void {
  if (frame.tagsKnown) return;
  frame.look(KEY_TYPE_VLAN, VLAN_PRESENT);
  frame.tagsKnown = true;
  frame.baseTags = countTags(frame);
  frame.keptTags = frame.baseTags;
  if (frame.baseTags > 0) return;
  // A frame without a tag has 0 in all bits of one; so they need not be looked at.
  const { flow } = frame;
  flow[KEY_TYPE_VLAN] = flow[KEY_TYPE_VLAN]! & ~TCI_BITS;
  flow[KEY_TPID_TCP_FLAGS] = flow[KEY_TPID_TCP_FLAGS]! & ~TPID_BITS;
  flow[KEY_INNER_VLAN] = 0;
}

/** From now on the kept tags are written like new ones, so all of their bits count. */
function giveUpKeptTags(frame: FrameState): void {
  if (frame.keptTags > 0) {
    frame.look(KEY_TYPE_VLAN, TCI_BITS);
    frame.look(KEY_TPID_TCP_FLAGS, TPID_BITS);
    frame.look(KEY_INNER_VLAN, -1);
  }
  frame.keptTags = 0;
}

function tagsDiffer(frame: FrameState): void {
  frame.tagsChanged = true;
  frame.changed = true;
}

/** Changes the TCI of the outermost tag; setting or clearing VLAN_PRESENT makes or takes a tag. */
export function setTci(frame: FrameState, clear: number, set: number): void {
  const { flow } = frame;
  knowTags(frame);
  const word = flow[KEY_TYPE_VLAN]!;
  const tci = ((word & ~clear) | set) & TCI_BITS;
  if (((word ^ tci) & VLAN_PRESENT) !== 0) {
    giveUpKeptTags(frame);
    frame.pending[KEY_TYPE_VLAN] = 0;
    tagsDiffer(frame);
  } else if ((tci & VLAN_PRESENT) !== 0) {
    // The outermost tag is the frame's own, or one that will be pushed as it stands then.
    if (frame.keptTags === countTags(frame)) {
      frame.pending[KEY_TYPE_VLAN] = frame.pending[KEY_TYPE_VLAN]! | ((clear | set) & WIRE_BITS);
    }
    frame.changed = true;
  }
  flow[KEY_TYPE_VLAN] = (word & ~TCI_BITS) | tci;
  if (tci !== 0 && (flow[KEY_TPID_TCP_FLAGS]! & TPID_BITS) === 0) {
    // Without looking: a tag has a TPID, so there was none.
    flow[KEY_TPID_TCP_FLAGS] = flow[KEY_TPID_TCP_FLAGS]! | (ETH_TYPE_VLAN << 16);
  }
}

export function pushVlan(frame: FrameState, tpid: number, program: ProgramBuilder): void {
  const { flow } = frame;
  knowTags(frame);
  // A change of the tag that goes inside belongs before the push.
  if (frame.pending[KEY_TYPE_VLAN] !== 0) frame.commit(program);
  // The third tag is lost, and with it the ground on which the others stand.
  if (countTags(frame) === 2) giveUpKeptTags(frame);
  flow[KEY_INNER_VLAN] = (flow[KEY_TPID_TCP_FLAGS]! & TPID_BITS) | (flow[KEY_TYPE_VLAN]! & TCI_BITS);
  flow[KEY_TPID_TCP_FLAGS] = (flow[KEY_TPID_TCP_FLAGS]! & ~TPID_BITS) | (tpid << 16);
  flow[KEY_TYPE_VLAN] = (flow[KEY_TYPE_VLAN]! & ~TCI_BITS) | VLAN_PRESENT;
  tagsDiffer(frame);
}

/** Takes the outermost tag off, if there is one. */
export function popVlan(frame: FrameState): void {
  const { flow } = frame;
  knowTags(frame);
  const tags = countTags(frame);
  if (tags === 0) return;
  if (frame.keptTags === tags) {
    frame.keptTags--;
    frame.pending[KEY_TYPE_VLAN] = 0;
  }
  const next = tags > 1 ? flow[KEY_INNER_VLAN]! : 0;
  flow[KEY_TPID_TCP_FLAGS] = (flow[KEY_TPID_TCP_FLAGS]! & ~TPID_BITS) | (next & TPID_BITS);
  flow[KEY_TYPE_VLAN] = (flow[KEY_TYPE_VLAN]! & ~TCI_BITS) | (next & TCI_BITS);
  if (tags > 1) flow[KEY_INNER_VLAN] = 0;
  tagsDiffer(frame);
}

/** Writes the difference into the program. */
export function commitTags(frame: FrameState, program: ProgramBuilder): void {
  const { flow } = frame;
  for (; frame.baseTags > frame.keptTags; frame.baseTags--) program.put(OP_POP_VLAN);
  const tags = countTags(frame);
  for (let tag = tags - frame.keptTags - 1; tag >= 0; tag--) {
    const tpid = tag === 0 ? flow[KEY_TPID_TCP_FLAGS]! : flow[KEY_INNER_VLAN]!;
    const tci = tag === 0 ? flow[KEY_TYPE_VLAN]! : flow[KEY_INNER_VLAN]!;
    program.put(OP_PUSH_VLAN, tpid >>> 16, tci & TCI_BITS);
  }
  frame.baseTags = tags;
  frame.keptTags = tags;
  frame.tagsChanged = false;
}
