// What: walking and comparing lists of actions, those within clone and write_actions too. Why: what a flow refers to
// (groups, meters, learned flows) and whether two flows do the same is asked in several places. Who:
// rule-references.ts, flow-filter.ts, flow-change.ts and others of ofproto.

import type { Action } from './action.ts';

/** Calls `visit` for each action and each action within one. Stops, and returns true, when it returns true. */
export function someAction(actions: readonly Action[], visit: (action: Action) => boolean): boolean {
  for (const action of actions) {
    if (visit(action)) return true;
    if ((action.type === 'clone' || action.type === 'write_actions') && someAction(action.actions, visit))
      return true;
  }
  return false;
}

/** Whether two lists of actions, read from text or learned, do the same. */
export function sameActions(a: readonly Action[], b: readonly Action[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  return a.every((action, i) => same(action, b[i]));
}

/** Compares plain data; objects of a class (fields) are the same only when they are one. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]));
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
