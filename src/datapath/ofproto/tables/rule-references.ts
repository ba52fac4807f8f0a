// What: RuleReferences, which rules refer to a group or a meter, and which cookies learned flows hang on. Why: a
// group or meter that is deleted takes its rules along, and a rule whose `learn(delete_learned)` goes takes along what
// it learned; finding them must not scan a million rules. Who: flow-tables.ts enters and leaves each rule.
// Invariant: the sets hold live rules only; a rule without such actions costs nothing here.

import type { Action } from '../../actions/action.ts';
import { someAction } from '../../actions/nested-actions.ts';
import type { Rule } from '../entries/rule.ts';

/** A table and a cookie by which learned flows are known. */
export interface LearnedFlows {
  tableId: number;
  cookie: bigint;
}

interface LearnedUse extends LearnedFlows {
  rules: number;
}

export class RuleReferences {
  private readonly groups = new Map<number, Set<Rule>>();
  private readonly meters = new Map<number, Set<Rule>>();
  private readonly learned = new Map<string, LearnedUse>();
  /** How many rules of a table have a cookie, for the cookies that a learn action with a limit asked for. */
  private readonly counted = new Map<string, number>();

  enter(rule: Rule): void {
    this.count(rule, 1);
    someAction(rule.actions, (action) => this.visit(rule, action, true));
  }

  leave(rule: Rule): void {
    this.count(rule, -1);
    someAction(rule.actions, (action) => this.visit(rule, action, false));
  }

  rulesOfGroup(groupId: number): Rule[] {
    return [...(this.groups.get(groupId) ?? [])];
  }

  rulesOfMeter(meterId: number): Rule[] {
    return [...(this.meters.get(meterId) ?? [])];
  }

  groupUses(groupId: number): number {
    return this.groups.get(groupId)?.size ?? 0;
  }

  meterUses(meterId: number): number {
    return this.meters.get(meterId)?.size ?? 0;
  }

  /** Whether any rule still learns flows of that table and cookie, to be deleted with it. */
  isLearning({ tableId, cookie }: LearnedFlows): boolean {
    return this.learned.has(nameOf(tableId, cookie));
  }

  /** How many rules of a table have a cookie; `all` lists them when nobody has asked before. */
  rulesWithCookie(tableId: number, cookie: bigint, all: () => readonly Rule[]): number {
    const name = nameOf(tableId, cookie);
    let count = this.counted.get(name);
    if (count === undefined) {
      count = all().length;
      this.counted.set(name, count);
    }
    return count;
  }

  private count(rule: Rule, change: number): void {
    if (this.counted.size === 0) return;
    const name = nameOf(rule.tableId, rule.cookie);
    const count = this.counted.get(name);
    if (count !== undefined) this.counted.set(name, count + change);
  }

  private visit(rule: Rule, action: Action, enters: boolean): boolean {
    if (action.type === 'group') refer(this.groups, action.groupId, rule, enters);
    else if (action.type === 'meter') refer(this.meters, action.meterId, rule, enters);
    else if (action.type === 'learn' && action.deleteLearned)
      this.visitLearn(action.tableId, action.cookie, enters);
    return false;
  }

  private visitLearn(tableId: number, cookie: bigint, enters: boolean): void {
    const name = nameOf(tableId, cookie);
    const use = this.learned.get(name) ?? { tableId, cookie, rules: 0 };
    use.rules += enters ? 1 : -1;
    if (use.rules > 0) this.learned.set(name, use);
    else this.learned.delete(name);
  }
}

/** Puts the flows that a rule learns and that are to go with it into `flows`. */
export function collectLearned(rule: Rule, flows: LearnedFlows[]): void {
  someAction(rule.actions, (action) => {
    if (action.type === 'learn' && action.deleteLearned)
      flows.push({ tableId: action.tableId, cookie: action.cookie });
    return false;
  });
}

function nameOf(tableId: number, cookie: bigint): string {
  return `${tableId}:${cookie}`;
}

/** A group may stand more than once in the actions of a rule: a set takes it once, and the first leave takes it out. */
function refer(sets: Map<number, Set<Rule>>, id: number, rule: Rule, enters: boolean): void {
  const set = sets.get(id);
  if (!enters) {
    set?.delete(rule);
    if (set?.size === 0) sets.delete(id);
  } else if (set) {
    set.add(rule);
  } else {
    sets.set(id, new Set([rule]));
  }
}
