// What: Rule, one flow of a flow table. Why: the table, the classifier, the translation and the dump share it. Who:
// flow-table.ts owns rules. What is counted per rule stands in columns (rule-stats.ts) under `slot`.

import type { Action } from '../../actions/action.ts';
import type { CompactMatch } from './compact-match.ts';

export class Rule {
  // A translation reads these of each flow that it meets: they stand first, to be on one line or two of a cache.
  private itsActions: readonly Action[];
  /** False once the rule has left its table: a translation that still holds it counts to nothing. */
  live = true;
  /** Part of conjunctive matches: it has conjunction actions, and no others but notes. */
  soft: boolean;
  readonly tableId: number;
  /** 64 bits without sign. */
  cookie: bigint;
  /** Row of RuleStats. */
  readonly slot: number;
  /** Number of the effects of translations that meet this flow alone, 0: nobody holds it (effects.ts). */
  effects = 0;

  readonly match: CompactMatch;
  /** 0..65535, higher wins. */
  readonly priority: number;
  /** Seconds; 0: none. */
  idleTimeout: number;
  hardTimeout: number;
  importance: number;
  /** FLAG_* of flow-mod.ts. */
  flags: number;
  /** Grows with each rule that is added: the order among equals. */
  readonly sequence: number;
  /** Where the classifier has the rule; 0: in none. */
  entry = 0;

  constructor(
    tableId: number,
    match: CompactMatch,
    priority: number,
    cookie: bigint,
    actions: readonly Action[],
    idleTimeout: number,
    hardTimeout: number,
    importance: number,
    flags: number,
    slot: number,
    sequence: number,
  ) {
    this.itsActions = actions;
    this.soft = isSoft(actions);
    this.tableId = tableId;
    this.cookie = cookie;
    this.slot = slot;
    this.match = match;
    this.priority = priority;
    this.idleTimeout = idleTimeout;
    this.hardTimeout = hardTimeout;
    this.importance = importance;
    this.flags = flags;
    this.sequence = sequence;
  }

  get actions(): readonly Action[] {
    return this.itsActions;
  }

  set actions(actions: readonly Action[]) {
    this.itsActions = actions;
    this.soft = isSoft(actions);
  }
}

/** The parser lets only notes stand beside conjunction actions. */
function isSoft(actions: readonly Action[]): boolean {
  for (const { type } of actions) {
    if (type === 'conjunction') return true;
    if (type !== 'note') return false;
  }
  return false;
}
