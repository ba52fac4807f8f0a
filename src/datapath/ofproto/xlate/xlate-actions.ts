// What: runActions, which carries out a list of actions on paper. Why: it is the one place that knows each action; most of
// the work is in the files by topic. Who: xlate.ts and whatever runs actions of flows and buckets.
// An action on a packet that lacks its header does nothing, exactly where Open vSwitch makes it so.

import type { Action } from '../../actions/action.ts';
import { OP_METER } from '../../actions/program.ts';
import {
  KEY_NW_SRC,
  KEY_SKB_PRIORITY,
  KEY_TPID_TCP_FLAGS,
  KEY_TYPE_VLAN,
  KEY_WORDS,
} from '../../flow/key.ts';
import { OFPORT_IN_PORT } from '../../flow/port-number.ts';
import { IPPROTO_TCP } from '../../wire/ip-protocol.ts';
import { learn } from './learn.ts';
import { multipathLink } from './multipath.ts';
import { isPlainController } from './xlate-action-set.ts';
import { setNumber, VALUE_WORDS } from './xlate-bits.ts';
import { runGroup } from './xlate-group.ts';
import { popMpls, pushMpls } from './xlate-labels.ts';
import { runBranches, runClone, sample } from './xlate-nested.ts';
import {
  chooseMember,
  controller,
  enqueue,
  flood,
  normal,
  output,
  outputField,
  outputTruncated,
} from './xlate-output.ts';
import { fieldSetOf } from './xlate-set.ts';
import type { XlateState } from './xlate-state.ts';
import { enterTable, resubmit } from './xlate-table.ts';
import { popVlan, pushVlan } from './xlate-tags.ts';
import { decrementMplsTtl, decrementTtl } from './xlate-ttl.ts';
import { subfieldNote } from './xlate-value-text.ts';
import { clearActions, writeActions } from './xlate-write.ts';

/** FIN and RST of tcp_flags. */
const TCP_END_BITS = 0x005;

/**
 * Carries actions out. `last`: nothing is done to the frame behind them. `inBucket`: they are those of a bucket.
 */
export function runActions(
  x: XlateState,
  actions: readonly Action[],
  last: boolean,
  inBucket: boolean,
): void {
  if (actions.length === 0) x.sink?.action(undefined);
  for (let i = 0; i < actions.length; i++) {
    const action = actions[i]!;
    if (x.error !== undefined) return;
    if (x.frame.wasMpls && !x.exit && needsRecirculation(action)) x.freeze();
    if (x.exit) {
      if (x.freezing) freezeRest(x, actions, i);
      return;
    }
    x.sink?.action(action);
    const isLast = last && i === actions.length - 1 && x.actionSet.length === 0;
    if (action.type === 'check_pkt_larger') {
      runBranches(x, action, actions.slice(i + 1), last && x.actionSet.length === 0);
      return;
    }
    if (!runAction(x, action, isLast, inBucket)) return;
    if (x.freezing && x.frozen.length === 0 && x.error === undefined && !isCall(action)) {
      // The action itself, a group, is what needs the frame to come around.
      freezeRest(x, actions, action.type === 'controller' ? i + 1 : i);
      return;
    }
  }
}

function freezeRest(x: XlateState, actions: readonly Action[], from: number): void {
  x.frozen.push({ tableId: x.tableId, cookie: x.cookie, rule: x.rule, actions: actions.slice(from) });
}

/** What was frozen inside is not called again. */
function isCall({ type }: Action): boolean {
  return type === 'resubmit' || type === 'goto_table';
}

/** False: the rest of the list is not carried out. */
function runAction(x: XlateState, action: Action, last: boolean, inBucket: boolean): boolean {
  const { frame } = x;
  switch (action.type) {
    case 'output':
      if (action.maxLength > 0) outputTruncated(x, action.port, action.maxLength);
      else output(x, action.port, 0, inBucket);
      return true;
    case 'set_field':
    case 'mod':
    case 'load':
    case 'write_metadata': {
      const set = fieldSetOf(action);
      if (!frame.set(set) && x.sink && (action.type === 'set_field' || action.type === 'load')) {
        x.note('warn', `unmet prerequisites for ${set.field}, set_field ignored`);
      }
      return true;
    }
    case 'resubmit':
      resubmit(x, action, last);
      return true;
    case 'goto_table':
      enterTable(x, x.inPort, action.tableId, last);
      return true;
    case 'normal':
      normal(x);
      return true;
    case 'flood':
      flood(x, false);
      return true;
    case 'all':
      flood(x, true);
      return true;
    case 'in_port':
      output(x, OFPORT_IN_PORT, 0, inBucket);
      return true;
    case 'group':
      return runGroup(x, action, last);
    case 'push_vlan':
      pushVlan(frame, action.tpid, x.program.builder);
      return true;
    case 'pop_vlan':
      popVlan(frame);
      return true;
    case 'dec_ttl':
      return decrementTtl(x, action.controllerIds);
    case 'clone':
      runClone(x, action.actions, last);
      return true;
    case 'write_actions':
      writeActions(x, action.actions);
      return true;
    case 'clear_actions':
      clearActions(x);
      return true;
    case 'exit':
      x.exit = true;
      return true;
    case 'note':
      return true;
    default:
      return runRareAction(x, action, inBucket);
  }
}

type FrequentType =
  | 'output'
  | 'set_field'
  | 'mod'
  | 'load'
  | 'write_metadata'
  | 'resubmit'
  | 'goto_table'
  | 'normal'
  | 'flood'
  | 'all'
  | 'in_port'
  | 'group'
  | 'push_vlan'
  | 'pop_vlan'
  | 'dec_ttl'
  | 'clone'
  | 'write_actions'
  | 'clear_actions'
  | 'exit'
  | 'note';

function runRareAction(
  x: XlateState,
  action: Exclude<Action, { type: FrequentType }>,
  inBucket: boolean,
): boolean {
  const { frame, value } = x;
  switch (action.type) {
    case 'output_field':
      outputField(x, action, inBucket);
      return true;
    case 'table':
      enterTable(x, x.inPort, 0, false);
      return true;
    case 'controller':
      controller(x, action, inBucket);
      // Nobody can resume the frame yet: it ends here.
      if (action.pause) x.exit = true;
      return true;
    case 'enqueue':
      enqueue(x, action.port, action.queue);
      return true;
    case 'bundle': {
      const member = chooseMember(x, action);
      if (!action.load) {
        output(x, member, 0, inBucket);
        return true;
      }
      setNumber(value, member);
      frame.write(action.load, value);
      if (x.sink) x.note('detail', subfieldNote(frame.flow, action.load));
      return true;
    }
    case 'move':
      frame.move(action.source, action.target);
      if (x.sink) x.note('detail', subfieldNote(frame.flow, action.target));
      return true;
    case 'push':
      frame.read(action.source, value);
      for (let i = 0; i < VALUE_WORDS; i++) x.stack.push(value[i]!);
      x.stackBytes += Math.ceil(action.source.width / 8) + 1;
      return true;
    case 'pop':
      popStack(x, action);
      return true;
    case 'multipath':
      setNumber(value, multipathLink(frame, action));
      frame.write(action.target, value);
      if (x.sink) x.note('detail', subfieldNote(frame.flow, action.target));
      return true;
    case 'dec_mpls_ttl':
      return decrementMplsTtl(x);
    case 'set_queue':
      frame.flow[KEY_SKB_PRIORITY] = action.queue;
      return true;
    case 'pop_queue':
      if (frame.flow[KEY_SKB_PRIORITY] !== 0) {
        frame.flow[KEY_SKB_PRIORITY] = 0;
        x.note('detail', 'queue = 0');
      }
      return true;
    case 'push_mpls':
      if (!pushMpls(frame, action.ethType, x.program.builder)) failLabels(x, 'push');
      return true;
    case 'pop_mpls':
      if (!popMpls(frame, action.ethType)) failLabels(x, 'pop');
      return true;
    case 'conjunction':
      x.note('error', 'executing no-op conjunction action');
      return true;
    case 'learn':
      learn(x, action);
      return true;
    case 'fin_timeout':
      reduceTimeouts(x, action.idleTimeout, action.hardTimeout);
      return true;
    case 'sample':
      sample(x, action.probability);
      return true;
    case 'meter': {
      const index = x.context.meterIndex(action.meterId);
      if (index === undefined) return true;
      x.program.builder.put(OP_METER, index);
      x.program.keep();
      return true;
    }
    case 'check_pkt_larger':
      return true; // runActions has done it
    default:
      action satisfies never;
      return true;
  }
}

function failLabels(x: XlateState, verb: 'push' | 'pop'): void {
  x.fail('too-many-mpls-labels', `dropping packet on which an MPLS ${verb} action can't be performed`);
}

function popStack(x: XlateState, { target }: Extract<Action, { type: 'pop' }>): void {
  const { stack, value } = x;
  if (stack.length === 0) {
    x.note('error', 'stack underflow');
    return;
  }
  for (let i = VALUE_WORDS - 1; i >= 0; i--) value[i] = stack.pop()!;
  // The width of what was pushed is not kept: the count becomes lower than it is at most.
  x.stackBytes -= Math.min(x.stackBytes, Math.ceil(target.width / 8) + 1);
  x.frame.write(target, value);
  if (x.sink) x.note('detail', subfieldNote(x.frame.flow, target));
}

/** A TCP connection that ends lets its flow live shorter. Frames with FIN or RST are told apart. */
function reduceTimeouts(x: XlateState, idleTimeout: number, hardTimeout: number): void {
  const { frame, rule } = x;
  if (!rule || !frame.isIp || frame.proto !== IPPROTO_TCP) return;
  frame.look(KEY_TPID_TCP_FLAGS, TCP_END_BITS);
  if ((frame.flow[KEY_TPID_TCP_FLAGS]! & TCP_END_BITS) === 0) return;
  x.effects.addFinTimeout(rule, idleTimeout, hardTimeout);
  if (x.sideEffects) x.context.reduceTimeouts(rule, idleTimeout, hardTimeout, x.nowMs);
}

/** Whether an action may need what stands behind the labels of a packet that has lost the last one. */
function needsRecirculation(action: Action): boolean {
  switch (action.type) {
    case 'output':
    case 'output_field':
    case 'enqueue':
    case 'normal':
    case 'flood':
    case 'all':
    case 'in_port':
    case 'set_queue':
    case 'group':
      return false;
    case 'controller':
      return !isPlainController(action);
    case 'mod':
      return !(
        action.word.startsWith('mod_vlan') ||
        action.word.startsWith('set_vlan') ||
        action.word.startsWith('mod_dl') ||
        action.word.startsWith('set_tunnel')
      );
    case 'set_field':
    case 'load': {
      const bit = action.type === 'load' ? action.target.field.bit : action.field.bit;
      const word = bit >> 5;
      // As in Open vSwitch, labels count as what stands behind them, but not the tags.
      return word >= KEY_NW_SRC && word < KEY_WORDS && word !== KEY_TYPE_VLAN;
    }
    default:
      return true;
  }
}
