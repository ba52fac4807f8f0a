// What: the bridges and ports of the switch, as the operator wants them. Why: what the datapath does and what is on
// disk must never disagree. Who: the gRPC services change it; it drives the datapath and the store.
// Invariants: changes happen one at a time; when a change fails at any step, datapath and file are as before; every
// stored port is either in the datapath or in `unopened` with the reason.

import type {
  BridgeSpec,
  DatapathClient,
  LinkState,
  PortInfo,
  PortSpec,
  PortStats,
  PortType,
} from '../datapath/index.ts';
import { SwitchError } from '../datapath/index.ts';
import { type BridgeRequest, bridgeSpec, checkName, DEFAULT_BRIDGE, MAX_OFPORT } from './bridge-settings.ts';
import { emptyState, type Store, type StoredBridge, type StoredPort, type StoredState } from './store.ts';

export interface PortRequest {
  bridge: string;
  name: string;
  type?: PortType;
  /** Undefined: the lowest free one. */
  ofport?: number;
}

export class SwitchConfiguration {
  readonly #datapath: DatapathClient;
  readonly #store: Store;
  #state: StoredState = emptyState();
  /** Ports whose device could not be opened, by name. */
  readonly #unopened = new Map<string, PortInfo>();
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(datapath: DatapathClient, store: Store) {
    this.#datapath = datapath;
    this.#store = store;
  }

  /** Builds what the store holds, br0 when it holds nothing; returns notices for the operator. Throws SwitchError. */
  async restore(): Promise<string[]> {
    const { state, notices } = await this.#store.load();
    if (state === undefined) {
      const spec = bridgeSpec({
        name: DEFAULT_BRIDGE,
        datapathId: '',
        failMode: 'standalone',
        protocols: [],
      });
      this.#state.bridges = [{ spec, ports: [] }];
      await this.#store.save(this.#state);
    } else {
      this.#state = state;
    }
    for (const bridge of this.#state.bridges) {
      await this.#datapath.addBridge(bridge.spec);
      for (const port of bridge.ports) await this.#reopenPort(bridge.spec.name, port);
    }
    const unopened = [...this.#unopened.values()].map(({ name, link }) => `Port ${name}: ${link.error}`);
    return [...notices, ...unopened];
  }

  get systemUuid(): string {
    return this.#state.systemUuid;
  }

  /** By name. */
  bridges(): BridgeSpec[] {
    return this.#state.bridges.map(({ spec }) => spec).sort(byName);
  }

  /** Ports without local ports. */
  get portCount(): number {
    return this.#state.bridges.reduce((sum, { ports }) => sum + ports.length, 0);
  }

  /** Ports of one bridge or of all, local ports with them, by name. Throws SwitchError not-found. */
  async ports(bridge?: string): Promise<PortInfo[]> {
    if (bridge !== undefined) this.#bridge(bridge);
    const open = await this.#datapath.listPorts(bridge);
    const unopened = [...this.#unopened.values()].filter((port) => (bridge ?? port.bridge) === port.bridge);
    return [...open, ...unopened].sort(byName);
  }

  /** Adds a bridge; its local port comes with it. */
  addBridge(request: BridgeRequest, mayExist: boolean): Promise<BridgeSpec> {
    return this.#change(async () => {
      const existing = this.#findBridge(request.name);
      if (existing !== undefined && mayExist) return existing.spec;
      this.#refuseTakenName('bridge', request.name);
      const spec = bridgeSpec(request);
      await this.#datapath.addBridge(spec);
      await this.#persist([...this.#state.bridges, { spec, ports: [] }], () =>
        this.#datapath.deleteBridge(spec.name),
      );
      return spec;
    });
  }

  /** Deletes a bridge with all of its ports. Writes first: a deletion hardly fails, a write may. */
  deleteBridge(name: string, ifExists: boolean): Promise<void> {
    return this.#change(async () => {
      if (ifExists && this.#findBridge(name) === undefined) return;
      const { ports } = this.#bridge(name);
      const before = this.#state.bridges;
      await this.#persist(before.filter((bridge) => bridge.spec.name !== name));
      await this.#orPersist(before, () => this.#datapath.deleteBridge(name));
      for (const port of ports) this.#unopened.delete(port.name);
    });
  }

  /** Adds a port. Throws SwitchError not-found, already-exists, and whatever the device brings. */
  addPort(request: PortRequest, mayExist: boolean): Promise<PortInfo> {
    return this.#change(async () => {
      const { bridge, name } = request;
      const { spec, ports } = this.#bridge(bridge);
      checkName('port', name);
      if (mayExist && this.#findPort(name) !== undefined) return this.#existingPort(bridge, name);
      this.#refuseTakenName('port', name);
      const ofport = chooseOfport(spec.name, ports, request.ofport);
      const wanted: PortSpec =
        request.type === undefined ? { name, ofport } : { name, ofport, type: request.type };
      const port = await this.#datapath.addPort(bridge, wanted);
      const stored = { name, type: port.type, ofport: port.ofport };
      await this.#persist(this.#withPorts(bridge, [...ports, stored]), () =>
        this.#datapath.deletePort(bridge, name),
      );
      return port;
    });
  }

  /** Deletes a port; `bridge` undefined: wherever it is. Writes first, as deleteBridge does. */
  deletePort(bridge: string | undefined, name: string, ifExists: boolean): Promise<void> {
    return this.#change(async () => {
      if (bridge !== undefined) this.#bridge(bridge);
      if (this.#findBridge(name) !== undefined) {
        throw new SwitchError(
          'failed-precondition',
          `cannot delete port ${name} because it is the local port for bridge ${name} (deleting this port requires ` +
            'deleting the entire bridge)',
        );
      }
      const owner = this.#findPort(name);
      if (owner === undefined) {
        if (ifExists) return;
        throw new SwitchError('not-found', `no port named ${name}`);
      }
      const ownerName = owner.spec.name;
      if (bridge !== undefined && bridge !== ownerName) {
        throw new SwitchError(
          'not-found',
          `bridge ${bridge} does not have a port ${name}: it is on ${ownerName}`,
        );
      }
      const before = this.#state.bridges;
      await this.#persist(
        this.#withPorts(
          ownerName,
          owner.ports.filter((port) => port.name !== name),
        ),
      );
      if (this.#unopened.delete(name)) return;
      await this.#orPersist(before, () => this.#datapath.deletePort(ownerName, name));
    });
  }

  /** Changes wait for each other, so each sees the state that the last one left. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastChange.then(work);
    this.#lastChange = result.catch(() => {});
    return result;
  }

  /** Writes `bridges` and makes them the state; when that fails runs `undo` and throws. */
  async #persist(bridges: StoredBridge[], undo?: () => Promise<unknown>): Promise<void> {
    const next = { ...this.#state, bridges };
    try {
      await this.#store.save(next);
    } catch (error) {
      await undo?.();
      throw error;
    }
    this.#state = next;
  }

  /** Runs `work`; when it fails makes `before` the state again and throws. */
  async #orPersist(before: StoredBridge[], work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.#persist(before);
      throw error;
    }
  }

  #withPorts(bridge: string, ports: StoredPort[]): StoredBridge[] {
    return this.#state.bridges.map((old) => (old.spec.name === bridge ? { ...old, ports } : old));
  }

  #findBridge(name: string): StoredBridge | undefined {
    return this.#state.bridges.find(({ spec }) => spec.name === name);
  }

  #bridge(name: string): StoredBridge {
    const bridge = this.#findBridge(name);
    if (bridge === undefined) throw new SwitchError('not-found', `no bridge named ${name}`);
    return bridge;
  }

  /** The bridge that has this port; local ports are not found. */
  #findPort(name: string): StoredBridge | undefined {
    return this.#state.bridges.find(({ ports }) => ports.some((port) => port.name === name));
  }

  /** Throws when a bridge or a port, on whatever bridge, has the name: both would be the same device. */
  #refuseTakenName(kind: 'bridge' | 'port', name: string): void {
    const owner = this.#findPort(name);
    if (this.#findBridge(name) === undefined && owner === undefined) return;
    const holder = owner ? `a port named ${name} already exists on bridge ${owner.spec.name}` : undefined;
    throw new SwitchError(
      'already-exists',
      `cannot create a ${kind} named ${name} because ${holder ?? `a bridge named ${name} already exists`}`,
    );
  }

  async #existingPort(bridge: string, name: string): Promise<PortInfo> {
    const found = (await this.ports()).find((port) => port.name === name);
    if (found?.bridge === bridge) return found;
    throw new SwitchError(
      'already-exists',
      `"--may-exist add-port ${bridge} ${name}" but ${name} is actually attached to bridge ${found?.bridge}`,
    );
  }

  /** Opens a port that belongs to the configuration whatever its device says now. */
  async #reopenPort(bridge: string, stored: StoredPort): Promise<void> {
    try {
      await this.#datapath.addPort(bridge, { ...stored, allowMissing: true });
    } catch (error) {
      if (!(error instanceof SwitchError)) throw error;
      const link = { ...NO_LINK, error: error.message };
      this.#unopened.set(stored.name, { bridge, ...stored, link, config: ALL_ALLOWED, stats: NO_TRAFFIC });
    }
  }
}

const NO_LINK: LinkState = {
  attached: false,
  adminUp: false,
  up: false,
  address: '',
  mtu: 0,
  ifindex: 0,
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

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** The number asked for, or the lowest free one. Ports that could not be opened keep theirs. */
function chooseOfport(bridge: string, ports: StoredPort[], wanted: number | undefined): number {
  const taken = new Map(ports.map((port) => [port.ofport, port.name]));
  if (wanted !== undefined) {
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > MAX_OFPORT) {
      throw new SwitchError('invalid-argument', `${wanted} is no port number: use 1 to ${MAX_OFPORT}.`);
    }
    const holder = taken.get(wanted);
    if (holder === undefined) return wanted;
    throw new SwitchError('already-exists', `port number ${wanted} on bridge ${bridge} belongs to ${holder}`);
  }
  for (let ofport = 1; ofport <= MAX_OFPORT; ofport++) if (!taken.has(ofport)) return ofport;
  throw new SwitchError('resource-exhausted', `bridge ${bridge} has no free port number`);
}
