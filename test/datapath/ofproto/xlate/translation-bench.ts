// What: TranslationBench, an Xlate over flow tables and groups given as text, with ports 1 to n and LOCAL. Why: tests of
// the translation need no bridge and no datapath. Who: tests of xlate, groups, learn, effects and trace.

import { isDeepStrictEqual } from 'node:util';
import { formatProgram } from '../../../../src/datapath/actions/format-program.ts';
import { isDrop, isSingleOutput, Programs } from '../../../../src/datapath/actions/verdict.ts';
import { Translation } from '../../../../src/datapath/dp/upcall.ts';
import { DROP_REASON_NAMES } from '../../../../src/datapath/drop.ts';
import { KEY_IN_PORT } from '../../../../src/datapath/flow/key.ts';
import { parseFlowKey } from '../../../../src/datapath/flow/key-text.ts';
import { OFPORT_LOCAL } from '../../../../src/datapath/flow/port-number.ts';
import { MaskShapes } from '../../../../src/datapath/ofproto/entries/compact-match.ts';
import type { FlowMod } from '../../../../src/datapath/ofproto/entries/flow-mod.ts';
import type { GroupEntry } from '../../../../src/datapath/ofproto/entries/group.ts';
import type { Rule } from '../../../../src/datapath/ofproto/entries/rule.ts';
import { RuleStats } from '../../../../src/datapath/ofproto/entries/rule-stats.ts';
import { Fdb } from '../../../../src/datapath/ofproto/tables/fdb.ts';
import { FlowTable } from '../../../../src/datapath/ofproto/tables/flow-table.ts';
import { parseFlowMod } from '../../../../src/datapath/ofproto/text/flow-text.ts';
import { parseGroupMod } from '../../../../src/datapath/ofproto/text/group-text.ts';
import { traceFlow } from '../../../../src/datapath/ofproto/xlate/trace.ts';
import { Xlate } from '../../../../src/datapath/ofproto/xlate/xlate.ts';
import type {
  PacketInSpec,
  XlateContext,
  XlatePort,
} from '../../../../src/datapath/ofproto/xlate/xlate-context.ts';

/** Datapath index of LOCAL, as Open vSwitch with dummy ports numbers it. */
export const LOCAL_INDEX = 100;

export interface BenchPort extends XlatePort {
  live: boolean;
  down: boolean;
  noFlood: boolean;
  noForward: boolean;
  noReceive: boolean;
}

export class TranslationBench implements XlateContext {
  readonly spec = { name: 'br0' };
  readonly bridgeName = 'br0';
  version = 1;
  readonly fdb = new Fdb(1000, 300_000);
  readonly programs = new Programs();
  readonly ruleStats = new RuleStats();
  readonly tableCounters = { lookups: new Float64Array(256), matched: new Float64Array(256) };
  readonly ports = new Map<number, BenchPort>();
  readonly learned: { mod: FlowMod; nowMs: number; limit: number }[] = [];
  readonly reduced: { rule: Rule; idle: number; hard: number }[] = [];
  readonly specs: PacketInSpec[] = [];
  readonly groups = new Map<number, GroupEntry>();
  readonly meters = new Map<number, number>();
  /** What mayLearn() answers. */
  learns = true;
  readonly xlate: Xlate;
  readonly out = new Translation();
  private readonly tables = new Map<number, FlowTable>();
  private readonly shapes = new MaskShapes();

  constructor(ports: number) {
    for (let ofport = 1; ofport <= ports; ofport++) this.addPort(ofport, `p${ofport}`, ofport);
    this.addPort(OFPORT_LOCAL, 'br0', LOCAL_INDEX);
    this.xlate = new Xlate(this);
  }

  readonly resolvePort = (name: string): number | undefined => {
    for (const port of this.ports.values()) if (port.name === name) return port.ofport;
    return undefined;
  };

  /** Adds flows, one a line. Returns the rule of the last one. */
  addFlows(text: string): Rule {
    let rule: Rule | undefined;
    for (const line of text.split('\n')) {
      const mod = parseFlowMod(line.trim(), 'add', this.resolvePort);
      let table = this.tables.get(mod.tableId);
      if (!table) {
        table = new FlowTable(mod.tableId, this.ruleStats, this.shapes);
        this.tables.set(mod.tableId, table);
      }
      rule = table.makeRule(mod, 0);
      table.insert(rule);
    }
    this.version++;
    this.xlate.changed();
    return rule!;
  }

  addGroup(text: string): GroupEntry {
    const { group } = parseGroupMod(text, 'add', this.resolvePort);
    const columns = group.buckets.length + 1;
    const entry = { group, packets: new Float64Array(columns), bytes: new Float64Array(columns) };
    this.groups.set(group.groupId, entry);
    return entry;
  }

  table(tableId: number): FlowTable | undefined {
    return this.tables.get(tableId);
  }

  group(groupId: number): GroupEntry | undefined {
    return this.groups.get(groupId);
  }

  meterIndex(meterId: number): number | undefined {
    return this.meters.get(meterId);
  }

  packetInNumber(spec: PacketInSpec): number {
    const known = this.specs.findIndex((other) => isDeepStrictEqual(other, spec));
    if (known >= 0) return known;
    this.specs.push(spec);
    return this.specs.length - 1;
  }

  mayLearn(): boolean {
    return this.learns;
  }

  learn(mod: FlowMod, nowMs: number, limit: number): void {
    this.learned.push({ mod, nowMs, limit });
  }

  reduceTimeouts(rule: Rule, idle: number, hard: number): void {
    this.reduced.push({ rule, idle, hard });
  }

  renewVersion(): void {
    this.version++;
    this.xlate.changed();
  }

  /** The key of a flow text such as `in_port=1,tcp`. */
  key(text: string): Int32Array {
    return parseFlowKey(text, this.resolvePort);
  }

  /** Translates, and says what comes of it: datapath actions as Open vSwitch writes them, or `drop(reason)`. */
  translate(flow: string | Int32Array, nowMs = 0): string {
    const key = typeof flow === 'string' ? this.key(flow) : flow;
    const ingress = this.ports.get(key[KEY_IN_PORT]! & 0xffff)?.index ?? -1;
    this.xlate.translate(key, 0, ingress, nowMs, this.out);
    const text = this.verdictText(key);
    this.programs.release(this.out.verdict);
    return text;
  }

  /** Translates, and gives the words of the program, or the verdict that needs none. */
  programOf(key: Int32Array): string {
    const ingress = this.ports.get(key[KEY_IN_PORT]! & 0xffff)?.index ?? -1;
    this.xlate.translate(key, 0, ingress, 0, this.out);
    const { verdict } = this.out;
    const words = isSingleOutput(verdict) ? String(verdict) : this.programs.of(verdict).join();
    this.programs.release(verdict);
    this.xlate.effects.release(this.out.effects);
    return words;
  }

  /** The text of the verdict in `out`. */
  verdictText(key: Int32Array): string {
    const { verdict } = this.out;
    if (isDrop(verdict)) return `drop(${DROP_REASON_NAMES[~verdict]})`;
    if (isSingleOutput(verdict)) return String(verdict);
    return formatProgram(
      this.programs.of(verdict),
      { portNumber: (i) => i, specText: () => 'packet-in' },
      key,
    );
  }

  trace(flow: string, nowMs = 0): string {
    return traceFlow(this, flow, nowMs).text;
  }

  private addPort(ofport: number, name: string, index: number): void {
    this.ports.set(ofport, {
      ofport,
      name,
      index,
      live: true,
      down: false,
      noFlood: false,
      noForward: false,
      noReceive: false,
      noPacketIn: false,
      isLive() {
        return this.live && !this.down;
      },
    });
  }
}
