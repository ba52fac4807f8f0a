// What: a datapath for tests of the control plane: it keeps what it is told and forwards nothing. Why: these tests
// are about configuration, persistence and transport, and need no root. Who: test/control and test/cli.
// Invariant: like the real one, each command does all of what it says or throws SwitchError and changes nothing.

import type {
  AggregateInfo,
  BridgeSpec,
  BundleOptions,
  BundleResult,
  DatapathClient,
  DatapathFlowInfo,
  DatapathStats,
  EventPage,
  FdbInfo,
  FlowForm,
  FlowModCommand,
  FlowQuery,
  GroupCommand,
  GroupInfo,
  GroupStatsInfo,
  LinkState,
  MeterCommand,
  MeterInfo,
  MeterStatsInfo,
  Page,
  ParsedFlow,
  PortConfig,
  PortInfo,
  PortSpec,
  PortStats,
  SwitchCommands,
  SwitchEvent,
  TableChange,
  TableInfo,
  TextPage,
  TraceInfo,
} from '../../src/datapath/index.ts';
import { SwitchError } from '../../src/datapath/index.ts';
import {
  atLine,
  type FakeBundle,
  FakeFlows,
  FakeTexts,
  flowLine,
  newTable,
  pageOf,
  parseChange,
  parseFlow,
} from './fake-tables.ts';

const FLOWS_IN_PAGE = 2;

const UP: LinkState = {
  attached: true,
  adminUp: true,
  up: true,
  address: '02:00:00:00:00:aa',
  mtu: 1500,
  ifindex: 7,
  error: '',
};

const ALL_ALLOWED = { down: false, noReceive: false, noFlood: false, noForward: false, noPacketIn: false };

const NO_TRAFFIC: PortStats = {
  rxPackets: 0,
  rxBytes: 0,
  rxDropped: 0,
  rxErrors: 0,
  txPackets: 0,
  txBytes: 0,
  txDropped: 0,
  txErrors: 0,
  drops: {},
};

export class FakeDatapath implements SwitchCommands {
  readonly bridges = new Map<string, BridgeSpec>();
  readonly ports: PortInfo[] = [];
  readonly flows = new FakeFlows();
  readonly groups = new FakeTexts('group', /^group_id=(\d+)/);
  readonly meters = new FakeTexts('meter', /^meter=(\d+)/);
  readonly tables = Array.from({ length: 254 }, (_, tableId) => newTable(tableId));
  /** Bundles that are open. */
  readonly bundles = new Map<number, FakeBundle>();
  readonly packetOuts: string[] = [];
  readonly datapathFlows: DatapathFlowInfo[] = [];
  readonly events: SwitchEvent[] = [];
  #lastBundle = 0;
  readonly fdb: FdbInfo[] = [];
  /** Devices that cannot be opened, with the reason. */
  readonly broken = new Map<string, SwitchError>();
  /** Pages of flows that were asked for. */
  flowPages = 0;
  closed = false;
  die: (error: Error) => void = () => {};
  readonly died: Promise<Error>;

  constructor() {
    this.died = new Promise((resolve) => {
      this.die = resolve;
    });
  }

  /** The same object as the control plane sees it: each command asynchronous, each argument a copy. */
  client(): DatapathClient {
    const own = this as unknown as Record<string, unknown>;
    const asynchronous =
      (name: string) =>
      async (...args: unknown[]) => {
        const command = own[name] as (...args: unknown[]) => unknown;
        return structuredClone(command.apply(this, structuredClone(args)));
      };
    return new Proxy({} as DatapathClient, {
      get: (_target, name) => {
        if (name === 'then') return undefined;
        return typeof own[name as string] === 'function' ? asynchronous(name as string) : own[name as string];
      },
    });
  }

  close(): void {
    this.closed = true;
  }

  addBridge(spec: BridgeSpec): void {
    this.bridges.set(spec.name, spec);
    this.addPort(spec.name, { name: spec.name, type: 'internal', ofport: 65534, address: spec.address });
  }

  deleteBridge(name: string): void {
    this.#bridge(name);
    this.bridges.delete(name);
    const others = this.ports.filter((port) => port.bridge !== name);
    this.ports.splice(0, this.ports.length, ...others);
  }

  listBridges(): BridgeSpec[] {
    return [...this.bridges.values()];
  }

  addPort(bridge: string, spec: PortSpec): PortInfo {
    this.#bridge(bridge);
    const failure = this.broken.get(spec.name);
    if (failure !== undefined) throw failure;
    const { name, type = 'system', ofport = 1 } = spec;
    const about = { bridge, name, type, ofport, link: UP };
    const port: PortInfo = { ...about, config: { ...ALL_ALLOWED }, stats: { ...NO_TRAFFIC } };
    this.ports.push(port);
    return port;
  }

  deletePort(_bridge: string | undefined, name: string): void {
    const index = this.ports.findIndex((port) => port.name === name);
    if (index < 0) throw new SwitchError('not-found', `no port named ${name}`);
    this.ports.splice(index, 1);
  }

  listPorts(bridge?: string): PortInfo[] {
    return this.ports.filter((port) => bridge === undefined || port.bridge === bridge);
  }

  modPort(bridge: string, name: string, config: PortConfig): void {
    this.#bridge(bridge);
    const port = this.ports.find((found) => found.name === name || String(found.ofport) === name);
    if (port === undefined) throw new SwitchError('not-found', `no port named ${name}`);
    Object.assign(port.config, config);
  }

  modFlow(bridge: string, command: FlowModCommand, flow: string): number {
    this.#bridge(bridge);
    return this.flows.apply(command, flow);
  }

  listFlows(bridge: string, query: FlowQuery, after: number) {
    this.#bridge(bridge);
    this.flowPages++;
    return pageOf(this.flows.covered(query), after, FLOWS_IN_PAGE);
  }

  dumpFlows(bridge: string, query: FlowQuery & { stats: boolean }, after: number): TextPage {
    const { items, next } = this.listFlows(bridge, query, after);
    return { text: items.map((flow) => flowLine(flow, query)).join(''), next };
  }

  aggregateFlows(bridge: string, query: FlowQuery): AggregateInfo {
    this.#bridge(bridge);
    return { packets: 3, bytes: 180, flows: this.flows.covered(query).length };
  }

  parseFlow(bridge: string, command: FlowModCommand, flow: string, form?: FlowForm): ParsedFlow {
    this.#bridge(bridge);
    const { match, actions } = parseFlow(flow);
    const text = `${command.toUpperCase()} ${match} actions=${actions}`;
    if (!form) return { text, usableProtocols: '', chosenProtocol: '', messageName: '' };
    // A meter stands for what takes OpenFlow 1.3.
    const needsMeter = actions.startsWith('meter') || form.within.includes('OXM-OpenFlow13');
    const usableProtocols = needsMeter ? 'OXM-OpenFlow13' : 'any';
    const [chosenProtocol = needsMeter ? 'OXM-OpenFlow13' : 'OpenFlow10-table_id'] = form.versions;
    return { text, usableProtocols, chosenProtocol, messageName: 'OFPT_FLOW_MOD' };
  }

  normalizeFlows(bridge: string, lines: string[], firstLine: number, source: string): string {
    this.#bridge(bridge);
    const flows = lines.flatMap((line, index) =>
      line.trim() === '' ? [] : [atLine(source, firstLine + index, () => parseFlow(line))],
    );
    return flows.map((flow) => flowLine(flow, { stats: false })).join('');
  }

  openBundle(bridge: string, options: BundleOptions): number {
    this.#bridge(bridge);
    this.bundles.set(++this.#lastBundle, { options, changes: [] });
    return this.#lastBundle;
  }

  addToBundle(id: number, lines: string[], firstLine: number): void {
    const bundle = this.#openBundle(id);
    this.bundles.delete(id);
    for (const [index, line] of lines.entries()) {
      if (line.trim() === '') continue;
      const source = bundle.options.source ?? '';
      bundle.changes.push(atLine(source, firstLine + index, () => parseChange(line, bundle.options)));
    }
    this.bundles.set(id, bundle);
  }

  commitBundle(id: number): BundleResult {
    const { options, changes } = this.#openBundle(id);
    this.bundles.delete(id);
    let deletedFlows = options.replaceFlows ? this.flows.apply('delete', '') : 0;
    for (const { kind, command, text } of changes) {
      if (kind === 'group') this.groups.apply(command as GroupCommand, text);
      else if (kind === 'meter') this.meters.apply(command, text);
      else if (command.startsWith('delete')) deletedFlows += this.flows.apply('delete', text);
      else this.flows.apply(command as FlowModCommand, text);
    }
    return { changes: changes.length, deletedFlows };
  }

  discardBundle(id: number): void {
    this.bundles.delete(id);
  }

  modGroup(bridge: string, command: GroupCommand, group: string): void {
    this.#bridge(bridge);
    this.groups.apply(command, group);
  }

  listGroups(bridge: string, groupId?: number): GroupInfo[] {
    this.#bridge(bridge);
    return this.groups.select(groupId).map(({ id, text }) => ({ groupId: id, text }));
  }

  groupStats(bridge: string, groupId?: number): GroupStatsInfo[] {
    this.#bridge(bridge);
    const counters = { durationSeconds: 1.5, references: 2, packets: 10, bytes: 640 };
    const buckets = [
      { packets: 6, bytes: 384 },
      { packets: 4, bytes: 256 },
    ];
    return this.groups.select(groupId).map(({ id }) => ({ groupId: id, ...counters, buckets }));
  }

  modMeter(bridge: string, command: MeterCommand, meter: string): void {
    this.#bridge(bridge);
    this.meters.apply(command, meter);
  }

  listMeters(bridge: string, meterId?: number): MeterInfo[] {
    this.#bridge(bridge);
    return this.meters.select(meterId).map(({ id, text }) => ({ meterId: id, text }));
  }

  meterStats(bridge: string, meterId?: number): MeterStatsInfo[] {
    this.#bridge(bridge);
    const counters = { flows: 1, packets: 5, bytes: 300, durationSeconds: 2 };
    const bands = [{ packets: 1, bytes: 60 }];
    return this.meters.select(meterId).map(({ id }) => ({ meterId: id, ...counters, bands }));
  }

  listTables(bridge: string): TableInfo[] {
    this.#bridge(bridge);
    return this.tables;
  }

  setTable(bridge: string, tableId: number, change: TableChange): void {
    this.#bridge(bridge);
    const { flowLimit, ...rest } = change;
    Object.assign(this.tables[tableId]!, rest);
    if (flowLimit !== undefined) this.tables[tableId]!.flowLimit = flowLimit ?? undefined;
  }

  packetOut(bridge: string, text: string): void {
    this.#bridge(bridge);
    this.packetOuts.push(text);
  }

  trace(bridge: string, flow: string): TraceInfo {
    this.#bridge(bridge);
    if (flow.startsWith('bla')) throw new SwitchError('invalid-argument', 'unknown field bla');
    const report = { flow, finalFlow: 'unchanged', megaflow: 'recirc_id=0', datapathActions: 'drop' };
    return { text: `Flow: ${flow}\n\nbridge("${bridge}")\n`, ...report, dropReason: 'table-miss' };
  }

  listDatapathFlows(bridge: string, after: number): Page<DatapathFlowInfo> {
    if (bridge !== '') this.#bridge(bridge);
    return pageOf(this.datapathFlows, after, 1);
  }

  listEvents(after: number): EventPage {
    const events = this.events.filter(({ sequence }) => sequence > after).slice(0, 2);
    const next = events.at(-1)?.sequence ?? after;
    return { events, next, lost: Math.max(0, (events[0]?.sequence ?? after + 1) - after - 1) };
  }

  addFdb(bridge: string, port: string, vlan: number, mac: string): void {
    this.#bridge(bridge);
    this.fdb.push({ ofport: 1, portName: port, vlan, mac, ageSeconds: 0, static: true });
  }

  deleteFdb(_bridge: string, vlan: number, mac: string): void {
    const index = this.fdb.findIndex((entry) => entry.vlan === vlan && entry.mac === mac);
    if (index < 0) throw new SwitchError('not-found', 'could not find static mac entry');
    this.fdb.splice(index, 1);
  }

  flushFdb(): number {
    const statics = this.fdb.filter((entry) => entry.static);
    return this.fdb.splice(0, this.fdb.length, ...statics).length - statics.length;
  }

  listFdb(bridge: string, after: number) {
    this.#bridge(bridge);
    return { items: this.fdb.slice(after, after + 1), next: after + 1 < this.fdb.length ? after + 1 : 0 };
  }

  fdbStats(bridge: string) {
    this.#bridge(bridge);
    return { entries: this.fdb.length, maximum: 8192, learned: 3, expired: 1, evicted: 0, moved: 2 };
  }

  setBridge(name: string, change: Partial<Omit<BridgeSpec, 'name'>>): void {
    this.#bridge(name);
    this.bridges.set(name, { ...this.bridges.get(name)!, ...change });
  }

  datapathStats(): DatapathStats {
    const caches = {
      cacheHits: 2 ** 53 - 1,
      megaflowHits: 7,
      cacheMisses: 1,
      megaflows: 4,
      megaflowMasks: 2,
    };
    return { ...caches, packetIns: 3, lostEvents: 0, copies: 0 };
  }

  #openBundle(id: number): FakeBundle {
    const bundle = this.bundles.get(id);
    if (bundle === undefined) throw new SwitchError('not-found', `no bundle ${id}`);
    return bundle;
  }

  #bridge(name: string): void {
    if (!this.bridges.has(name)) throw new SwitchError('not-found', `no bridge named ${name}`);
  }
}
