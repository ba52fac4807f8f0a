// What: whether actions and the match of their flow go together: set_field of a TCP port needs a match on TCP, and so
// on (ofpacts_check of Open vSwitch). Why: such a flow would do nothing, or something to frames that its author did
// not think of. Who: text.ts.
// Open vSwitch lets OpenFlow 1.0 say actions that later versions refuse (pop_mpls of frames that may not be MPLS), and
// later versions say some that 1.0 cannot (push_vlan). A flow is fine as long as one version can say all of it.

import { FIELD_BY_NAME, type Field } from '../flow/fields.ts';
import { KEY_TP } from '../flow/key.ts';
import { Match } from '../flow/match.ts';
import { prerequisiteProblem } from '../flow/match-text.ts';
import { syntaxError, tokenize } from '../flow/syntax.ts';
import type { Action, ActionType, LearnTerm, Subfield } from './action.ts';
import { copyOf, KnownFrame } from './known-frame.ts';

const VLAN_VID = FIELD_BY_NAME.get('vlan_vid')!;

/** Actions that any match goes with. */
const ALWAYS_FINE: ReadonlySet<ActionType> = new Set<ActionType>([
  'output',
  'normal',
  'flood',
  'all',
  'in_port',
  'table',
  'controller',
  'enqueue',
  'group',
  'set_queue',
  'pop_queue',
  'check_pkt_larger',
  'resubmit',
  'exit',
  'conjunction',
  'note',
  'sample',
  'clear_actions',
  'write_metadata',
]);

/** True when checkActions() must see the list for each match anew. */
export function needsMatch(actions: readonly Action[]): boolean {
  return actions.some(({ type }) => !ALWAYS_FINE.has(type));
}

/** What the flow says besides its match and its actions. */
export interface CheckOptions {
  tableId?: number;
  isModern?: boolean;
}

/** A problem of an action, without its place. */
class Problem {
  readonly what: string;
  readonly expected: string;

  constructor(what: string, expected: string) {
    this.what = what;
    this.expected = expected;
  }
}

/** Throws SwitchError invalid-argument that points at the first action, in text[from, to), that does not go with `match`. */
export function checkActions(
  actions: readonly Action[],
  text: string,
  from: number,
  to: number,
  match: Match,
  options: CheckOptions,
): void {
  const check = new Check(new KnownFrame(match), options);
  for (let i = 0; i < actions.length; i++) {
    const problem = check.action(actions[i]!) ?? check.versions();
    if (!problem) continue;
    const tokens = tokenize(text, from, to).filter(({ key }) => !key.startsWith('->') && key !== 'drop');
    const { key, keyAt } = tokens[i] ?? { key: '', keyAt: from };
    throw syntaxError(text, keyAt, Math.max(1, key.length), problem.what, problem.expected);
  }
}

/** The walk over a list of actions. */
class Check {
  readonly #frame: KnownFrame;
  readonly #options: CheckOptions;
  /** What OpenFlow 1.1 and later refuse in this flow, and the word that OpenFlow 1.0 does not have. */
  #tooLoose: Problem | undefined;
  #isModern: boolean;

  constructor(frame: KnownFrame, options: CheckOptions) {
    this.#frame = frame;
    this.#options = options;
    this.#isModern = options.isModern === true;
  }

  /** The problem of a flow that no version of OpenFlow can say. */
  versions(): Problem | undefined {
    return this.#isModern ? this.#tooLoose : undefined;
  }

  action(action: Action): Problem | undefined {
    const problem = this.#problem(action);
    if (problem) return problem;
    const needed = this.#frame.lacks(action);
    if (needed !== undefined) this.#tooLoose ??= tooLoose(action, needed);
    if (action.type === 'push_vlan' || action.type === 'meter') this.#isModern = true;
    this.#frame.pass(action);
    return undefined;
  }

  #problem(action: Action): Problem | undefined {
    switch (action.type) {
      case 'set_field':
        return this.#setField(action.field);
      case 'load':
        return this.#setField(action.target.field);
      case 'move':
        return this.#uses(action.source) ?? this.#uses(action.target);
      case 'push':
      case 'output_field':
        return this.#uses(action.source);
      case 'pop':
      case 'multipath':
        return this.#uses(action.target);
      case 'bundle':
        return action.load && this.#uses(action.load);
      case 'learn':
        return this.#learn(action.terms);
      case 'push_vlan':
        if (!this.#frame.hasTwoTags) return undefined;
        return new Problem('The frame has two tags already', 'at most two VLAN tags');
      case 'clone':
        return this.#nested(action.actions, true);
      case 'write_actions':
        return this.#nested(action.actions, false);
      case 'goto_table':
        return this.#goto(action.tableId);
      default:
        return undefined;
    }
  }

  #uses({ field }: Subfield): Problem | undefined {
    return needs(field, this.#frame.match);
  }

  #setField(field: Field): Problem | undefined {
    const problem = needs(field, this.#frame.match);
    if (problem || field !== VLAN_VID || this.#frame.hasTag) return problem;
    return new Problem(
      'vlan_vid means nothing unless the frame has a tag',
      'a match on dl_vlan, or push_vlan before',
    );
  }

  #nested(actions: readonly Action[], isPath: boolean): Problem | undefined {
    const inner = new Check(this.#frame.inner(), {});
    for (const action of actions) {
      const problem = inner.action(action);
      if (problem) return problem;
    }
    // An action set is carried out on a frame that nobody knows yet.
    if (isPath) {
      this.#tooLoose ??= inner.#tooLoose;
      this.#isModern ||= inner.#isModern;
    }
    return undefined;
  }

  #learn(terms: readonly LearnTerm[]): Problem | undefined {
    const learned = new Match();
    for (const term of terms) {
      const source = term.kind === 'output' ? term.source : term.value;
      const problem = typeof source === 'bigint' ? undefined : this.#uses(source);
      if (problem) return problem;
      if (term.kind === 'output') continue;
      const { field, offset, width } = term.target;
      const lack = needs(field, learned);
      if (lack) return new Problem(`${lack.what}, in the flow that is learned`, lack.expected);
      if (term.kind === 'match' && typeof term.value === 'bigint') {
        learned.setBits(
          field.bit + field.width - offset - width,
          width,
          term.value,
          (1n << BigInt(width)) - 1n,
        );
      }
    }
    return undefined;
  }

  #goto(tableId: number): Problem | undefined {
    const at = this.#options.tableId ?? 0;
    if (tableId > at) return undefined;
    return new Problem(`goto_table:${tableId} does not lead forward from table ${at}`, `a table above ${at}`);
  }
}

function tooLoose(action: Action, needed: string): Problem {
  const word =
    action.type === 'mod' || action.type === 'pop_vlan' ? (action.word ?? 'pop_vlan') : action.type;
  return new Problem(
    `${word} needs a match on ${needed}, since this flow takes OpenFlow 1.1 or later`,
    `${needed} in the match`,
  );
}

function needs(field: Field, match: Match): Problem | undefined {
  let problem = prerequisiteProblem(field, match);
  if (problem !== undefined && field.prerequisite?.startsWith('nd') && (match.mask[KEY_TP]! & 0xffff) === 0) {
    // Neighbor discovery has ICMPv6 code 0; a flow that does not say so means it.
    problem = prerequisiteProblem(field, withCodeZero(match));
  }
  return problem === undefined ? undefined : new Problem(problem, 'actions that fit the match');
}

function withCodeZero(match: Match): Match {
  const copy = copyOf(match);
  copy.setWord(KEY_TP, 0xffff, 0, -1);
  return copy;
}
