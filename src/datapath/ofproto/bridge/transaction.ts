// What: Transaction, changes of flows, groups, meters and port configuration that happen together or not at all. Why:
// a single command and a bundle of a hundred thousand lines go the same way, so neither can leave half of itself behind.
// Who: Bridge.transact() makes one, and commits or rolls it back; commands and bundles put steps into it.
// Invariant: no frame is handled between the first step and the end, so the steps work on the live tables.

import type { FlowRemovedReason, PortConfig } from '../../api.ts';
import type { FlowMod } from '../entries/flow-mod.ts';
import type { GroupMod } from '../entries/group.ts';
import type { Rule } from '../entries/rule.ts';
import type { FlowTables } from '../tables/flow-tables.ts';
import type { GroupTable } from '../tables/group-table.ts';
import { Journal } from '../tables/journal.ts';
import type { MeterChange, MeterTable } from '../tables/meter-table.ts';
import type { BridgePort } from './bridge-port.ts';
import type { FlowChange, FlowModDialect } from './flow-change.ts';
import type { StagedFlows } from './staged-flows.ts';

/** What of a bridge a transaction changes. */
export interface Changeable {
  readonly tables: FlowTables;
  readonly groups: GroupTable;
  readonly meters: MeterTable;
  readonly flows: FlowChange;
}

export class Transaction {
  /** Flows that were deleted, not counting those that others took the place of. */
  deletedFlows = 0;
  private readonly target: Changeable;
  private readonly nowMs: number;
  private readonly journal = new Journal();

  constructor(target: Changeable, nowMs: number) {
    this.target = target;
    this.nowMs = nowMs;
  }

  /** Carries a flow mod out. Returns how many flows it added, modified or deleted. */
  flow(mod: FlowMod, dialect: FlowModDialect): number {
    const count = this.target.flows.apply(mod, dialect, this.nowMs, this.journal);
    if (mod.command === 'delete' || mod.command === 'delete_strict') this.deletedFlows += count;
    return count;
  }

  /** Adds a rule that FlowChange.makeRule() made; it stays the caller's when this throws, or when all is rolled back. */
  rule(rule: Rule, dialect: FlowModDialect): void {
    this.target.flows.add(rule, dialect, this.nowMs, this.journal);
  }

  /** Adds staged flows; as FlowChange.load(). */
  load(staged: StagedFlows, dialect: FlowModDialect): boolean {
    return this.target.flows.load(staged, dialect, this.nowMs, this.journal);
  }

  group(mod: GroupMod): void {
    const { groups, tables } = this.target;
    for (const groupId of groups.change(mod, this.nowMs, this.journal)) {
      this.deleteFlows(tables.references.rulesOfGroup(groupId), 'group_delete');
    }
  }

  meter(change: MeterChange): void {
    const { meters, tables } = this.target;
    for (const meterId of meters.change(change, this.nowMs, this.journal)) {
      this.deleteFlows(tables.references.rulesOfMeter(meterId), 'meter_delete');
    }
  }

  port(port: BridgePort, change: PortConfig): void {
    const old = port.config;
    port.config = { ...old, ...change };
    const undo = () => {
      port.config = old;
    };
    this.journal.record({ undo });
  }

  deleteFlows(rules: readonly Rule[], reason: FlowRemovedReason): void {
    for (const rule of rules) this.target.flows.remove(rule, reason, this.journal);
    this.deletedFlows += rules.length;
  }

  /** Evicts flows of a table until it has no more than it may, as long as there are some that may be evicted. */
  evictBeyondLimit(tableId: number): void {
    const { tables } = this.target;
    const { flowLimit, evicts } = tables.limitOf(tableId);
    const table = tables.table(tableId);
    while (evicts && table && table.size > flowLimit) {
      const victim = table.evictable();
      if (!victim) return;
      this.deleteFlows([victim], 'eviction');
    }
  }

  /** Deletes a flow that nobody is told of. */
  dropFlow(rule: Rule): void {
    this.target.flows.remove(rule, undefined, this.journal);
  }

  commit(): void {
    this.deletedFlows += this.target.flows.settle(this.journal);
    this.journal.commit();
  }

  rollback(): void {
    this.target.flows.abandon();
    this.journal.rollback();
  }
}
