// What: Switch, the whole datapath as one synchronous, deterministic object: bridges, ports, flow tables, MAC tables and
// poll(). Why: the worker is a thin loop around it, and tests run the same object over memory ports with a clock of
// their own. Who: worker.ts, tests, bench. All time comes in through poll() and advance().
// It finds bridges and ports by name and passes the rest on: ofproto/bridge/bridge-commands.ts for what concerns one bridge.
// Invariants: a command does all of what it says or throws SwitchError and changes nothing; a port name is used once
// in the whole switch; each bridge has its local port, named like it, from its first moment to its last.

import { Programs } from './actions/verdict.ts';
import type {
  AggregateInfo,
  BridgeSpec,
  BundleOptions,
  BundleResult,
  DatapathFlowInfo,
  DatapathStats,
  EventPage,
  FdbInfo,
  FdbStats,
  FlowForm,
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
  ParsedFlow,
  PortConfig,
  PortInfo,
  PortSpec,
  SwitchCommands,
  TableChange,
  TableInfo,
  TextPage,
  TraceInfo,
} from './api.ts';
import { Datapath } from './dp/datapath.ts';
import { SwitchError } from './errors.ts';
import { Bridge, type BridgeHost } from './ofproto/bridge/bridge.ts';
import { BridgeCommands } from './ofproto/bridge/bridge-commands.ts';
import { Bundles } from './ofproto/bridge/bundles.ts';
import { Events } from './ofproto/bridge/events.ts';
import { FdbCommands } from './ofproto/bridge/fdb-commands.ts';
import { normalizeFlows, parsedFlow } from './ofproto/bridge/flow-file.ts';
import { listDatapathFlows, PacketCommands } from './ofproto/bridge/packet-commands.ts';
import { TICK_MS } from './ofproto/tables/timeouts.ts';
import type { PortProvider } from './port/port.ts';
import { SwitchPorts } from './switch-ports.ts';

/** How long nobody needs to call poll() when nothing happens. */
const REST_MS = 1000;
const MAX_MAC_TABLE_SIZE = 1_000_000;
const MAX_MAC_AGE_SECONDS = 1_000_000;

/** A bridge with what is asked of it. */
interface Unit {
  readonly bridge: Bridge;
  readonly commands: BridgeCommands;
  readonly fdb: FdbCommands;
  readonly packets: PacketCommands;
}

export class Switch implements SwitchCommands {
  private readonly provider: PortProvider;
  private readonly programs = new Programs();
  private readonly datapath: Datapath;
  private readonly units = new Map<string, Unit>();
  private readonly ports: SwitchPorts;
  private readonly bundles = new Bundles();
  private readonly events = new Events();
  private readonly host: BridgeHost;
  private lastVersion = 0;
  private linkChangesSeen = 0;
  /** The time of which counts were last pushed for the sake of timeouts, and whether flows of then are still to go. */
  private expiryMs = 0;
  private expiring = false;

  constructor(provider: PortProvider) {
    this.provider = provider;
    this.datapath = new Datapath(provider, this.programs);
    this.ports = new SwitchPorts(provider, this.datapath);
    this.host = {
      programs: this.programs,
      meters: this.datapath.meters,
      clock: this.datapath.clock,
      nextVersion: () => this.nextVersion(),
      flushCredits: () => this.datapath.flushCredits(),
      event: (event) => this.events.push(event),
    };
  }

  /** Sets the clock for the commands that follow; poll() sets it too. It never goes back. */
  advance(nowMs: number): void {
    const { clock } = this.datapath;
    if (nowMs > clock[0]!) clock[0] = nowMs;
  }

  /** Does a bounded amount of work: one burst for each port that is ready, and ageing. Returns frames received. */
  poll(nowMs: number): number {
    this.advance(nowMs);
    // First of all: a frame that is looked at now must not leave by a link that is gone.
    if (this.provider.linkChanges !== this.linkChangesSeen) this.followLinks();
    this.expireFlows();
    for (const { bridge } of this.units.values()) bridge.fdb.sweep(this.nowMs);
    return this.datapath.poll();
  }

  /** For how long poll() has nothing to do when no frame comes, no link changes and no command is given. */
  get restMs(): number {
    if (this.expiring) return 0;
    for (const { bridge } of this.units.values()) {
      if (bridge.tables.timeouts.size > 0) return TICK_MS - (this.nowMs % TICK_MS);
    }
    return REST_MS;
  }

  addBridge(spec: BridgeSpec): void {
    if (this.units.has(spec.name)) {
      throw new SwitchError('already-exists', `There is a bridge ${spec.name} already.`);
    }
    this.ports.checkName(spec.name);
    checkLimits(spec);
    const bridge = new Bridge({ ...spec }, this.host, this.nowMs);
    try {
      this.ports.addLocal(bridge);
    } catch (error) {
      bridge.close(this.nowMs);
      throw error;
    }
    this.units.set(spec.name, {
      bridge,
      commands: new BridgeCommands(bridge, this.datapath.meters),
      fdb: new FdbCommands(bridge),
      packets: new PacketCommands(bridge, this.datapath),
    });
  }

  deleteBridge(name: string): void {
    const { bridge } = this.unit(name);
    this.bundles.discardOf(bridge);
    this.ports.deleteOf(bridge);
    bridge.close(this.nowMs);
    this.units.delete(name);
  }

  setBridge(name: string, change: Partial<Omit<BridgeSpec, 'name'>>): void {
    const { bridge } = this.unit(name);
    const spec = { ...bridge.spec, ...change, name };
    checkLimits(spec);
    const failModeChanged = spec.failMode !== bridge.spec.failMode;
    bridge.spec = spec;
    bridge.fdb.setLimits(spec.macTableSize, spec.macAgeSeconds * 1000);
    // As Open vSwitch: the flows of one fail mode are none of the other's.
    if (failModeChanged) bridge.resetFlows(this.nowMs);
  }

  listBridges(): BridgeSpec[] {
    return [...this.units.values()].map(({ bridge: { spec } }) => ({
      ...spec,
      protocols: [...spec.protocols],
    }));
  }

  addPort(bridge: string, spec: PortSpec): PortInfo {
    return this.ports.add(this.unit(bridge).bridge, spec);
  }

  deletePort(bridge: string | undefined, name: string): void {
    this.ports.delete(bridge === undefined ? undefined : this.unit(bridge).bridge, name);
  }

  listPorts(bridge?: string): PortInfo[] {
    const units = bridge === undefined ? [...this.units.values()] : [this.unit(bridge)];
    return units.flatMap((unit) => this.ports.list(unit.bridge));
  }

  modPort(bridge: string, port: string, config: PortConfig): void {
    this.unit(bridge).commands.modPort(port, config, this.nowMs);
  }

  modFlow(bridge: string, command: FlowModCommand, flow: string): number {
    return this.unit(bridge).commands.modFlow(command, flow, this.nowMs);
  }

  listFlows(bridge: string, query: FlowQuery, after: number): Page<FlowInfo> {
    return this.exact(bridge).listFlows(query, after, this.nowMs);
  }

  dumpFlows(bridge: string, query: FlowQuery & { stats: boolean }, after: number): TextPage {
    return this.exact(bridge).dumpFlows(query, after, this.nowMs);
  }

  aggregateFlows(bridge: string, query: FlowQuery): AggregateInfo {
    return this.exact(bridge).aggregateFlows(query);
  }

  parseFlow(bridge: string, command: FlowModCommand, flow: string, form?: FlowForm): ParsedFlow {
    return parsedFlow(this.bridgeOrNone(bridge), command, flow, form);
  }

  normalizeFlows(bridge: string, lines: string[], firstLine: number, source: string): string {
    return normalizeFlows(this.bridgeOrNone(bridge), lines, firstLine, source);
  }

  openBundle(bridge: string, options: BundleOptions): number {
    return this.bundles.start(this.unit(bridge).bridge, options, this.nowMs);
  }

  addToBundle(bundle: number, lines: string[], firstLine: number): void {
    this.bundles.add(bundle, lines, firstLine, this.nowMs);
  }

  commitBundle(bundle: number): BundleResult {
    const taken = this.bundles.take(bundle);
    const { packets } = this.unit(taken.bridge.spec.name);
    return taken.commit(this.nowMs, (packet) => packets.send(packet, this.nowMs));
  }

  discardBundle(bundle: number): void {
    this.bundles.discard(bundle);
  }

  modGroup(bridge: string, command: GroupCommand, group: string): void {
    this.unit(bridge).commands.modGroup(command, group, this.nowMs);
  }

  listGroups(bridge: string, groupId?: number): GroupInfo[] {
    return this.unit(bridge).commands.listGroups(groupId);
  }

  groupStats(bridge: string, groupId?: number): GroupStatsInfo[] {
    return this.exact(bridge).groupStats(this.nowMs, groupId);
  }

  modMeter(bridge: string, command: MeterCommand, meter: string): void {
    this.unit(bridge).commands.modMeter(command, meter, this.nowMs);
  }

  listMeters(bridge: string, meterId?: number): MeterInfo[] {
    return this.unit(bridge).commands.listMeters(meterId);
  }

  meterStats(bridge: string, meterId?: number): MeterStatsInfo[] {
    return this.unit(bridge).commands.meterStats(this.nowMs, meterId);
  }

  listTables(bridge: string): TableInfo[] {
    return this.exact(bridge).listTables();
  }

  setTable(bridge: string, tableId: number, change: TableChange): void {
    this.unit(bridge).commands.setTable(tableId, change, this.nowMs);
  }

  packetOut(bridge: string, text: string): void {
    this.unit(bridge).packets.packetOut(text, this.nowMs);
  }

  trace(bridge: string, flow: string): TraceInfo {
    return this.unit(bridge).packets.trace(flow, this.nowMs);
  }

  listDatapathFlows(bridge: string, after: number): Page<DatapathFlowInfo> {
    return listDatapathFlows(this.datapath, this.bridgeOrNone(bridge), after);
  }

  listEvents(after: number): EventPage {
    return this.events.list(after);
  }

  addFdb(bridge: string, port: string, vlan: number, mac: string): void {
    this.unit(bridge).fdb.add(port, vlan, mac, this.nowMs);
  }

  deleteFdb(bridge: string, vlan: number, mac: string): void {
    this.unit(bridge).fdb.delete(vlan, mac);
  }

  flushFdb(bridge: string, port?: string): number {
    return this.unit(bridge).fdb.flush(port);
  }

  listFdb(bridge: string, after: number): Page<FdbInfo> {
    return this.unit(bridge).fdb.list(after, this.nowMs);
  }

  fdbStats(bridge: string): FdbStats {
    return this.unit(bridge).bridge.fdb.stats();
  }

  datapathStats(): DatapathStats {
    return { ...this.datapath.stats(), lostEvents: this.events.lost };
  }

  private get nowMs(): number {
    return this.datapath.clock[0]!;
  }

  private unit(name: string): Unit {
    const unit = this.units.get(name);
    if (!unit) throw new SwitchError('not-found', `There is no bridge ${name}.`);
    return unit;
  }

  /** The commands of a bridge, with all counts of its flows exact. */
  private exact(name: string): BridgeCommands {
    const { commands } = this.unit(name);
    this.datapath.flushCredits();
    return commands;
  }

  /** '' is no bridge. */
  private bridgeOrNone(name: string): Bridge | undefined {
    return name === '' ? undefined : this.unit(name).bridge;
  }

  private followLinks(): void {
    this.linkChangesSeen = this.provider.linkChanges;
    for (const { bridge } of this.units.values()) bridge.linksChanged();
  }

  /** Once a tick, and on until all is done, removes flows whose time is over. */
  private expireFlows(): void {
    if (!this.expiring) {
      if (Math.floor(this.nowMs / TICK_MS) === Math.floor(this.expiryMs / TICK_MS)) return;
      this.expiryMs = this.nowMs;
      this.bundles.discardIdle(this.nowMs);
      for (const { bridge } of this.units.values()) this.expiring ||= bridge.isExpiryDue(this.nowMs);
      if (!this.expiring) return;
      this.datapath.flushCredits();
    }
    this.expiring = false;
    for (const { bridge } of this.units.values())
      this.expiring = !bridge.expire(this.expiryMs) || this.expiring;
  }

  /** Versions are Int32 and never 0; after 2^32 changes they come round again, long after their caches are gone. */
  private nextVersion(): number {
    this.lastVersion = (this.lastVersion + 1) | 0 || 1;
    return this.lastVersion;
  }
}

function checkLimits({ macTableSize, macAgeSeconds }: BridgeSpec): void {
  if (!Number.isInteger(macTableSize) || macTableSize < 1 || macTableSize > MAX_MAC_TABLE_SIZE) {
    throw new SwitchError('invalid-argument', `The MAC table holds 1 to ${MAX_MAC_TABLE_SIZE} entries.`);
  }
  if (!(macAgeSeconds >= 1 && macAgeSeconds <= MAX_MAC_AGE_SECONDS)) {
    throw new SwitchError('invalid-argument', `MAC addresses age in 1 to ${MAX_MAC_AGE_SECONDS} seconds.`);
  }
}
