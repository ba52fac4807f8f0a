// What: Switch, the whole datapath as one synchronous, deterministic object: bridges, ports, flows, MAC tables and
// poll(). Why: the worker is a thin loop around it, and tests run the same object over memory ports with a clock of
// their own. Who: worker.ts, tests, bench. All time comes in through poll() and advance().
// Invariants: a command does all of what it says or throws SwitchError and changes nothing; a port name is used once
// in the whole switch; each bridge has its local port, named like it, from its first moment to its last.

import { OutputLists } from './actions/verdict.ts';
import type {
  BridgeSpec,
  DatapathStats,
  FdbInfo,
  FdbStats,
  FlowInfo,
  Page,
  PortInfo,
  PortSpec,
  SwitchCommands,
} from './api.ts';
import { CACHE_HITS, CACHE_MISSES, COPIES, Datapath } from './dp/datapath.ts';
import { portStats } from './dp/port-stats.ts';
import { SwitchError } from './errors.ts';
import { OFPORT_LOCAL, OFPORT_MAX } from './flow/port-number.ts';
import { Bridge, type BridgePort } from './ofproto/bridge.ts';
import type { PortProvider } from './port/port.ts';
import { formatMac, isGroupMac, parseMac } from './wire/ethernet.ts';

/** Items in a page of a listing: some tens of microseconds of work between two polls. */
const PAGE_LENGTH = 500;

const MAX_VLAN = 4095;
const MAX_MAC_TABLE_SIZE = 1_000_000;
const MAX_MAC_AGE_SECONDS = 1_000_000;

/** A port, and the bridge that it is on. */
interface Placement extends BridgePort {
  readonly bridge: Bridge;
}

export class Switch implements SwitchCommands {
  private readonly provider: PortProvider;
  private readonly lists = new OutputLists();
  private readonly datapath: Datapath;
  private readonly bridges = new Map<string, Bridge>();
  private readonly ports = new Map<string, Placement>();
  private lastVersion = 0;

  constructor(provider: PortProvider) {
    this.provider = provider;
    this.datapath = new Datapath(provider, this.lists);
  }

  /** Sets the clock for the commands that follow; poll() sets it too. It never goes back. */
  advance(nowMs: number): void {
    const { clock } = this.datapath;
    if (nowMs > clock[0]!) clock[0] = nowMs;
  }

  /** Does a bounded amount of work: one burst for each port that is ready, and ageing. Returns frames received. */
  poll(nowMs: number): number {
    this.advance(nowMs);
    for (const bridge of this.bridges.values()) bridge.fdb.sweep(this.nowMs);
    return this.datapath.poll();
  }

  addBridge(spec: BridgeSpec): void {
    if (this.bridges.has(spec.name)) {
      throw new SwitchError('already-exists', `There is a bridge ${spec.name} already.`);
    }
    this.checkPortName(spec.name);
    checkLimits(spec);
    const bridge = new Bridge(
      { ...spec },
      this.datapath.flowStats,
      this.lists,
      () => this.nextVersion(),
      this.nowMs,
    );
    try {
      // A bridge works without its device, for example where nobody may create one; `show` then says why.
      const local = { name: spec.name, type: 'internal', address: spec.address, allowMissing: true } as const;
      this.openPort(bridge, local, OFPORT_LOCAL);
    } catch (error) {
      bridge.close();
      throw error;
    }
    this.bridges.set(spec.name, bridge);
  }

  deleteBridge(name: string): void {
    const bridge = this.bridge(name);
    for (const placement of this.placementsOf(bridge)) this.closePort(placement);
    bridge.close();
    this.bridges.delete(name);
  }

  setBridge(name: string, change: Partial<Omit<BridgeSpec, 'name'>>): void {
    const bridge = this.bridge(name);
    const spec = { ...bridge.spec, ...change, name };
    checkLimits(spec);
    const failModeChanged = spec.failMode !== bridge.spec.failMode;
    bridge.spec = spec;
    bridge.fdb.setLimits(spec.macTableSize, spec.macAgeSeconds * 1000);
    // As Open vSwitch: the flows of one fail mode are none of the other's.
    if (failModeChanged) bridge.resetFlows(this.nowMs);
  }

  listBridges(): BridgeSpec[] {
    return [...this.bridges.values()].map(({ spec }) => ({ ...spec, protocols: [...spec.protocols] }));
  }

  addPort(bridgeName: string, spec: PortSpec): PortInfo {
    const bridge = this.bridge(bridgeName);
    this.checkPortName(spec.name);
    const ofport = spec.ofport ?? bridge.freeOfport();
    if (ofport === undefined) {
      throw new SwitchError(
        'resource-exhausted',
        `Bridge ${bridgeName} has all ${OFPORT_MAX} port numbers in use.`,
      );
    }
    if (!Number.isInteger(ofport) || ofport < 1 || ofport > OFPORT_MAX) {
      throw new SwitchError('invalid-argument', `${ofport} is no port number: use 1 to ${OFPORT_MAX}.`);
    }
    const taken = bridge.ports.get(ofport);
    if (taken) {
      const sentence = `Port number ${ofport} of bridge ${bridgeName} belongs to ${taken.name}: use another one.`;
      throw new SwitchError('already-exists', sentence);
    }
    return this.describePort(this.openPort(bridge, spec, ofport));
  }

  deletePort(bridgeName: string | undefined, name: string): void {
    const placement = this.placement(bridgeName, name);
    if (placement.ofport === OFPORT_LOCAL) {
      const sentence = `${name} is the local port of its bridge: delete the bridge to get rid of it.`;
      throw new SwitchError('failed-precondition', sentence);
    }
    this.closePort(placement);
  }

  listPorts(bridgeName?: string): PortInfo[] {
    const bridges = bridgeName === undefined ? [...this.bridges.values()] : [this.bridge(bridgeName)];
    return bridges.flatMap((bridge) => this.placementsOf(bridge).map((p) => this.describePort(p)));
  }

  addFlow(bridge: string, flow: string): void {
    this.bridge(bridge).addFlow(flow, this.nowMs);
  }

  deleteFlows(bridge: string, match: string): number {
    return this.bridge(bridge).deleteFlows(match);
  }

  listFlows(bridge: string, match: string, after: number): Page<FlowInfo> {
    return this.bridge(bridge).listFlows(match, after, PAGE_LENGTH, this.nowMs);
  }

  addFdb(bridgeName: string, portName: string, vlan: number, mac: string): void {
    const bridge = this.bridge(bridgeName);
    const { ofport } = this.placement(bridgeName, portName);
    const station = checkStation(vlan, mac);
    if (isGroupMac(station)) {
      throw new SwitchError('invalid-argument', `${mac} is a group address, which no single port can have.`);
    }
    if (!bridge.fdb.addStatic(vlan, station, ofport, this.nowMs)) {
      const sentence = `The MAC table of bridge ${bridgeName} is full of static entries: delete some or raise its size.`;
      throw new SwitchError('resource-exhausted', sentence);
    }
  }

  deleteFdb(bridgeName: string, vlan: number, mac: string): void {
    const bridge = this.bridge(bridgeName);
    if (!bridge.fdb.delete(vlan, checkStation(vlan, mac))) {
      throw new SwitchError('not-found', `Bridge ${bridgeName} knows no ${mac} in VLAN ${vlan}.`);
    }
  }

  flushFdb(bridgeName: string, portName?: string): number {
    const bridge = this.bridge(bridgeName);
    return bridge.fdb.flush(portName === undefined ? undefined : this.placement(bridgeName, portName).ofport);
  }

  listFdb(bridgeName: string, after: number): Page<FdbInfo> {
    const bridge = this.bridge(bridgeName);
    const { stations, next } = bridge.fdb.list(after, PAGE_LENGTH, this.nowMs);
    const items = stations.map(({ ofport, vlan, mac, isStatic, lastUsedMs }) => ({
      ofport,
      portName: bridge.ports.get(ofport)!.name,
      vlan,
      mac: formatMac(mac),
      ageSeconds: isStatic ? 0 : Math.floor((this.nowMs - lastUsedMs) / 1000),
      static: isStatic,
    }));
    return { items, next };
  }

  fdbStats(bridge: string): FdbStats {
    return this.bridge(bridge).fdb.stats();
  }

  datapathStats(): DatapathStats {
    const { counters } = this.datapath;
    return {
      cacheHits: counters[CACHE_HITS]!,
      cacheMisses: counters[CACHE_MISSES]!,
      copies: counters[COPIES]!,
    };
  }

  private get nowMs(): number {
    return this.datapath.clock[0]!;
  }

  private bridge(name: string): Bridge {
    const bridge = this.bridges.get(name);
    if (!bridge) throw new SwitchError('not-found', `There is no bridge ${name}.`);
    return bridge;
  }

  private placement(bridgeName: string | undefined, name: string): Placement {
    const placement = this.ports.get(name);
    if (bridgeName === undefined) {
      if (!placement) throw new SwitchError('not-found', `There is no port ${name}.`);
      return placement;
    }
    const bridge = this.bridge(bridgeName);
    if (placement?.bridge !== bridge) {
      throw new SwitchError('not-found', `Bridge ${bridgeName} has no port ${name}.`);
    }
    return placement;
  }

  private placementsOf(bridge: Bridge): Placement[] {
    return [...bridge.ports.values()]
      .sort((a, b) => a.ofport - b.ofport)
      .map(({ name }) => this.ports.get(name)!);
  }

  private checkPortName(name: string): void {
    const holder = this.ports.get(name);
    if (!holder) return;
    throw new SwitchError(
      'already-exists',
      `${name} is already a port of bridge ${holder.bridge.spec.name}.`,
    );
  }

  private openPort(bridge: Bridge, spec: PortSpec, ofport: number): Placement {
    const { name, type, address, allowMissing } = spec;
    const port = this.provider.open(name, {
      ...(type !== undefined && { type }),
      ...(address !== undefined && { address }),
      ...(allowMissing !== undefined && { allowMissing }),
    });
    let index: number;
    try {
      index = this.datapath.attach(port, ofport, bridge);
    } catch (error) {
      port.close();
      throw error;
    }
    const placement = { name, ofport, port, bridge };
    bridge.addPort(placement, index);
    this.ports.set(name, placement);
    return placement;
  }

  private closePort({ name, ofport, port, bridge }: Placement): void {
    this.ports.delete(name);
    this.datapath.detach(port);
    bridge.removePort(ofport);
    port.close();
  }

  private describePort({ name, ofport, port, bridge }: Placement): PortInfo {
    port.refreshCounters();
    return {
      bridge: bridge.spec.name,
      name,
      type: port.type,
      ofport,
      link: { ...port.link },
      stats: portStats(port.counters),
    };
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

/** The MAC address as an integer. Throws SwitchError invalid-argument. */
function checkStation(vlan: number, mac: string): number {
  if (!Number.isInteger(vlan) || vlan < 0 || vlan > MAX_VLAN) {
    throw new SwitchError('invalid-argument', `${vlan} is no VLAN: use 0 (no VLAN) to ${MAX_VLAN}.`);
  }
  const address = parseMac(mac);
  if (address === undefined) {
    throw new SwitchError('invalid-argument', `"${mac}" is no MAC address: write it like 02:00:00:00:00:01.`);
  }
  return address;
}
