// What: the action learn: the flow that a frame teaches (ovs-actions(7)). Why: with it flow tables learn stations or let
// answers in, without a controller. Who: xlate-actions.ts; the bridge adds the flow, and refreshes it when effects are
// credited.

import type { Action, LearnAction, LearnTerm, Subfield } from '../../actions/action.ts';
import { fillBits, readBits } from '../../flow/bits.ts';
import { Match } from '../../flow/match.ts';
import {
  OFPORT_ALL,
  OFPORT_FLOOD,
  OFPORT_IN_PORT,
  OFPORT_LOCAL,
  OFPORT_MAX,
} from '../../flow/port-number.ts';
import { FLAG_SEND_FLOW_REM, type FlowMod, newFlowMod } from '../entries/flow-mod.ts';
import { firstBit, readSubfield, setNumber, VALUE_WORDS, writeValue } from './xlate-bits.ts';
import type { XlateState } from './xlate-state.ts';
import { subfieldNote } from './xlate-value-text.ts';

/** Notes the flow, to be added or refreshed when the translation is through (as Open vSwitch, by versioned tables). */
export function learn(x: XlateState, action: LearnAction): void {
  const { frame, context } = x;
  for (const term of action.terms) lookAtSource(frame.mask, term);
  if (!x.sideEffects) {
    x.note('warn', 'suppressing side effects, so learn action ignored');
    return;
  }
  const mod = learnedFlow(action, frame.flow);
  const success = context.mayLearn(mod, action.limit, x.learned);
  if (success) {
    x.learned.push({ mod, limit: action.limit });
    x.effects.addLearned(mod, action.limit);
  }
  if (!action.resultTarget) return;
  setNumber(x.value, success ? 1 : 0);
  frame.write(action.resultTarget, x.value);
  if (x.sink) x.note('detail', subfieldNote(frame.flow, action.resultTarget));
}

/** All that the learned flow copies from the frame was looked at. */
function lookAtSource(mask: Int32Array, term: LearnTerm): void {
  const source = term.kind === 'output' ? term.source : term.value;
  if (typeof source !== 'bigint') fillBits(mask, firstBit(source), source.width);
}

/** The flow that a frame with this key teaches. */
function learnedFlow(action: LearnAction, flow: Int32Array): FlowMod {
  const match = new Match();
  const actions: Action[] = [];
  const { finIdleTimeout, finHardTimeout } = action;
  if (finIdleTimeout > 0 || finHardTimeout > 0) {
    actions.push({ type: 'fin_timeout', idleTimeout: finIdleTimeout, hardTimeout: finHardTimeout });
  }
  for (const term of action.terms) {
    if (term.kind === 'match') addToMatch(match, term.target, term.value, flow);
    else if (term.kind === 'load')
      actions.push({ type: 'load', value: readSource(term.value, flow), target: term.target });
    else addOutput(actions, readSource(term.source, flow));
  }
  return {
    ...newFlowMod('modify_strict', match),
    tableId: action.tableId,
    priority: action.priority,
    cookie: action.cookie,
    setsCookie: true,
    idleTimeout: action.idleTimeout,
    hardTimeout: action.hardTimeout,
    flags: action.sendFlowRemoved ? FLAG_SEND_FLOW_REM : 0,
    actions,
  };
}

const value = new Int32Array(VALUE_WORDS);

function addToMatch(match: Match, target: Subfield, source: bigint | Subfield, flow: Int32Array): void {
  const bit = firstBit(target);
  if (typeof source === 'bigint') {
    for (let i = 0; i < VALUE_WORDS; i++) {
      value[i] = Number(BigInt.asIntN(32, source >> BigInt(32 * (VALUE_WORDS - 1 - i))));
    }
  } else {
    readSubfield(flow, source, value);
  }
  writeValue(match.value, bit, target.width, value);
  fillBits(match.mask, bit, target.width);
}

function readSource(source: bigint | Subfield, flow: Int32Array): bigint {
  return typeof source === 'bigint' ? source : readBits(flow, firstBit(source), source.width);
}

/** The ports that such an output may name. */
function addOutput(actions: Action[], port: bigint): void {
  if (port > 0xffffn) return;
  const number = Number(port);
  if (number <= OFPORT_MAX || number === OFPORT_LOCAL)
    actions.push({ type: 'output', port: number, maxLength: 0 });
  else if (number === OFPORT_IN_PORT) actions.push({ type: 'in_port' });
  else if (number === OFPORT_FLOOD) actions.push({ type: 'flood' });
  else if (number === OFPORT_ALL) actions.push({ type: 'all' });
}
