// What: actions from and to text, the entrance to the parsers and the printer. Why: flows with equal actions share one
// list, so that a hundred thousand flows cost little time and memory. Who: ofproto/text/flow-text.ts, group-text.ts and
// whoever reads actions. Invariant: a list that was handed out never changes.

import type { Match } from '../flow/match.ts';
import type { PortNamer, PortResolver } from '../flow/port-number.ts';
import type { Action } from './action.ts';
import { checkActions, needsMatch } from './check.ts';
import { formatList } from './format.ts';
import { type ActionPlace, parseList } from './parse.ts';

export { type ActionPlace, parseActionTokens } from './parse.ts';

export interface ActionOptions {
  resolvePort: PortResolver;
  /** What frames the actions get, to check what they need of them; undefined: not known. */
  match?: Match | undefined;
  place: ActionPlace;
  /** Table of the flow; goto_table must go beyond it. */
  tableId?: number;
  /** The flow can only be said in OpenFlow 1.1 or later (one of its flags). */
  isModern?: boolean;
}

interface ParsedList {
  readonly actions: readonly Action[];
  /** The actions have to be checked against the match, or the table, of each flow that has them. */
  readonly needsMatch: boolean;
}

/** Most lists that are remembered by their text, in each of two generations. */
const GENERATION_SIZE = 4096;
/** Longer texts are seldom repeated. */
const LONGEST_TEXT = 1024;

let recent = new Map<string, ParsedList>();
let older = new Map<string, ParsedList>();
/** Texts without port names of lists that were printed. */
const printed = new WeakMap<readonly Action[], string>();

/**
 * The actions in text[from, to). Throws SwitchError invalid-argument that points at the first thing that is wrong,
 * also when an action and the match do not go together.
 */
export function parseActions(
  text: string,
  from: number,
  to: number,
  options: ActionOptions,
): readonly Action[] {
  const list =
    options.place === 'flow' ? parseShared(text, from, to, options) : parseNew(text, from, to, options);
  if (list.needsMatch && options.match) checkActions(list.actions, text, from, to, options.match, options);
  return list.actions;
}

function parseShared(text: string, from: number, to: number, options: ActionOptions): ParsedList {
  const key = text.slice(from, to);
  const known = recent.get(key);
  if (known) return known;
  const old = older.get(key);
  if (old) {
    remember(key, old);
    return old;
  }
  let hasNames = false;
  const resolvePort: PortResolver = (name) => {
    const port = options.resolvePort(name);
    if (port !== undefined) hasNames = true;
    return port;
  };
  const list = parseNew(text, from, to, { ...options, resolvePort });
  // A name may mean another port tomorrow: such a list is shared by what it prints.
  if (hasNames) return to - from > LONGEST_TEXT ? list : shareByPrint(list);
  if (to - from <= LONGEST_TEXT) remember(key, list);
  return list;
}

function parseNew(text: string, from: number, to: number, options: ActionOptions): ParsedList {
  const actions = parseList(text, from, to, options.resolvePort, options.place);
  return { actions, needsMatch: needsMatch(actions) };
}

function shareByPrint(list: ParsedList): ParsedList {
  const key = formatActions(list.actions);
  const known = recent.get(key) ?? older.get(key);
  if (known) return known;
  remember(key, list);
  return list;
}

function remember(key: string, list: ParsedList): void {
  if (recent.size >= GENERATION_SIZE) {
    older = recent;
    recent = new Map();
  }
  recent.set(key, list);
}

/** The actions as ovs-ofctl prints them, `drop` when there are none. */
export function formatActions(actions: readonly Action[], portName?: PortNamer): string {
  if (portName) return formatList(actions, portName);
  let text = printed.get(actions);
  if (text === undefined) {
    text = formatList(actions, undefined);
    printed.set(actions, text);
  }
  return text;
}
