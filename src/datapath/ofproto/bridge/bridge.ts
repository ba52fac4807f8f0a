// What: Bridge, one OpenFlow switch: ports, flow tables, groups, meters and the MAC table, as the Pipeline that the
// datapath asks. Why: here what the control plane changes and what the fast path asks meet. Who: switch.ts owns bridges
// and gives them ports; dp/datapath.ts calls the methods of Pipeline; commands change it through transact().
// Invariants: whatever changes the answer of translate(), other than the MAC table, gives a new `version` before the
// next frame is looked at; a transaction is carried out wholly or not at all.

import type { Programs } from '../../actions/verdict.ts';
import type { BridgeSpec, FlowRemovedReason } from '../../api.ts';
import type { Meters } from '../../dp/meters.ts';
import type { Pipeline, Translation } from '../../dp/upcall.ts';
import { KEY_IN_PORT, KEY_WORDS } from '../../flow/key.ts';
import { Match } from '../../flow/match.ts';
import { OFPORT_MAX, type PortResolver, parsePort } from '../../flow/port-number.ts';
import type { Rule } from '../entries/rule.ts';
import { Fdb } from '../tables/fdb.ts';
import { FlowTables, filterByCookie } from '../tables/flow-tables.ts';
import { GroupTable } from '../tables/group-table.ts';
import { MeterTable } from '../tables/meter-table.ts';
import { growKeyMask, Xlate } from '../xlate/xlate.ts';
import type { PacketInSpec } from '../xlate/xlate-context.ts';
import { BridgeContext } from './bridge-context.ts';
import type { BridgePort } from './bridge-port.ts';
import type { NewEvent } from './events.ts';
import { FlowChange, OPENFLOW10 } from './flow-change.ts';
import { FlowListing } from './flow-listing.ts';
import { Transaction } from './transaction.ts';

/** What a bridge needs of the switch around it. */
export interface BridgeHost {
  readonly programs: Programs;
  readonly meters: Meters;
  /** The time in ms, in its only element. */
  readonly clock: Float64Array;
  /** A version that no bridge has had. */
  nextVersion(): number;
  /** Makes the datapath push the counts that it holds back. */
  flushCredits(): void;
  event(event: NewEvent): void;
}

/** Least time between two attempts to look at fewer key bits: new masks cost the datapath some work. */
const SHRINK_INTERVAL_MS = 10_000;

export class Bridge implements Pipeline {
  spec: BridgeSpec;
  readonly fdb: Fdb;
  readonly tables = new FlowTables();
  readonly groups = new GroupTable();
  readonly meters: MeterTable;
  readonly flows: FlowChange;
  readonly listing: FlowListing;
  readonly xlate: Xlate;
  /** By OpenFlow port number, in rising order. */
  readonly ports = new Map<number, BridgePort>();
  version = 0;
  keyMask = leastKeyMask();
  readonly dependencyVersions: Int32Array;
  /** Flows that could not be learned, since their table was full or refused them. */
  learnFailures = 0;

  private readonly host: BridgeHost;
  private readonly context: BridgeContext;
  private nowMs: number;
  private shrunkMs: number;

  constructor(spec: BridgeSpec, host: BridgeHost, nowMs: number) {
    this.spec = spec;
    this.host = host;
    this.nowMs = nowMs;
    this.shrunkMs = nowMs;
    this.fdb = new Fdb(spec.macTableSize, spec.macAgeSeconds * 1000);
    this.dependencyVersions = this.fdb.bucketVersions;
    this.meters = new MeterTable(host.meters);
    this.flows = new FlowChange(this.tables, this.groups, this.meters, (rule, reason) =>
      this.flowRemoved(rule, reason),
    );
    this.listing = new FlowListing(this.tables, this.resolvePort, this.portName);
    this.context = new BridgeContext(this, host.programs);
    this.xlate = new Xlate(this.context);
    this.renewVersion();
    this.resetFlows(nowMs);
  }

  get lastUsedMs(): Float64Array {
    return this.fdb.lastUsedMs;
  }

  translate(key: Int32Array, at: number, ingress: number, nowMs: number, out: Translation): void {
    const { version } = this;
    this.xlate.translate(key, at, ingress, nowMs, out);
    // What was looked up before the translation itself changed the tables may no longer be there.
    if (this.version !== version) out.cacheable = false;
    this.coverWithKeyMask(out.mask);
  }

  credit(effects: number, packets: number, bytes: number, usedMs: number): void {
    this.xlate.effects.credit(effects, packets, bytes, usedMs);
  }

  release(effects: number): void {
    this.xlate.effects.release(effects);
  }

  packetIn(
    spec: number,
    inPort: number,
    view: DataView,
    offset: number,
    length: number,
    maxLength: number,
  ): void {
    const known = this.context.packetIns.get(spec);
    if (!known) return;
    const kept = Math.min(length, maxLength);
    this.host.event({
      kind: 'packet-in',
      bridge: this.spec.name,
      timeMs: this.host.clock[0]!,
      reason: known.reason,
      tableId: known.tableId,
      cookie: `0x${known.cookie.toString(16)}`,
      inPort,
      controllerId: known.controllerId,
      totalLength: length,
      data: new Uint8Array(view.buffer, view.byteOffset + offset, kept).slice(),
      userdata: known.userdata ?? new Uint8Array(),
      metadata: known.metadata,
    });
  }

  /** What goes with the packet-ins of a program. */
  packetInSpec(spec: number): PacketInSpec | undefined {
    return this.context.packetIns.get(spec);
  }

  /**
   * Carries changes out, all of them or none; what `body` throws is thrown on. Afterwards no frame sees the old state.
   * The counts of all flows are exact when `body` runs, unless it `onlyAdds`: then nothing is lost with a flow.
   */
  transact<T>(nowMs: number, body: (transaction: Transaction) => T, onlyAdds = false): T {
    if (!onlyAdds) this.host.flushCredits();
    return this.change(nowMs, body);
  }

  /** The same, for changes that frames make: what the datapath holds back stays there. */
  change<T>(nowMs: number, body: (transaction: Transaction) => T): T {
    this.nowMs = nowMs;
    const transaction = new Transaction(this, nowMs);
    let result: T;
    try {
      result = body(transaction);
    } catch (error) {
      transaction.rollback();
      throw error;
    }
    transaction.commit();
    if (transaction.deletedFlows > 0) this.shrinkKeyMask();
    this.renewVersion();
    return result;
  }

  /** Takes in a port that is in the datapath. */
  addPort(port: BridgePort): void {
    this.ports.set(port.ofport, port);
    const sorted = [...this.ports.values()].sort((a, b) => a.ofport - b.ofport);
    this.ports.clear();
    for (const each of sorted) this.ports.set(each.ofport, each);
    this.renewVersion();
  }

  removePort(ofport: number): void {
    this.ports.delete(ofport);
    this.fdb.forgetPort(ofport);
    this.renewVersion();
  }

  /** Some link came up or went down, perhaps one of ours. */
  linksChanged(): void {
    let changed = false;
    for (const port of this.ports.values()) {
      const isLive = port.isLive();
      if (isLive === port.wasLive) continue;
      port.wasLive = isLive;
      changed = true;
    }
    if (changed) this.renewVersion();
  }

  /** The lowest number that no port has. */
  freeOfport(): number | undefined {
    for (let ofport = 1; ofport <= OFPORT_MAX; ofport++) if (!this.ports.has(ofport)) return ofport;
    return undefined;
  }

  /** The port that text names: by name, by number, or as LOCAL. */
  findPort(text: string): BridgePort | undefined {
    const ofport = parsePort(text, this.resolvePort);
    return ofport === undefined ? undefined : this.ports.get(ofport);
  }

  readonly resolvePort: PortResolver = (name) => {
    for (const port of this.ports.values()) if (port.name === name) return port.ofport;
    return undefined;
  };

  readonly portName = (ofport: number): string | undefined => this.ports.get(ofport)?.name;

  /** Deletes all flows; a standalone bridge gets its one flow, NORMAL. Nobody is told of the flows that go. */
  resetFlows(nowMs: number): void {
    this.transact(nowMs, (transaction) => {
      for (const rule of this.tables.all()) transaction.dropFlow(rule);
      if (this.spec.failMode !== 'standalone') return;
      const normal = {
        ...filterByCookie(0, 0n, 0n),
        match: new Match(),
        actions: [{ type: 'normal' as const }],
      };
      transaction.flow({ ...normal, command: 'add' }, OPENFLOW10);
    });
    this.keyMask = leastKeyMask();
  }

  /** Whether expire() at that time would have work to do. */
  isExpiryDue(nowMs: number): boolean {
    return this.tables.timeouts.isDue(nowMs);
  }

  /** Removes flows whose time is over, a bounded number; counts must have been pushed at nowMs or later. False: there are more. */
  expire(nowMs: number): boolean {
    if (!this.isExpiryDue(nowMs)) return true;
    this.nowMs = nowMs;
    const transaction = new Transaction(this, nowMs);
    const done = this.tables.timeouts.sweep(nowMs, (rule, reason) => transaction.deleteFlows([rule], reason));
    transaction.commit();
    if (transaction.deletedFlows > 0) this.renewVersion();
    return done;
  }

  /** Makes every cached translation stale. */
  renewVersion(): void {
    this.version = this.host.nextVersion();
    this.context.packetIns.versionChanged();
    this.xlate.changed();
  }

  /** Gives all that the bridge holds elsewhere back. */
  close(nowMs: number): void {
    this.transact(nowMs, (transaction) => {
      for (const rule of this.tables.all()) transaction.dropFlow(rule);
      transaction.meter({ command: 'delete', meterId: 'all' });
    });
  }

  private flowRemoved(rule: Rule, reason: FlowRemovedReason): void {
    const flow = this.listing.describe(rule, this.nowMs);
    this.host.event({ kind: 'flow-removed', bridge: this.spec.name, timeMs: this.nowMs, reason, flow });
  }

  /** The datapath tells masks apart by identity, so one with more bits is another array. */
  private coverWithKeyMask(mask: Int32Array): void {
    const { keyMask } = this;
    let missing = 0;
    for (let i = 0; i < KEY_WORDS; i++) missing |= mask[i]! & ~keyMask[i]!;
    if (missing === 0) return;
    const larger = keyMask.slice();
    growKeyMask(larger, mask);
    this.keyMask = larger;
  }

  /** Bits that only deleted flows looked at go; those that are still looked at come back with the next translations. */
  private shrinkKeyMask(): void {
    if (this.nowMs - this.shrunkMs < SHRINK_INTERVAL_MS) return;
    this.shrunkMs = this.nowMs;
    this.keyMask = leastKeyMask();
  }
}

/** Output to the ingress port is special in most actions, so what is decided always depends on it. */
function leastKeyMask(): Int32Array {
  const mask = new Int32Array(KEY_WORDS);
  mask[KEY_IN_PORT] = 0xffff;
  return mask;
}
