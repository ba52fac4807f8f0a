// What: BulkChange, changes of most of a table as one: it gets other contents, made beforehand or new, instead of a
// million rules that come or go one by one. Why: that would keep frames waiting for a second. Who: flow-change.ts, which
// knows what is allowed. The few rules that stay move from the old contents to the new ones.

import { FLAG_RESET_COUNTS } from '../entries/flow-mod.ts';
import type { Rule } from '../entries/rule.ts';
import type { RuleStats } from '../entries/rule-stats.ts';
import { type FlowTable, TableContents } from '../tables/flow-table.ts';
import { type FlowTables, filterByCookie } from '../tables/flow-tables.ts';
import type { Journal } from '../tables/journal.ts';
import type { FlowModDialect } from './flow-change.ts';
import { ExchangedRules, type FlowRemovedSink } from './flow-journal.ts';

/** A table gets new contents when so many of its flows are deleted, and no more than so few stay. */
const MANY_FLOWS = 256;
const FEW_FLOWS = 64;

/** Whether these rules of a table are so many that removeMost() is the way to remove them. */
export function isMost(table: FlowTable, rules: readonly Rule[]): boolean {
  return rules.length >= MANY_FLOWS && table.size - rules.length <= FEW_FLOWS;
}

export class BulkChange {
  private readonly tables: FlowTables;
  private readonly removed: FlowRemovedSink;

  constructor(tables: FlowTables, removed: FlowRemovedSink) {
    this.tables = tables;
    this.removed = removed;
  }

  /** Removes all but a few rules of a table: these move into new contents. */
  removeMost(table: FlowTable, rules: readonly Rule[], journal: Journal): void {
    const old = this.tables.exchange(table, new TableContents(), rules, []);
    journal.record(new ExchangedRules(this.tables, table, old, rules, [], 'delete', this.removed));
    old.order.forEachBehind(0, (rule) => {
      if (rule.live) moveTo(table, rule, journal);
      return false;
    });
  }

  /**
   * Puts `rules` into a table by taking the contents of `staged`, which has them. Returns the rules of the table in
   * whose place others came.
   */
  load(
    table: FlowTable,
    staged: FlowTable,
    rules: readonly Rule[],
    dialect: FlowModDialect,
    nowMs: number,
    journal: Journal,
  ): readonly Rule[] {
    const { stats } = this.tables;
    for (const { slot } of rules) stats.start(slot, nowMs);
    // The flows that the table has move too; where they stood is known when it gets its old contents back.
    const replaced: Rule[] = [];
    for (const old of table.select(filterByCookie(table.tableId, 0n, 0n))) {
      const twin = staged.find(old.match, old.priority);
      if (twin) {
        inherit(stats, twin, old, dialect.addKeepsCounts);
        replaced.push(old);
      } else {
        moveTo(staged, old, journal);
      }
    }
    const contents = this.tables.exchange(table, staged.exchange(new TableContents()), replaced, rules);
    journal.record(
      new ExchangedRules(this.tables, table, contents, replaced, rules, undefined, this.removed),
    );
    return replaced;
  }
}

/** What a rule takes over from the one in whose place it comes. */
export function inherit(stats: RuleStats, { slot, flags }: Rule, old: Rule, keepsCounts: boolean): void {
  // As in Open vSwitch: when a flow was last used is remembered even when its counts are not.
  stats.usedMs[slot] = stats.usedMs[old.slot]!;
  if (!keepsCounts || (flags & FLAG_RESET_COUNTS) !== 0) return;
  stats.packets[slot] = stats.packets[old.slot]!;
  stats.bytes[slot] = stats.bytes[old.slot]!;
}

/** Enters a rule of other contents into a table. Where it stood in those is known again when they come back. */
function moveTo(table: FlowTable, rule: Rule, journal: Journal): void {
  const { entry } = rule;
  table.insert(rule);
  const undo = () => {
    rule.entry = entry;
  };
  journal.record({ undo });
}
