// What: looking a frame up in a table and carrying out what is found: resubmit, goto_table, and the limits of both. Who:
// xlate.ts for table 0, xlate-actions.ts.

import type { Action } from '../../actions/action.ts';
import { KEY_NW, KEY_TP, NW_FRAG_ANY, NW_FRAG_LATER } from '../../flow/key.ts';
import { OFPORT_IN_PORT } from '../../flow/port-number.ts';
import type { Rule } from '../entries/rule.ts';
import type { XlateState } from './xlate-state.ts';

/** Limits of Open vSwitch: calls within calls, all calls, bytes on the stack, and words of the program. */
const MAX_DEPTH = 64;
const MAX_RESUBMITS = 4096;
const MAX_STACK_BYTES = 65_536;
const MAX_PROGRAM_WORDS = 16_384;
/** As the table of a resubmit: the current one. */
const SAME_TABLE = 255;

/** The flow for the frame as it is now, as if it had come on `inPort`. Counts the lookup. */
export function lookUp(x: XlateState, tableId: number, inPort: number): Rule | undefined {
  const { flow, mask } = x.frame;
  const table = x.context.table(tableId);
  if (!table) {
    x.effects.addMiss(tableId);
    return undefined;
  }
  const realInPort = x.inPort;
  const ports = flow[KEY_TP]!;
  const isFragment = (flow[KEY_NW]! & NW_FRAG_ANY) !== 0;
  x.inPort = inPort;
  // Not all fragments have ports, so for flows none has.
  if (isFragment) flow[KEY_TP] = 0;
  const rule = table.lookup(flow, mask);
  flow[KEY_TP] = ports;
  x.inPort = realInPort;
  if (mask[KEY_TP] !== 0) x.frame.look(KEY_NW, NW_FRAG_ANY | NW_FRAG_LATER);
  if (rule) x.effects.addRule(rule);
  else x.effects.addMiss(tableId);
  return rule;
}

/** Looks the frame up in a table and carries out the actions of the flow. */
export function enterTable(x: XlateState, inPort: number, tableId: number, last: boolean): void {
  if (x.frame.wasMpls) {
    // Flows may look at what stands behind the labels.
    x.freeze();
    return;
  }
  if (!hasResources(x)) return;
  const callerTable = x.tableId;
  x.tableId = tableId;
  const rule = lookUp(x, tableId, inPort);
  x.sink?.enterTable(tableId, rule);
  x.resubmits++;
  if (rule) {
    const callerRule = x.rule;
    const callerCookie = x.cookie;
    // Going down the tables is no recursion.
    const deeper = tableId <= callerTable ? 1 : 0;
    x.depth += deeper;
    x.rule = rule;
    x.cookie = rule.cookie;
    x.runActions(rule.actions, last, false);
    x.cookie = callerCookie;
    x.rule = callerRule;
    x.depth -= deeper;
  } else {
    x.sink?.action(undefined);
    x.refuse('table-miss');
  }
  x.sink?.leave();
  x.tableId = callerTable;
}

export function resubmit(x: XlateState, action: Extract<Action, { type: 'resubmit' }>, last: boolean): void {
  const tableId = action.tableId === SAME_TABLE ? x.tableId : action.tableId;
  const inPort = action.port === undefined || action.port === OFPORT_IN_PORT ? x.inPort : action.port;
  enterTable(x, inPort, tableId, last);
}

/** False: the translation fails, or stops, since it has become too long. */
export function hasResources(x: XlateState): boolean {
  if (x.depth >= MAX_DEPTH) {
    x.fail('recursion-too-deep', `over max translation depth ${MAX_DEPTH}`);
  } else if (x.resubmits >= MAX_RESUBMITS) {
    x.fail('too-many-resubmits', `over ${MAX_RESUBMITS} resubmit actions`);
  } else if (x.program.builder.length > MAX_PROGRAM_WORDS) {
    x.note('error', 'resubmits yielded over 64 kB of actions');
    x.exit = true;
  } else if (x.stackBytes >= MAX_STACK_BYTES) {
    x.fail('stack-too-deep', 'resubmits yielded over 64 kB of stack');
  } else {
    return true;
  }
  return false;
}
