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
  stats: PortStats;
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
  /** Frames answered by the exact-match cache, and frames that needed a translation. */
  cacheHits: number;
  cacheMisses: number;
  /** Frames sent beyond the first copy of each frame. rx = tx − copies + drops, over all ports. */
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

  /** Adds or replaces (same match, same priority) the flow given in ovs-ofctl syntax. */
  addFlow(bridge: string, flow: string): void;
  /** Deletes the flows that the given match covers (loose, as ovs-ofctl del-flows); '' deletes all. Returns how many. */
  deleteFlows(bridge: string, match: string): number;
  /** Flows covered by `match`, by falling priority, a page at a time so that forwarding goes on in between. */
  listFlows(bridge: string, match: string, after: number): Page<FlowInfo>;

  addFdb(bridge: string, port: string, vlan: number, mac: string): void;
  deleteFdb(bridge: string, vlan: number, mac: string): void;
  /** Forgets learned addresses of the bridge (of one port when given); static ones stay. Returns how many. */
  flushFdb(bridge: string, port?: string): number;
  listFdb(bridge: string, after: number): Page<FdbInfo>;
  fdbStats(bridge: string): FdbStats;

  datapathStats(): DatapathStats;
}
