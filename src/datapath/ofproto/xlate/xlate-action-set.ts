// What: the order in which an action set is carried out (OpenFlow 1.3, 5.10, as Open vSwitch does it). Why: a set has no
// order of its own. Who: xlate.ts for action sets, xlate-group.ts for buckets.

import type { Action, ActionType, ControllerAction } from '../../actions/action.ts';

/** Of each of these the last one counts, in this order. */
const SLOTS: readonly ActionType[] = [
  'pop_vlan',
  'pop_mpls',
  'push_mpls',
  'push_vlan',
  'dec_ttl',
  'dec_mpls_ttl',
];
/** All of these count, in the order of the set. */
const CHANGES: ReadonlySet<ActionType> = new Set(['set_field', 'load', 'move', 'mod', 'set_queue']);

/** The actions of a set as a list; empty when nothing in the set sends the frame anywhere. */
export function orderActionSet(set: readonly Action[]): readonly Action[] {
  const slots: Action[] = [];
  const changes: Action[] = [];
  let final: Action | undefined;
  for (const action of set) {
    const slot = SLOTS.indexOf(action.type);
    if (slot >= 0) slots[slot] = action;
    else if (CHANGES.has(action.type)) changes.push(action);
    else if (finality(action) > 0 && (!final || finality(action) >= finality(final))) final = action;
  }
  if (!final) return [];
  return [...slots.filter((action) => action !== undefined), ...changes, final];
}

const ordered = new WeakMap<readonly Action[], readonly Action[]>();

/** The same for a set that never changes, made once. */
export function orderOnce(set: readonly Action[]): readonly Action[] {
  let list = ordered.get(set);
  if (!list) {
    list = orderActionSet(set);
    ordered.set(set, list);
  }
  return list;
}

/** Of what ends a set, the one with the highest number is carried out, the last of equals. 0: does not end a set. */
function finality(action: Action): number {
  switch (action.type) {
    case 'resubmit':
      return 1;
    case 'output':
    case 'normal':
    case 'flood':
    case 'all':
    case 'in_port':
      return 2;
    case 'controller':
      return isPlainController(action) ? 2 : 0;
    case 'group':
      return 3;
    default:
      return 0;
  }
}

/** `CONTROLLER` or `CONTROLLER:max_len`: an output, of which the reason depends on where it stands. */
export function isPlainController(action: ControllerAction): boolean {
  return (
    action.reason === 'action' &&
    action.controllerId === 0 &&
    action.userdata === undefined &&
    !action.pause &&
    action.meterId === undefined
  );
}
