// What: how changes of rules are taken back, and what is left to do once a transaction went well. Why: a million rules
// may come or go in one transaction: those that do so one after the other are one step. Who: flow-change.ts.

import type { FlowRemovedReason } from '../../api.ts';
import { FLAG_SEND_FLOW_REM } from '../entries/flow-mod.ts';
import type { Rule } from '../entries/rule.ts';
import type { FlowTable, TableContents } from '../tables/flow-table.ts';
import type { FlowTables } from '../tables/flow-tables.ts';
import type { Journal, JournalStep } from '../tables/journal.ts';

/** Hears of each flow that is gone for good and was to be reported. */
export type FlowRemovedSink = (rule: Rule, reason: FlowRemovedReason) => void;

/** Notes that a rule was added. `isOurs`: nobody else will give it back when it is taken back. */
export function recordAdded(journal: Journal, tables: FlowTables, rule: Rule, isOurs: boolean): void {
  const { last } = journal;
  if (last instanceof AddedRules && last.isOurs === isOurs) last.rules.push(rule);
  else journal.record(new AddedRules(tables, rule, isOurs));
}

/** Notes that a rule was removed. `reason` undefined: nobody is told. */
export function recordRemoved(
  journal: Journal,
  tables: FlowTables,
  rule: Rule,
  reason: FlowRemovedReason | undefined,
  removed: FlowRemovedSink,
): void {
  const { last } = journal;
  if (last instanceof RemovedRules && last.reason === reason) last.rules.push(rule);
  else journal.record(new RemovedRules(tables, rule, reason, removed));
}

class AddedRules implements JournalStep {
  readonly rules: Rule[];
  readonly isOurs: boolean;
  private readonly tables: FlowTables;

  constructor(tables: FlowTables, first: Rule, isOurs: boolean) {
    this.tables = tables;
    this.rules = [first];
    this.isOurs = isOurs;
  }

  undo(): void {
    for (let i = this.rules.length - 1; i >= 0; i--) {
      const rule = this.rules[i]!;
      this.tables.remove(rule);
      if (this.isOurs) this.tables.forget(rule);
    }
  }
}

class RemovedRules implements JournalStep {
  readonly rules: Rule[];
  readonly reason: FlowRemovedReason | undefined;
  private readonly tables: FlowTables;
  private readonly removed: FlowRemovedSink;

  constructor(
    tables: FlowTables,
    first: Rule,
    reason: FlowRemovedReason | undefined,
    removed: FlowRemovedSink,
  ) {
    this.tables = tables;
    this.rules = [first];
    this.reason = reason;
    this.removed = removed;
  }

  undo(): void {
    for (let i = this.rules.length - 1; i >= 0; i--) this.tables.insert(this.rules[i]!);
  }

  finish(): void {
    finishRemoved(this.tables, this.rules, this.reason, this.removed);
  }
}

/** Another set of rules in a table. */
export class ExchangedRules implements JournalStep {
  private readonly tables: FlowTables;
  private readonly table: FlowTable;
  private readonly old: TableContents;
  private readonly left: readonly Rule[];
  private readonly entered: readonly Rule[];
  private readonly reason: FlowRemovedReason | undefined;
  private readonly removed: FlowRemovedSink;

  /** `old` was exchanged, by which rules `left` and `entered`. */
  constructor(
    tables: FlowTables,
    table: FlowTable,
    old: TableContents,
    left: readonly Rule[],
    entered: readonly Rule[],
    reason: FlowRemovedReason | undefined,
    removed: FlowRemovedSink,
  ) {
    this.tables = tables;
    this.table = table;
    this.old = old;
    this.left = left;
    this.entered = entered;
    this.reason = reason;
    this.removed = removed;
  }

  undo(): void {
    this.tables.exchange(this.table, this.old, this.entered, this.left);
  }

  finish(): void {
    finishRemoved(this.tables, this.left, this.reason, this.removed);
  }
}

function finishRemoved(
  tables: FlowTables,
  rules: readonly Rule[],
  reason: FlowRemovedReason | undefined,
  removed: FlowRemovedSink,
): void {
  for (const rule of rules) {
    if (reason !== undefined && (rule.flags & FLAG_SEND_FLOW_REM) !== 0) removed(rule, reason);
    tables.forget(rule);
  }
}
