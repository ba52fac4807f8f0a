// What: write_actions and clear_actions: what becomes of the action set, and of the field actset_output. Who:
// xlate-actions.ts; xlate-nested.ts carries the set out.

import type { Action } from '../../actions/action.ts';
import { KEY_ACTSET_OUTPUT, NO_ACTSET_OUTPUT } from '../../flow/key.ts';
import {
  OFPORT_ALL,
  OFPORT_CONTROLLER,
  OFPORT_FLOOD,
  OFPORT_IN_PORT,
  OFPORT_NORMAL,
} from '../../flow/port-number.ts';
import { isPlainController, orderActionSet } from './xlate-action-set.ts';
import type { XlateState } from './xlate-state.ts';

/** Adds actions to the action set. */
export function writeActions(x: XlateState, actions: readonly Action[]): void {
  const { flow } = x.frame;
  for (const action of actions) {
    x.actionSet.push(action);
    if (x.actionSetHasGroup) continue;
    const port = outputPort(action);
    if (port !== undefined) flow[KEY_ACTSET_OUTPUT] = port;
    if (action.type === 'group') {
      flow[KEY_ACTSET_OUTPUT] = NO_ACTSET_OUTPUT;
      x.actionSetHasGroup = true;
    }
  }
  if (x.sink) noteActionSet(x, 'is');
}

/** The port number that an output in an action set stands for. */
function outputPort(action: Action): number | undefined {
  switch (action.type) {
    case 'output':
      return action.port;
    case 'normal':
      return OFPORT_NORMAL;
    case 'flood':
      return OFPORT_FLOOD;
    case 'all':
      return OFPORT_ALL;
    case 'in_port':
      return OFPORT_IN_PORT;
    case 'controller':
      return isPlainController(action) ? OFPORT_CONTROLLER : undefined;
    default:
      return undefined;
  }
}

/** Empties the action set. */
export function clearActions(x: XlateState): void {
  if (x.sink) noteActionSet(x, 'was');
  x.actionSet = [];
  x.actionSetHasGroup = false;
  x.frame.flow[KEY_ACTSET_OUTPUT] = NO_ACTSET_OUTPUT;
}

function noteActionSet(x: XlateState, verb: 'is' | 'was'): void {
  x.sink?.actionSet(verb, orderActionSet(x.actionSet));
}
