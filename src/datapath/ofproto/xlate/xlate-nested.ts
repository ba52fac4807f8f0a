// What: parts of a translation that work on a copy or for a part of the frames: clone, check_pkt_larger, sample, the
// action set, and freezing. Who: xlate.ts, xlate-actions.ts, xlate-group.ts.

import type { Action } from '../../actions/action.ts';
import { OP_RECIRCULATE, OP_SAMPLED } from '../../actions/program.ts';
import { orderActionSet } from './xlate-action-set.ts';
import { setNumber } from './xlate-bits.ts';
import { pipelineOf } from './xlate-freeze.ts';
import type { XlateState } from './xlate-state.ts';

/**
 * Stack and action set. A nested part begins with a copy of them, and carries its action set out at its end, as Open
 * vSwitch 3.1 does.
 */
interface Kept {
  stack: number[];
  stackBytes: number;
  actionSet: Action[];
}

function keep(x: XlateState): Kept {
  const kept = { stack: x.stack, stackBytes: x.stackBytes, actionSet: x.actionSet };
  x.stack = [...x.stack];
  x.actionSet = [...x.actionSet];
  return kept;
}

function putBack(x: XlateState, kept: Kept): void {
  x.stack = kept.stack;
  x.stackBytes = kept.stackBytes;
  x.actionSet = kept.actionSet;
}

/** Carries out actions, then the action set that they leave. */
function runToEnd(x: XlateState, actions: readonly Action[]): void {
  x.runActions(actions, true, false);
  if (!x.freezing) runActionSet(x);
  if (x.freezing) finishFreezing(x);
}

export function runClone(x: XlateState, actions: readonly Action[], last: boolean): void {
  const { frame, program } = x;
  const kept = keep(x);
  if (!last) frame.commit(program.builder);
  frame.save();
  const nest = last ? undefined : program.openClone();
  runToEnd(x, actions);
  if (nest) program.closeClone(nest);
  frame.restore();
  putBack(x, kept);
}

/**
 * Carries out the actions behind check_pkt_larger twice: for longer frames and for the others. What the first part
 * leaves of stack and action set, nothing as a rule, is what the second one begins with, as in Open vSwitch 3.1.
 */
export function runBranches(
  x: XlateState,
  { length, target }: Extract<Action, { type: 'check_pkt_larger' }>,
  rest: readonly Action[],
  last: boolean,
): void {
  const { frame, program } = x;
  const kept = keep(x);
  frame.commit(program.builder);
  frame.save();
  const branches = program.openBranches(length, last);
  runBranch(x, target, 1, rest);
  program.nextBranch(branches, x.reason);
  frame.restore(true);
  const exit = x.exit;
  x.exit = false;
  runBranch(x, target, 0, rest);
  program.closeBranches(branches, x.reason);
  frame.restore();
  x.exit = exit;
  putBack(x, kept);
}

function runBranch(
  x: XlateState,
  target: Extract<Action, { type: 'check_pkt_larger' }>['target'],
  isLarger: number,
  rest: readonly Action[],
): void {
  setNumber(x.value, isLarger);
  x.frame.write(target, x.value);
  runToEnd(x, rest);
}

/** Counts a share of the frames; 65535 is all of them. */
export function sample(x: XlateState, probability: number): void {
  const nest = x.program.openSample((probability << 16) | probability);
  x.program.builder.put(OP_SAMPLED);
  x.program.closeSample(nest);
}

/** Carries out the action set, and empties it. */
export function runActionSet(x: XlateState): void {
  if (x.actionSet.length === 0) return;
  const actions = orderActionSet(x.actionSet);
  x.actionSet = [];
  if (actions.length === 0) return;
  x.inActionSet = true;
  x.sink?.enterActionSet();
  x.runActions(actions, true, false);
  x.sink?.leave();
  x.inActionSet = false;
}

/** Keeps what is to be done when the frame comes around again, and sends it around. */
export function finishFreezing(x: XlateState): void {
  const { frame, program, frozenStates } = x;
  frame.commit(program.builder);
  if (frozenStates.full) {
    frozenStates.restart();
    x.context.renewVersion();
  }
  const id = frozenStates.add({
    rest: x.frozen,
    pipeline: pipelineOf(frame.flow),
    stack: Int32Array.from(x.stack),
    actionSet: [...x.actionSet],
  });
  x.sink?.recirculate(id, frame.flow);
  program.builder.put(OP_RECIRCULATE, id);
  program.end();
  x.frozen = [];
  x.freezing = false;
}
