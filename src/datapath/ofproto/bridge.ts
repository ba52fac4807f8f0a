// What: Bridge, one OpenFlow switch: its ports, its flow table and its MAC table, as the Pipeline that the datapath
// asks. Why: here the control plane's words (names, flow text) meet the fast path's numbers. Who: switch.ts owns
// bridges and gives them ports; dp/datapath.ts calls translate().
// Invariant: whatever changes the answer of translate(), other than the MAC table, changes `version` too.

import type { OutputLists } from '../actions/verdict.ts';
import type { BridgeSpec, FlowInfo, Page } from '../api.ts';
import type { FlowStats } from '../dp/flow-stats.ts';
import type { Pipeline, Translation } from '../dp/upcall.ts';
import { KEY_IN_PORT, KEY_MAC, KEY_TYPE_VLAN, KEY_WORDS, keyWordsOf } from '../flow/key.ts';
import { Match } from '../flow/match.ts';
import { OFPORT_MAX, type PortResolver } from '../flow/port-number.ts';
import type { Port } from '../port/port.ts';
import { Fdb } from './fdb.ts';
import { FlowTable } from './flow-table.ts';
import { describeRule, parseFlow, parseFlowFilter } from './flow-text.ts';
import { NORMAL_VLAN_MASK } from './normal.ts';
import { Xlate } from './xlate.ts';

/** A port as its bridge knows it. */
export interface BridgePort {
  readonly name: string;
  readonly ofport: number;
  readonly port: Port;
}

export class Bridge implements Pipeline {
  spec: BridgeSpec;
  readonly fdb: Fdb;
  /** By OpenFlow port number. */
  readonly ports = new Map<number, BridgePort>();
  version = 0;
  keyMask: Int32Array = new Int32Array(KEY_WORDS);
  keyWords = keyWordsOf(this.keyMask);
  readonly dependencyVersions: Int32Array;

  private readonly stats: FlowStats;
  private readonly nextVersion: () => number;
  private readonly portIndices = new Map<number, number>();
  private readonly xlate: Xlate;
  private readonly table: FlowTable;

  /** `nextVersion` gives a number that no bridge has had. */
  constructor(
    spec: BridgeSpec,
    stats: FlowStats,
    lists: OutputLists,
    nextVersion: () => number,
    nowMs: number,
  ) {
    this.spec = spec;
    this.stats = stats;
    this.nextVersion = nextVersion;
    this.fdb = new Fdb(spec.macTableSize, spec.macAgeSeconds * 1000);
    this.dependencyVersions = this.fdb.bucketVersions;
    this.xlate = new Xlate(this.fdb, this.portIndices, lists);
    this.table = new FlowTable(stats);
    this.resetFlows(nowMs);
  }

  get lastUsedMs(): Float64Array {
    return this.fdb.lastUsedMs;
  }

  translate(key: Int32Array, at: number, ingress: number, nowMs: number, out: Translation): void {
    const rule = this.table.lookup(key, at);
    this.xlate.translate(rule, key, at, key[at + KEY_IN_PORT]!, ingress, nowMs, out);
  }

  /** Takes in a port that the datapath knows as `index`. */
  addPort(port: BridgePort, index: number): void {
    this.ports.set(port.ofport, port);
    this.portIndices.set(port.ofport, index);
    this.changed();
  }

  removePort(ofport: number): void {
    this.ports.delete(ofport);
    this.portIndices.delete(ofport);
    this.fdb.forgetPort(ofport);
    this.changed();
  }

  /** The lowest number that no port has. */
  freeOfport(): number | undefined {
    for (let ofport = 1; ofport <= OFPORT_MAX; ofport++) if (!this.ports.has(ofport)) return ofport;
    return undefined;
  }

  /** Deletes all flows; a standalone bridge gets its one flow, NORMAL. */
  resetFlows(nowMs: number): void {
    this.table.delete({ covers: () => true });
    if (this.spec.failMode === 'standalone') {
      this.table.add({ match: new Match(), priority: 0, cookie: 0n, actions: [{ type: 'normal' }] }, nowMs);
    }
    this.changed();
  }

  /** Adds or replaces a flow. Throws SwitchError invalid-argument. */
  addFlow(text: string, nowMs: number): void {
    this.table.add(parseFlow(text, this.resolvePort), nowMs);
    this.changed();
  }

  /** Deletes the flows that the text covers and returns how many. Throws SwitchError invalid-argument. */
  deleteFlows(text: string): number {
    const deleted = this.table.delete(parseFlowFilter(text, this.resolvePort));
    if (deleted > 0) this.changed();
    return deleted;
  }

  /** A page of the flows that the text covers. Throws SwitchError invalid-argument. */
  listFlows(text: string, after: number, limit: number, nowMs: number): Page<FlowInfo> {
    const { rules, next } = this.table.list(parseFlowFilter(text, this.resolvePort), after, limit);
    const { packets, bytes } = this.stats;
    const items = rules.map((r) => describeRule(r, packets[r.statsSlot]!, bytes[r.statsSlot]!, nowMs));
    return { items, next };
  }

  /** Gives all that the bridge holds elsewhere back. */
  close(): void {
    this.table.delete({ covers: () => true });
    this.xlate.reset();
  }

  private readonly resolvePort: PortResolver = (name) => {
    for (const port of this.ports.values()) if (port.name === name) return port.ofport;
    return undefined;
  };

  /** Makes every cached translation stale. */
  private changed(): void {
    this.version = this.nextVersion();
    this.xlate.reset();
    const mask = this.table.keyMask.slice();
    // Output to the ingress port is special in most actions, so what is decided always depends on it.
    mask[KEY_IN_PORT] = 0xffff;
    if (this.table.usesNormal) {
      mask.fill(-1, KEY_MAC, KEY_TYPE_VLAN);
      mask[KEY_TYPE_VLAN] = mask[KEY_TYPE_VLAN]! | NORMAL_VLAN_MASK;
    }
    this.keyMask = mask;
    this.keyWords = keyWordsOf(mask);
  }
}
