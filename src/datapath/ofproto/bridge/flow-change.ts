// What: FlowChange, what flow mods do to the tables of a bridge: add, modify, modify-strict, delete, delete-strict.
// Why: these are the rules of OpenFlow 1.0 and 1.5, 6.4, and where they leave room those of Open vSwitch (ofproto.c):
// which counters and times survive, when a modify adds, what overlap and capacity mean. Who: bridge.ts, for commands,
// bundles and learn actions.
// Each method does all that it says or throws SwitchError having changed nothing but what the journal takes back.

import type { Action } from '../../actions/action.ts';
import { sameActions, someAction } from '../../actions/nested-actions.ts';
import type { FlowRemovedReason } from '../../api.ts';
import { SwitchError } from '../../errors.ts';
import { formatMatch } from '../../flow/match-text.ts';
import { expandMatch } from '../entries/compact-match.ts';
import {
  ALL_TABLES,
  FLAG_CHECK_OVERLAP,
  FLAG_RESET_COUNTS,
  type FlowMod,
  MAX_COOKIE,
} from '../entries/flow-mod.ts';
import type { Rule } from '../entries/rule.ts';
import type { FlowTable } from '../tables/flow-table.ts';
import { type FlowTables, filterByCookie } from '../tables/flow-tables.ts';
import type { GroupTable } from '../tables/group-table.ts';
import type { Journal } from '../tables/journal.ts';
import type { MeterTable } from '../tables/meter-table.ts';
import { collectLearned, type LearnedFlows } from '../tables/rule-references.ts';
import { BulkChange, inherit, isMost } from './bulk-change.ts';
import { type FlowRemovedSink, recordAdded, recordRemoved } from './flow-journal.ts';
import type { StagedFlows } from './staged-flows.ts';

/** What differs between the versions of OpenFlow in what a flow mod means. */
export interface FlowModDialect {
  /** A flow that is added in place of another takes over its counts, unless the flow mod says reset_counts. */
  addKeepsCounts: boolean;
  /** A modify that finds no flow, and names no cookie mask, adds one. */
  modifyAdds: boolean;
  /** A modify sets the cookie that it names; and one that names none, nor a cookie mask, sets it to 0. */
  modifySetsCookie: boolean;
  /** A modify that names no table goes over all of them; otherwise it means table 0. */
  modifyGoesOverTables: boolean;
}

/** OpenFlow 1.0 with the extensions of Open vSwitch: what ovs-ofctl speaks when it is not told otherwise. */
export const OPENFLOW10: FlowModDialect = {
  addKeepsCounts: false,
  modifyAdds: true,
  modifySetsCookie: true,
  modifyGoesOverTables: true,
};
/** OpenFlow 1.2 and later: what `ovs-ofctl bundle` speaks. */
export const OPENFLOW12: FlowModDialect = {
  addKeepsCounts: true,
  modifyAdds: false,
  modifySetsCookie: false,
  modifyGoesOverTables: false,
};

/** Flags that matter while the flow is added only. */
const ONCE = FLAG_CHECK_OVERLAP | FLAG_RESET_COUNTS;

export class FlowChange {
  private readonly tables: FlowTables;
  private readonly groups: GroupTable;
  private readonly meters: MeterTable;
  private readonly removed: FlowRemovedSink;
  private readonly bulk: BulkChange;
  /** Learned flows that go when no flow learns them any more. */
  private orphans: LearnedFlows[] = [];

  constructor(tables: FlowTables, groups: GroupTable, meters: MeterTable, removed: FlowRemovedSink) {
    this.tables = tables;
    this.groups = groups;
    this.meters = meters;
    this.removed = removed;
    this.bulk = new BulkChange(tables, removed);
  }

  /** Carries a flow mod out. Returns how many flows it added, modified or deleted. Throws SwitchError. */
  apply(mod: FlowMod, dialect: FlowModDialect, nowMs: number, journal: Journal): number {
    switch (mod.command) {
      case 'add':
        this.addMod(mod, dialect, nowMs, journal);
        return 1;
      case 'modify':
      case 'modify_strict':
        return this.modify(mod, dialect, nowMs, journal);
      case 'delete':
      case 'delete_strict': {
        let count = 0;
        for (const table of this.tables.selected(mod.tableId)) {
          const rules = table.select(mod);
          count += rules.length;
          if (isMost(table, rules)) this.removeMost(table, rules, journal);
          else for (const rule of rules) this.remove(rule, 'delete', journal);
        }
        return count;
      }
      default:
        return mod.command satisfies never;
    }
  }

  /** Whether a flow mod would leave all flows that are there as they are. */
  onlyAdds(mod: FlowMod): boolean {
    if (mod.command !== 'add') return false;
    const tableId = mod.tableId === ALL_TABLES ? 0 : mod.tableId;
    const table = this.tables.table(tableId);
    return (
      !table || (table.size < this.tables.limitOf(tableId).flowLimit && !table.find(mod.match, mod.priority))
    );
  }

  /** A rule for a flow mod, in no table yet: either add() takes it, or the caller gives it to FlowTables.forget(). */
  makeRule(mod: FlowMod, nowMs: number): Rule {
    const placed = mod.tableId === ALL_TABLES ? { ...mod, tableId: 0 } : mod;
    return this.tables.open(placed.tableId).makeRule(placed, nowMs);
  }

  /** Adds a rule, in place of one with the same match and priority. Throws SwitchError. */
  add(rule: Rule, dialect: FlowModDialect, nowMs: number, journal: Journal): void {
    this.insert(rule, dialect, nowMs, journal);
    recordAdded(journal, this.tables, rule, false);
  }

  /**
   * Adds staged flows, as add() would one by one, in a time that hardly depends on how many they are. False: that
   * cannot be; nothing was done.
   */
  load(staged: StagedFlows, dialect: FlowModDialect, nowMs: number, journal: Journal): boolean {
    // With counts that go from flow to flow the order of flows with the same match matters.
    const isPlain = !dialect.addKeepsCounts || staged.replaced.size === 0;
    if (!isPlain || !staged.fits()) return false;
    for (const actions of staged.referring) if (this.missingReference(actions) !== undefined) return false;
    for (const [tableId, { table, rules }] of staged.tables) {
      const entered = staged.replaced.size === 0 ? rules : rules.filter((rule) => !staged.replaced.has(rule));
      const left = this.bulk.load(this.tables.open(tableId), table, entered, dialect, nowMs, journal);
      for (const rule of left) collectLearned(rule, this.orphans);
    }
    for (const rule of staged.replaced) collectLearned(rule, this.orphans);
    journal.record({
      finish: () => {
        for (const rule of staged.replaced) this.tables.forget(rule);
      },
    });
    return true;
  }

  /** Whether adding this rule would leave the old one as it is (what replace-flows compares). */
  isSame(old: Rule, rule: Rule): boolean {
    return (
      old.cookie === rule.cookie &&
      old.idleTimeout === rule.idleTimeout &&
      old.hardTimeout === rule.hardTimeout &&
      old.importance === rule.importance &&
      ((old.flags ^ rule.flags) & ~ONCE) === 0 &&
      sameActions(old.actions, rule.actions)
    );
  }

  /** Takes a rule out of its table. `reason` undefined: another one takes its place, which nobody is told. */
  remove(rule: Rule, reason: FlowRemovedReason | undefined, journal: Journal): void {
    this.tables.remove(rule);
    collectLearned(rule, this.orphans);
    recordRemoved(journal, this.tables, rule, reason, this.removed);
  }

  /** Deletes the flows that were learned by flows which are gone. The last step before a journal is committed. */
  settle(journal: Journal): number {
    let count = 0;
    for (let orphan = this.orphans.pop(); orphan; orphan = this.orphans.pop()) {
      if (this.tables.references.isLearning(orphan)) continue;
      const rules = this.tables.select(filterByCookie(orphan.tableId, orphan.cookie, MAX_COOKIE));
      for (const rule of rules) this.remove(rule, 'delete', journal);
      count += rules.length;
    }
    return count;
  }

  /** Forgets what settle() would do: the journal was rolled back. */
  abandon(): void {
    this.orphans = [];
  }

  /** Refuses actions that name a group or a meter which is not there. Throws SwitchError failed-precondition. */
  checkReferences(actions: readonly Action[]): void {
    const sentence = this.missingReference(actions);
    if (sentence !== undefined) throw new SwitchError('failed-precondition', sentence);
  }

  private missingReference(actions: readonly Action[]): string | undefined {
    let sentence: string | undefined;
    someAction(actions, (action) => {
      if (action.type === 'group' && !this.groups.has(action.groupId)) {
        sentence = `There is no group ${action.groupId} for the flow to send to (OFPBAC_BAD_OUT_GROUP): add it first.`;
      } else if (action.type === 'meter' && !this.meters.get(action.meterId)) {
        sentence = `There is no meter ${action.meterId} for the flow to use (OFPMMFC_INVALID_METER): add it first.`;
      }
      return sentence !== undefined;
    });
    return sentence;
  }

  private removeMost(table: FlowTable, rules: readonly Rule[], journal: Journal): void {
    for (const rule of rules) collectLearned(rule, this.orphans);
    this.bulk.removeMost(table, rules, journal);
  }

  private insert(rule: Rule, dialect: FlowModDialect, nowMs: number, journal: Journal): void {
    this.checkReferences(rule.actions);
    this.tables.stats.start(rule.slot, nowMs);
    const old = this.tables.open(rule.tableId).find(rule.match, rule.priority);
    if (!old) {
      this.makeRoom(rule, journal);
    } else {
      inherit(this.tables.stats, rule, old, dialect.addKeepsCounts);
      this.remove(old, undefined, journal);
    }
    this.tables.insert(rule);
  }

  private addMod(mod: FlowMod, dialect: FlowModDialect, nowMs: number, journal: Journal): void {
    const rule = this.makeRule(mod, nowMs);
    try {
      this.insert(rule, dialect, nowMs, journal);
    } catch (error) {
      this.tables.forget(rule);
      throw error;
    }
    recordAdded(journal, this.tables, rule, true);
  }

  private modify(mod: FlowMod, dialect: FlowModDialect, nowMs: number, journal: Journal): number {
    const isPlaced = mod.tableId !== ALL_TABLES || dialect.modifyGoesOverTables;
    const rules = this.tables.select(isPlaced ? mod : { ...mod, tableId: 0 });
    if (rules.length === 0) {
      if (!dialect.modifyAdds || mod.cookieMask !== 0n) return 0;
      this.addMod(mod, dialect, nowMs, journal);
      return 1;
    }
    this.checkReferences(mod.actions);
    const setsCookie = dialect.modifySetsCookie && (mod.setsCookie || mod.cookieMask === 0n);
    for (const rule of rules) this.modifyRule(rule, mod, setsCookie, nowMs, journal);
    return rules.length;
  }

  /** Timeouts, importance, flags and the time of its making stay those of the rule. */
  private modifyRule(rule: Rule, mod: FlowMod, setsCookie: boolean, nowMs: number, journal: Journal): void {
    const { stats } = this.tables;
    const { slot, cookie, actions } = rule;
    const modifiedMs = stats.modifiedMs[slot]!;
    const packets = stats.packets[slot]!;
    const bytes = stats.bytes[slot]!;
    collectLearned(rule, this.orphans);
    this.tables.setActions(rule, setsCookie ? mod.cookie : cookie, mod.actions);
    stats.modifiedMs[slot] = nowMs;
    if ((mod.flags & FLAG_RESET_COUNTS) !== 0) {
      stats.packets[slot] = 0;
      stats.bytes[slot] = 0;
    }
    const undo = () => {
      this.tables.setActions(rule, cookie, actions);
      stats.modifiedMs[slot] = modifiedMs;
      stats.packets[slot] = packets;
      stats.bytes[slot] = bytes;
    };
    journal.record({ undo });
  }

  /** Sees to it that a rule which replaces none may be added. */
  private makeRoom(rule: Rule, journal: Journal): void {
    const table = this.tables.open(rule.tableId);
    if ((rule.flags & FLAG_CHECK_OVERLAP) !== 0)
      refuseOverlap(rule, table.overlapping(rule.match, rule.priority));
    const { flowLimit, evicts } = this.tables.limitOf(rule.tableId);
    if (table.size < flowLimit) return;
    const victim = evicts ? table.evictable() : undefined;
    if (!victim) {
      const why = evicts ? 'none of them has a timeout, so none may be evicted' : 'it does not evict flows';
      const sentence =
        `Table ${rule.tableId} has its ${flowLimit} flows, and ${why} (OFPFMFC_TABLE_FULL): ` +
        `raise its limit with "mod-table ${rule.tableId} flow_limit=N", or delete flows.`;
      throw new SwitchError('resource-exhausted', sentence);
    }
    this.remove(victim, 'eviction', journal);
  }
}

/** Throws when a flow that is to overlap with none does with `other`. */
function refuseOverlap({ tableId, priority }: Rule, other: Rule | undefined): void {
  if (!other) return;
  const match = formatMatch(expandMatch(other.match)) || 'everything';
  const sentence =
    `A flow of table ${tableId} with the same priority ${priority} matches some of the same frames (OFPFMFC_OVERLAP): ` +
    `${match}. Give one of the two another priority, or leave check_overlap out.`;
  throw new SwitchError('already-exists', sentence);
}
