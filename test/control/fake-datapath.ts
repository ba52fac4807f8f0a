// What: a datapath for tests of the control plane: it keeps what it is told and forwards nothing. Why: these tests
// are about configuration, persistence and transport, and need no root. Who: test/control and test/cli.
// Invariant: like the real one, each command does all of what it says or throws SwitchError and changes nothing.

import type {
  BridgeSpec,
  DatapathClient,
  FdbInfo,
  FlowInfo,
  LinkState,
  PortInfo,
  PortSpec,
  PortStats,
} from '../../src/datapath/index.ts';
import { SwitchError } from '../../src/datapath/index.ts';

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

export class FakeDatapath {
  readonly bridges = new Map<string, BridgeSpec>();
  readonly ports: PortInfo[] = [];
  readonly flows: FlowInfo[] = [];
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
    const port: PortInfo = { bridge, name, type, ofport, link: UP, stats: { ...NO_TRAFFIC } };
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

  addFlow(bridge: string, flow: string): void {
    this.#bridge(bridge);
    const [match, actions] = flow.split(',actions=');
    if (actions === undefined) throw new SwitchError('invalid-argument', 'must specify an action');
    this.flows.push({ ...flowDefaults, match: match!, actions });
  }

  deleteFlows(bridge: string, match: string): number {
    this.#bridge(bridge);
    const kept = this.flows.filter((flow) => match !== '' && flow.match !== match);
    return this.flows.splice(0, this.flows.length, ...kept).length - kept.length;
  }

  listFlows(bridge: string, match: string, after: number) {
    this.#bridge(bridge);
    this.flowPages++;
    const covered = this.flows.filter((flow) => match === '' || flow.match === match);
    const end = after + FLOWS_IN_PAGE;
    return { items: covered.slice(after, end), next: end < covered.length ? end : 0 };
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

  datapathStats() {
    return { cacheHits: 2 ** 53 - 1, cacheMisses: 1, copies: 0 };
  }

  #bridge(name: string): void {
    if (!this.bridges.has(name)) throw new SwitchError('not-found', `no bridge named ${name}`);
  }
}

const flowDefaults = {
  tableId: 0,
  priority: 32768,
  cookie: '0x0',
  packets: 0,
  bytes: 0,
  durationSeconds: 0,
};
