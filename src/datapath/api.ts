// What: the commands that the control plane gives to the datapath, and the plain data that goes with them. Why:
// one typed list serves the Switch object (synchronous, in tests), the worker's command port (asynchronous, in the
// daemon) and the gRPC conversion. All values are structured-cloneable. Who: switch.ts implements it, worker.ts
// carries it, control calls it through client.ts.
// Each command either does all of what it says or throws SwitchError and changes nothing.

import type { DropReason } from './drop.ts';
import type { LinkState, PortType } from './port/port.ts';

export type FailMode = 'standalone' | 'secure';

export interface BridgeSpec {
  name: string;
  /** 16 hex digits. */
  datapathId: string;
  /** MAC address of the bridge, and of its internal port. */
  address: string;
  failMode: FailMode;
  /** OpenFlow versions that the bridge is to speak, for example `OpenFlow13`; kept and shown. */
  protocols: string[];
  /** Seconds after which an unheard MAC address is forgotten. */
  macAgeSeconds: number;
  /** Most MAC addresses that the bridge learns. */
  macTableSize: number;
}

export interface PortSpec {
  name: string;
  /** Undefined: detected by the device. */
  type?: PortType;
  /** OpenFlow port number 1..65279 (0xfeff); undefined: the lowest free one. 65534 is the internal port. */
  ofport?: number;
  /** MAC address for an internal device. */
  address?: string;
  /** Accept an absent device and attach when it appears. */
  allowMissing?: boolean;
}

/** Counters of a port, in frames and bytes, as seen from the switch. */
export interface PortStats {
  rxPackets: number;
  rxBytes: number;
  /** Lost in the kernel before the switch could read them. */
  rxDropped: number;
  rxErrors: number;
  txPackets: number;
  txBytes: number;
  txDropped: number;
  txErrors: number;
  /** Drops charged to this port, by reason; reasons that never happened are left out. */
  drops: Partial<Record<DropReason, number>>;
}

export interface PortInfo {
  bridge: string;
  name: string;
  type: PortType;
  ofport: number;
  link: LinkState;
  /** How the port may be used, as `mod-port` set it. */
  config: Required<PortConfig>;
  stats: PortStats;
}

/** Configuration of a port as `ovs-ofctl mod-port` changes it; in a change, undefined: as it is. */
export interface PortConfig {
  /** Nothing comes in or goes out. */
  down?: boolean;
  /** Floods leave the port out. */
  noFlood?: boolean;
  /** Nothing goes out. */
  noForward?: boolean;
  /** What comes in is dropped. */
  noReceive?: boolean;
  /** A frame that no flow matches makes no packet-in. */
  noPacketIn?: boolean;
}

export interface FlowInfo {
  tableId: number;
  priority: number;
  /** 64-bit cookie as 0x… text. */
  cookie: string;
  /** Match in ovs-ofctl syntax without priority, '' when it matches all. */
  match: string;
  /** Actions in ovs-ofctl syntax, `drop` when there are none. */
  actions: string;
  packets: number;
  bytes: number;
  /** Since the flow was added. */
  durationSeconds: number;
  /** Seconds; 0: none. */
  idleTimeout: number;
  hardTimeout: number;
  importance: number;
  /** Words such as `send_flow_rem`, in the order of a dump. */
  flags: string[];
  /** Whole seconds since a frame last matched, and since the flow was last modified. */
  idleAgeSeconds: number;
  hardAgeSeconds: number;
}

/** How parse-flow says a flow: in one of the protocols that Open vSwitch knows. */
export interface FlowForm {
  /**
   * Versions of OpenFlow to choose from, for example `OpenFlow13`; none: 1.0, and a later one where 1.0 cannot say the
   * flow.
   */
  versions: string[];
  /** Of other flows, their `usableProtocols`: the protocol has to be one that all of them have too. */
  within: string[];
}

/** Without a FlowForm all but `text` are ''. */
export interface ParsedFlow {
  /** For example `ADD table:3 priority=5,tcp actions=output:1`. */
  text: string;
  /** Protocols that can say the flow, and the flows of `within`, for example `NXM,OXM`. */
  usableProtocols: string;
  /** The one in which `text` says it, for example `NXM-table_id`. */
  chosenProtocol: string;
  /** What carries the flow there, for example `OFPT_FLOW_MOD (OF1.3)`. */
  messageName: string;
}

/** Which flows, and how they are to be written. */
export interface FlowQuery {
  /** A match, with `table`, `cookie=VALUE/MASK`, `out_port` and `out_group` as further filters; '' means all. */
  match: string;
  /** Only flows of exactly this match and priority. */
  strict?: boolean;
  /** Names of ports instead of their numbers. */
  names?: boolean;
}

/** A part of a dump, ready to print. */
export interface TextPage {
  text: string;
  /** As Page.next. */
  next: number;
}

/** What a flow text is to do. A delete takes all tables when the text names none, the others table 0. */
export type FlowModCommand = 'add' | 'modify' | 'modify_strict' | 'delete' | 'delete_strict';

/** How the lines of a bundle are to be read. */
export interface BundleOptions {
  /** Afterwards the bridge has exactly the flows of the bundle; one that is there already, unchanged, keeps its counters. */
  replaceFlows?: boolean;
  /**
   * What the lines are. `flows`: flows, each with an optional leading `add`, `modify`, `modify_strict`, `delete` or
   * `delete_strict` (`command` stands for the others). `groups`: groups, likewise. `bundle`: as `ovs-ofctl bundle`:
   * `flow …`, `group …`, `meter …`, `port …`, `packet-out …`.
   */
  lines: 'flows' | 'groups' | 'bundle';
  command?: FlowModCommand;
  /** Stands before the line number in errors, for example the name of the file. */
  source?: string;
}

export interface BundleResult {
  /** Lines that were carried out. */
  changes: number;
  /** Flows that were deleted: by the lines, for a group or meter that went, or as not among those of replaceFlows. */
  deletedFlows: number;
}

export type GroupCommand =
  | 'add'
  | 'modify'
  | 'add_or_modify'
  | 'delete'
  | 'insert_buckets'
  | 'remove_buckets';

export interface GroupInfo {
  groupId: number;
  /** The group as dump-groups prints it, without indentation. */
  text: string;
}

export interface GroupStatsInfo {
  groupId: number;
  durationSeconds: number;
  /** Flows and buckets that refer to the group. */
  references: number;
  packets: number;
  bytes: number;
  buckets: { packets: number; bytes: number }[];
}

export type MeterCommand = 'add' | 'modify' | 'delete';

export interface MeterInfo {
  meterId: number;
  /** The meter as dump-meters prints it. */
  text: string;
}

export interface MeterStatsInfo {
  meterId: number;
  /** Flows that refer to the meter. */
  flows: number;
  packets: number;
  bytes: number;
  durationSeconds: number;
  bands: { packets: number; bytes: number }[];
}

export interface TableInfo {
  tableId: number;
  name: string;
  activeFlows: number;
  /** Frames that were looked up in the table, and those for which a flow was found. */
  lookups: number;
  matched: number;
  /** Most flows; undefined: no limit. */
  flowLimit: number | undefined;
  overflow: 'refuse' | 'evict';
}

/** What setTable() changes; undefined: as it is. */
export interface TableChange {
  /** '': table0 and so on. */
  name?: string;
  /** null: no limit. A limit below the number of flows that are there evicts flows or refuses new ones, as `overflow` says. */
  flowLimit?: number | null;
  overflow?: 'refuse' | 'evict';
}

export interface AggregateInfo {
  packets: number;
  bytes: number;
  flows: number;
}

/** The way of a frame through the tables, as `ofproto/trace` shows it. */
export interface TraceInfo {
  /** The whole report. */
  text: string;
  flow: string;
  finalFlow: string;
  megaflow: string;
  datapathActions: string;
  /** Why nothing is sent; undefined when something is. */
  dropReason: DropReason | undefined;
}

export interface DatapathFlowInfo {
  /** Key and mask in the syntax of dpif/dump-flows. */
  flow: string;
  packets: number;
  bytes: number;
  /** Seconds since the last frame; undefined: never used. */
  usedSeconds: number | undefined;
  actions: string;
}

/** Why a flow is gone (ofp_flow_removed_reason). */
export type FlowRemovedReason =
  | 'idle_timeout'
  | 'hard_timeout'
  | 'delete'
  | 'group_delete'
  | 'meter_delete'
  | 'eviction';

/** What the switch tells the control plane of its own accord. */
export type SwitchEvent = { sequence: number; bridge: string; timeMs: number } & (
  | {
      kind: 'packet-in';
      reason: string;
      tableId: number;
      cookie: string;
      inPort: number;
      controllerId: number;
      /** Length of the frame; `data` may hold fewer bytes. */
      totalLength: number;
      data: Uint8Array;
      userdata: Uint8Array;
      /** Pipeline fields that are not zero, as match text. */
      metadata: string;
    }
  | { kind: 'flow-removed'; reason: FlowRemovedReason; flow: FlowInfo }
);

/** A part of the events that the switch keeps. */
export interface EventPage {
  events: SwitchEvent[];
  /** What to pass as `after` next time; the same again while nothing happened. */
  next: number;
  /** Events between `after` and the first of these that were given up for want of room. */
  lost: number;
}

/** A page of a long listing. `next` is 0 at the end, else the value to pass as `after` for the next page. */
export interface Page<T> {
  items: T[];
  next: number;
}

export interface FdbInfo {
  ofport: number;
  portName: string;
  vlan: number;
  mac: string;
  /** Whole seconds since the address was last seen; for a static entry 0. */
  ageSeconds: number;
  static: boolean;
}

export interface FdbStats {
  entries: number;
  maximum: number;
  learned: number;
  expired: number;
  evicted: number;
  moved: number;
}

export interface DatapathStats {
  /** Frames answered by the exact-match cache, by the megaflow cache, and frames that needed a translation. */
  cacheHits: number;
  megaflowHits: number;
  cacheMisses: number;
  /** Megaflows in the cache, and the masks among which they are spread. */
  megaflows: number;
  megaflowMasks: number;
  /** Frames of which a packet-in was made, and packet-ins and other events that nobody fetched in time. */
  packetIns: number;
  lostEvents: number;
  /** Uses of each frame beyond the first. rx + copies = tx + drops + packetIns, over all ports. */
  copies: number;
}

/** The synchronous command surface. `nowMs` of the last poll or command is the clock of all of them. */
export interface SwitchCommands {
  addBridge(spec: BridgeSpec): void;
  deleteBridge(name: string): void;
  setBridge(name: string, change: Partial<Omit<BridgeSpec, 'name'>>): void;
  listBridges(): BridgeSpec[];

  addPort(bridge: string, spec: PortSpec): PortInfo;
  /** Bridge undefined: wherever the port is. */
  deletePort(bridge: string | undefined, name: string): void;
  listPorts(bridge?: string): PortInfo[];

  /** Changes how a port is used. Throws SwitchError not-found. */
  modPort(bridge: string, port: string, config: PortConfig): void;

  /** Carries out one flow change given in ovs-ofctl syntax. Returns how many flows it added, modified or deleted. */
  modFlow(bridge: string, command: FlowModCommand, flow: string): number;
  /** Flows of the query by table and falling priority, a page at a time so that forwarding goes on in between. */
  listFlows(bridge: string, query: FlowQuery, after: number): Page<FlowInfo>;
  /** The same as the lines of dump-flows, for long dumps. `stats`: with counters. */
  dumpFlows(bridge: string, query: FlowQuery & { stats: boolean }, after: number): TextPage;
  aggregateFlows(bridge: string, query: FlowQuery): AggregateInfo;
  /**
   * The flow as ovs-ofctl parse-flow prints it in `form`; without, as it was written. Bridge '': knows no port names.
   * Throws SwitchError invalid-argument, also when no protocol of `form` can say the flow.
   */
  parseFlow(bridge: string, command: FlowModCommand, flow: string, form?: FlowForm): ParsedFlow;
  /**
   * The flows of a file as dumpFlows() would show them on the bridge without statistics, a line for each line that
   * holds a flow; for comparing files with bridges. Throws SwitchError that names `source` and line. Bridge '': knows no
   * port names.
   */
  normalizeFlows(bridge: string, lines: string[], firstLine: number, source: string): string;

  /** Opens a transaction: nothing happens before commitBundle(), and then all or nothing. Returns its number. */
  openBundle(bridge: string, options: BundleOptions): number;
  /**
   * Reads lines into the bundle; empty ones and those that start with # are counted but say nothing. Throws
   * SwitchError that names the line; the bundle is then gone.
   */
  addToBundle(bundle: number, lines: string[], firstLine: number): void;
  /** Throws SwitchError that names the line, and then nothing has changed. The bundle is gone either way. */
  commitBundle(bundle: number): BundleResult;
  /** Forgets a bundle; one that is gone already is no error. */
  discardBundle(bundle: number): void;

  /** A delete of no group in particular ('') deletes all. Flows that refer to a deleted group go with it. */
  modGroup(bridge: string, command: GroupCommand, group: string): void;
  /** undefined: all groups. */
  listGroups(bridge: string, groupId?: number): GroupInfo[];
  groupStats(bridge: string, groupId?: number): GroupStatsInfo[];
  /** As modGroup(): '' deletes all meters, and flows that use a deleted meter go with it. */
  modMeter(bridge: string, command: MeterCommand, meter: string): void;
  listMeters(bridge: string, meterId?: number): MeterInfo[];
  meterStats(bridge: string, meterId?: number): MeterStatsInfo[];

  listTables(bridge: string): TableInfo[];
  setTable(bridge: string, tableId: number, change: TableChange): void;

  /** Carries out actions on a frame: `in_port=PORT packet=HEX actions=…`. */
  packetOut(bridge: string, text: string): void;
  /** What frames of this flow (flow text, or `in_port=PORT HEX`) would meet. Changes nothing. */
  trace(bridge: string, flow: string): TraceInfo;
  /** The megaflows that the datapath has cached; bridge '': of all bridges. */
  listDatapathFlows(bridge: string, after: number): Page<DatapathFlowInfo>;
  /** Packet-ins and removed flows whose sequence is above `after`, oldest first; the switch keeps a bounded number. */
  listEvents(after: number): EventPage;

  addFdb(bridge: string, port: string, vlan: number, mac: string): void;
  deleteFdb(bridge: string, vlan: number, mac: string): void;
  /** Forgets learned addresses of the bridge (of one port when given); static ones stay. Returns how many. */
  flushFdb(bridge: string, port?: string): number;
  listFdb(bridge: string, after: number): Page<FdbInfo>;
  fdbStats(bridge: string): FdbStats;

  datapathStats(): DatapathStats;
}
