// What: Rule, one flow of a flow table. Why: the table, the classifier, the translation and the dump share it. Who:
// flow-table.ts owns rules; statsSlot belongs to the rule as long as it is in a table.

import type { Action } from '../actions/action.ts';
import type { Match } from '../flow/match.ts';

/** What makes a rule, as it comes from text. */
export interface RuleSpec {
  match: Match;
  /** 0..65535, higher wins. */
  priority: number;
  /** 64 bits without sign. */
  cookie: bigint;
  actions: readonly Action[];
}

export class Rule {
  readonly match: Match;
  readonly priority: number;
  readonly cookie: bigint;
  readonly actions: readonly Action[];
  /** Row of FlowStats. */
  readonly statsSlot: number;
  readonly createdMs: number;
  /** Grows with each rule that is added: the order among equals. */
  readonly sequence: number;

  constructor(spec: RuleSpec, statsSlot: number, createdMs: number, sequence: number) {
    this.match = spec.match;
    this.priority = spec.priority;
    this.cookie = spec.cookie;
    this.actions = spec.actions;
    this.statsSlot = statsSlot;
    this.createdMs = createdMs;
    this.sequence = sequence;
  }
}
