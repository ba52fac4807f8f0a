// What: what a translation asks of its bridge: tables, groups, ports, and places for what outlives the translation.
// Why: Xlate can be tested without a bridge, and the bridge sees at a glance what it must provide. Who: bridge.ts
// implements it, xlate.ts and trace.ts use it.
//
// How a bridge uses Xlate (one object for the life of the bridge):
//   translate()   xlate.translate(key, at, ingress, nowMs, out), then keyMask grows by out.mask (growKeyMask)
//   credit()      xlate.effects.credit(effects, packets, bytes, usedMs)
//   release()     xlate.effects.release(effects)
//   a new version of the bridge: xlate.changed() (forgets what only older versions could ask for)
//   trace         trace(xlate, key, ingress, nowMs, options) of trace.ts
//   packet-out    xlate.packetOut(actions, key, at, ingress, nowMs, out)

import type { PacketInReason } from '../../actions/action.ts';
import type { Programs } from '../../actions/verdict.ts';
import type { FlowMod } from '../entries/flow-mod.ts';
import type { GroupEntry } from '../entries/group.ts';
import type { Rule } from '../entries/rule.ts';
import type { RuleStats } from '../entries/rule-stats.ts';
import type { Fdb } from '../tables/fdb.ts';
import type { FlowTable } from '../tables/flow-table.ts';

/** A port as a translation sees it. */
export interface XlatePort {
  readonly ofport: number;
  readonly name: string;
  /** Index in the datapath. */
  readonly index: number;
  /** OpenFlow port configuration (ovs-ofctl mod-port). */
  readonly down: boolean;
  readonly noFlood: boolean;
  readonly noForward: boolean;
  readonly noReceive: boolean;
  readonly noPacketIn: boolean;
  /** Link up and not down by configuration: what fast failover, bundle and watch_port look at. */
  isLive(): boolean;
}

/** What of a frame goes with a packet-in; bytes and length come from the frame. */
export interface PacketInSpec {
  reason: PacketInReason;
  tableId: number;
  /** 2^64 - 1: no flow, but a packet-out. */
  cookie: bigint;
  controllerId: number;
  /** Shown among datapath actions; the whole frame goes. */
  maxLength: number;
  userdata: Uint8Array | undefined;
  /** Pipeline fields that are not zero, as match text. */
  metadata: string;
}

/** What was counted per table, by table number. */
export interface TableCounters {
  readonly lookups: Float64Array;
  readonly matched: Float64Array;
}

export interface XlateContext {
  readonly bridgeName: string;
  /** Pipeline.version: a translation that changed it by what it learned is not cached. */
  readonly version: number;
  readonly fdb: Fdb;
  readonly programs: Programs;
  readonly ruleStats: RuleStats;
  /** 256 of each. */
  readonly tableCounters: TableCounters;
  /** By OpenFlow number, which is also the order of floods. */
  readonly ports: ReadonlyMap<number, XlatePort>;
  /** Undefined: no flow was ever added to the table. */
  table(tableId: number): FlowTable | undefined;
  group(groupId: number): GroupEntry | undefined;
  /** Index of a meter in the datapath; undefined: there is no such meter. */
  meterIndex(meterId: number): number | undefined;
  /** A number for OP_PACKET_IN; equal specs get equal numbers while the version lasts. */
  packetInNumber(spec: PacketInSpec): number;
  /**
   * Whether a `learn` action may add its flow: it is there already, or fewer than `limit` (0: no limit) flows of its
   * cookie are in its table, those counted that this translation has learned before.
   */
  mayLearn(mod: FlowMod, limit: number, before: readonly { mod: FlowMod }[]): boolean;
  /**
   * Carries out what a `learn` action asks for at the end of its translation, and again whenever frames of that flow are
   * credited: a flow that is there and says the same is only refreshed (modified now), which is no new version. With
   * `limit` flows of that cookie in that table nothing is done. Never throws; a full table is counted.
   */
  learn(mod: FlowMod, nowMs: number, limit: number): void;
  /** Lowers the timeouts of a rule, as fin_timeout asks; they never grow by it, and 0 leaves one as it is. */
  reduceTimeouts(rule: Rule, idleTimeout: number, hardTimeout: number, nowMs: number): void;
  /** Makes all cached translations stale: called when recirculation numbers have run out. Calls xlate.changed(). */
  renewVersion(): void;
}
