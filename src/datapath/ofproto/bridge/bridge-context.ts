// What: BridgeContext, the bridge as a translation sees it. Why: a translation reads tables, groups and ports, and
// leaves things behind that outlive it (learned flows, lowered timeouts, packet-in specs); this is all that it may touch.
// Who: bridge.ts makes one for its Xlate.

import { sameActions } from '../../actions/nested-actions.ts';
import type { Programs } from '../../actions/verdict.ts';
import { SwitchError } from '../../errors.ts';
import { type FlowMod, MAX_COOKIE } from '../entries/flow-mod.ts';
import type { GroupEntry } from '../entries/group.ts';
import type { Rule } from '../entries/rule.ts';
import type { RuleStats } from '../entries/rule-stats.ts';
import type { Fdb } from '../tables/fdb.ts';
import type { FlowTable } from '../tables/flow-table.ts';
import { filterByCookie } from '../tables/flow-tables.ts';
import type { PacketInSpec, TableCounters, XlateContext } from '../xlate/xlate-context.ts';
import type { Bridge } from './bridge.ts';
import type { BridgePort } from './bridge-port.ts';
import { OPENFLOW10 } from './flow-change.ts';
import { PacketInSpecs } from './packet-in-specs.ts';

export class BridgeContext implements XlateContext {
  readonly programs: Programs;
  readonly tableCounters: TableCounters;
  readonly packetIns = new PacketInSpecs();
  private readonly bridge: Bridge;

  constructor(bridge: Bridge, programs: Programs) {
    this.bridge = bridge;
    this.programs = programs;
    this.tableCounters = bridge.tables.counters;
  }

  get bridgeName(): string {
    return this.bridge.spec.name;
  }

  get version(): number {
    return this.bridge.version;
  }

  get fdb(): Fdb {
    return this.bridge.fdb;
  }

  get ruleStats(): RuleStats {
    return this.bridge.tables.stats;
  }

  get ports(): ReadonlyMap<number, BridgePort> {
    return this.bridge.ports;
  }

  table(tableId: number): FlowTable | undefined {
    return this.bridge.tables.table(tableId);
  }

  group(groupId: number): GroupEntry | undefined {
    return this.bridge.groups.get(groupId);
  }

  meterIndex(meterId: number): number | undefined {
    return this.bridge.meters.get(meterId)?.index;
  }

  packetInNumber(spec: PacketInSpec): number {
    return this.packetIns.numberOf(spec);
  }

  mayLearn(mod: FlowMod, limit: number, before: readonly { mod: FlowMod }[]): boolean {
    if (limit === 0 || this.bridge.tables.table(mod.tableId)?.find(mod.match, mod.priority)) return true;
    const learned = before.filter(
      ({ mod: other }) => other.tableId === mod.tableId && other.cookie === mod.cookie,
    );
    return this.flowsWithCookie(mod) + learned.length < limit;
  }

  learn(mod: FlowMod, nowMs: number, limit: number): void {
    const { tables } = this.bridge;
    const old = tables.table(mod.tableId)?.find(mod.match, mod.priority);
    if (old && (saysTheSame(old, mod) || tables.stats.modifiedMs[old.slot]! > nowMs)) {
      // A flow that somebody changed after the frame came is left alone.
      tables.stats.modifiedMs[old.slot] = Math.max(nowMs, tables.stats.modifiedMs[old.slot]!);
      return;
    }
    if (limit !== 0 && this.flowsWithCookie(mod) >= limit) return;
    try {
      this.bridge.change(nowMs, (transaction) =>
        transaction.flow({ ...mod, command: 'modify_strict' }, OPENFLOW10),
      );
    } catch (error) {
      if (!(error instanceof SwitchError)) throw error;
      this.bridge.learnFailures++;
    }
  }

  reduceTimeouts(rule: Rule, idleTimeout: number, hardTimeout: number, _nowMs: number): void {
    if (!rule.live) return;
    const idle = lower(rule.idleTimeout, idleTimeout);
    const hard = lower(rule.hardTimeout, hardTimeout);
    if (idle !== rule.idleTimeout || hard !== rule.hardTimeout)
      this.bridge.tables.lowerTimeouts(rule, idle, hard);
  }

  renewVersion(): void {
    this.bridge.renewVersion();
  }

  private flowsWithCookie({ tableId, cookie }: FlowMod): number {
    const { tables } = this.bridge;
    const list = () => tables.select(filterByCookie(tableId, cookie, MAX_COOKIE));
    return tables.references.rulesWithCookie(tableId, cookie, list);
  }
}

/** Whether a learned flow is there as it should be, so that it need only be refreshed. */
function saysTheSame(rule: Rule, mod: FlowMod): boolean {
  return (
    rule.cookie === mod.cookie &&
    rule.idleTimeout === mod.idleTimeout &&
    rule.hardTimeout === mod.hardTimeout &&
    rule.importance === mod.importance &&
    rule.flags === mod.flags &&
    sameActions(rule.actions, mod.actions)
  );
}

/** The lower of two timeouts, of which 0 is none. */
function lower(timeout: number, other: number): number {
  if (other === 0) return timeout;
  return timeout === 0 ? other : Math.min(timeout, other);
}
