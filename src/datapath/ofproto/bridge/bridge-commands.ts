// What: BridgeCommands, what the control plane asks of one bridge, in the words of the control plane: flows, groups,
// meters, tables as text and plain data. Why: switch.ts finds the bridge, this finds the rest; so neither is large.
// Who: switch.ts, for the commands of api.ts that it only passes on.
// Each method does all that it says or throws SwitchError and changes nothing.

import type {
  AggregateInfo,
  FlowInfo,
  FlowModCommand,
  FlowQuery,
  GroupCommand,
  GroupInfo,
  GroupStatsInfo,
  MeterCommand,
  MeterInfo,
  MeterStatsInfo,
  Page,
  PortConfig,
  TableChange,
  TableInfo,
  TextPage,
} from '../../api.ts';
import type { Meters } from '../../dp/meters.ts';
import { SwitchError } from '../../errors.ts';
import { parseMeterChange, type StoredMeter } from '../tables/meter-table.ts';
import { parseFlowMod } from '../text/flow-text.ts';
import { formatGroup, parseGroupMod } from '../text/group-text.ts';
import { formatMeter, formatMeterId } from '../text/meter-text.ts';
import type { Bridge } from './bridge.ts';
import type { BridgePort } from './bridge-port.ts';
import { OPENFLOW10 } from './flow-change.ts';

export class BridgeCommands {
  private readonly bridge: Bridge;
  private readonly datapathMeters: Meters;

  constructor(bridge: Bridge, datapathMeters: Meters) {
    this.bridge = bridge;
    this.datapathMeters = datapathMeters;
  }

  modFlow(command: FlowModCommand, text: string, nowMs: number): number {
    const { bridge } = this;
    const mod = parseFlowMod(text, command, bridge.resolvePort);
    return bridge.transact(
      nowMs,
      (transaction) => transaction.flow(mod, OPENFLOW10),
      bridge.flows.onlyAdds(mod),
    );
  }

  listFlows(query: FlowQuery, after: number, nowMs: number): Page<FlowInfo> {
    return this.bridge.listing.list(query, after, nowMs);
  }

  dumpFlows(query: FlowQuery & { stats: boolean }, after: number, nowMs: number): TextPage {
    return this.bridge.listing.dump(query, after, nowMs);
  }

  aggregateFlows(query: FlowQuery): AggregateInfo {
    return this.bridge.listing.aggregate(query);
  }

  modGroup(command: GroupCommand, text: string, nowMs: number): void {
    const { bridge } = this;
    const mod = parseGroupMod(text, command, bridge.resolvePort);
    bridge.transact(nowMs, (transaction) => transaction.group(mod));
  }

  listGroups(groupId?: number): GroupInfo[] {
    return this.bridge.groups
      .list(groupId)
      .map(({ group }) => ({ groupId: group.groupId, text: formatGroup(group) }));
  }

  groupStats(nowMs: number, groupId?: number): GroupStatsInfo[] {
    const { groups, tables } = this.bridge;
    return groups.list(groupId).map(({ group, packets, bytes, createdMs }) => ({
      groupId: group.groupId,
      durationSeconds: (nowMs - createdMs) / 1000,
      references: tables.references.groupUses(group.groupId) + groups.references(group.groupId),
      packets: packets[0]!,
      bytes: bytes[0]!,
      buckets: group.buckets.map((_, i) => ({ packets: packets[i + 1]!, bytes: bytes[i + 1]! })),
    }));
  }

  modMeter(command: MeterCommand, text: string, nowMs: number): void {
    const change = parseMeterChange(text, command);
    this.bridge.transact(nowMs, (transaction) => transaction.meter(change));
  }

  listMeters(meterId?: number): MeterInfo[] {
    return this.metersOf(meterId).map(({ meter }) => ({ meterId: meter.meterId, text: formatMeter(meter) }));
  }

  meterStats(nowMs: number, meterId?: number): MeterStatsInfo[] {
    const { tables } = this.bridge;
    return this.metersOf(meterId).map(({ meter, index, createdMs }) => {
      const { packets, bytes, bands } = this.datapathMeters.stats(index);
      return {
        meterId: meter.meterId,
        flows: tables.references.meterUses(meter.meterId),
        packets,
        bytes,
        durationSeconds: (nowMs - createdMs) / 1000,
        bands,
      };
    });
  }

  /** A meter that somebody asks for by its number must be there, as in OpenFlow; a group need not. */
  private metersOf(meterId: number | undefined): StoredMeter[] {
    const meters = this.bridge.meters.list(meterId);
    if (meterId === undefined || meters.length > 0) return meters;
    throw new SwitchError(
      'not-found',
      `There is no meter ${formatMeterId(meterId)} (OFPMMFC_UNKNOWN_METER).`,
    );
  }

  listTables(): TableInfo[] {
    return this.bridge.tables.list();
  }

  /** A lower limit holds at once where flows may be evicted; where not, flows that are there stay. */
  setTable(tableId: number, change: TableChange, nowMs: number): void {
    const { bridge } = this;
    bridge.tables.set(tableId, change);
    bridge.transact(nowMs, (transaction) => transaction.evictBeyondLimit(tableId));
  }

  modPort(name: string, config: PortConfig, nowMs: number): BridgePort {
    const { bridge } = this;
    const port = bridge.findPort(name);
    if (!port) throw new SwitchError('not-found', `Bridge ${bridge.spec.name} has no port ${name}.`);
    bridge.transact(nowMs, (transaction) => transaction.port(port, definedOnly(config)), true);
    bridge.linksChanged();
    return port;
  }
}

/** Without the settings that stay as they are. */
function definedOnly(config: PortConfig): PortConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}
