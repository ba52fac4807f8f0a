// What: the order in which an action set is carried out (OpenFlow 1.3, 5.10, as Open vSwitch does it). Why: a set has no
// order of its own. Who: xlate.ts for action sets, xlate-group.ts for buckets.

import type { Action, ControllerAction } from '../../actions/action.ts';

/** Of the actions that come first the last one of each kind counts, in this order; then all changes; then one at the end. */
const POP_VLAN = 0;
const POP_MPLS = 1;
const PUSH_MPLS = 2;
const PUSH_VLAN = 3;
const DEC_TTL = 4;
const DEC_MPLS_TTL = 5;
const FIRSTS = 6;
const CHANGE = 6;
const OTHER = 7;

/** The last action of each kind that comes first; empty between two calls. */
const firsts: (Action | undefined)[] = new Array(FIRSTS).fill(undefined);

/** The actions of a set as a list; empty when nothing in the set sends the frame anywhere. */
export function orderActionSet(set: readonly Action[]): readonly Action[] {
  let final: Action | undefined;
  for (const action of set) {
    const place = placeOf(action);
    if (place < FIRSTS) firsts[place] = action;
    else if (place === OTHER && finality(action) > 0 && (!final || finality(action) >= finality(final)))
      final = action;
  }
  const list: Action[] = [];
  for (let place = 0; place < FIRSTS; place++) {
    const action = firsts[place];
    if (action && final) list.push(action);
    firsts[place] = undefined;
  }
  if (!final) return list;
  for (const action of set) if (placeOf(action) === CHANGE) list.push(action);
  list.push(final);
  return list;
}

function placeOf({ type }: Action): number {
  switch (type) {
    case 'set_field':
    case 'load':
    case 'move':
    case 'mod':
    case 'set_queue':
      return CHANGE;
    case 'pop_vlan':
      return POP_VLAN;
    case 'pop_mpls':
      return POP_MPLS;
    case 'push_mpls':
      return PUSH_MPLS;
    case 'push_vlan':
      return PUSH_VLAN;
    case 'dec_ttl':
      return DEC_TTL;
    case 'dec_mpls_ttl':
      return DEC_MPLS_TTL;
    default:
      return OTHER;
  }
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
