// What: Bundle, lines of flows, groups, meters, port changes and packet-outs that wait to be carried out as one. Why: reading a
// hundred thousand lines goes on in slices while frames are forwarded; only the commit is one piece of work. Who:
// bundles.ts keeps those that are open, by number.
// Nothing happens to the bridge before commit(). A flow to be added is kept as the rule that it will be, which is a
// tenth of what was read; a bundle that is not committed must be discarded, to give the rules back.

import type { BundleOptions, BundleResult, PortConfig } from '../../api.ts';
import { SwitchError } from '../../errors.ts';
import { Match } from '../../flow/match.ts';
import { syntaxError } from '../../flow/syntax.ts';
import type { FlowMod } from '../entries/flow-mod.ts';
import type { GroupMod } from '../entries/group.ts';
import { Rule } from '../entries/rule.ts';
import { type MeterChange, parseMeterChange } from '../tables/meter-table.ts';
import {
  located,
  readFlowCommand,
  readGroupCommand,
  readKind,
  readMeterCommand,
  readPortName,
  readRest,
  withoutComment,
} from '../text/bundle-line.ts';
import { parseFlowMod } from '../text/flow-text.ts';
import { parseGroupMod } from '../text/group-text.ts';
import { type PacketOut, parsePacketOut } from '../text/packet-out-text.ts';
import { parsePortConfig } from '../text/port-config-text.ts';
import type { Bridge } from './bridge.ts';
import type { BridgePort } from './bridge-port.ts';
import { type FlowModDialect, OPENFLOW10, OPENFLOW12 } from './flow-change.ts';
import { StagedFlows } from './staged-flows.ts';
import type { Transaction } from './transaction.ts';

/** Bounds what one bundle can take of the memory. */
const MAX_STEPS = 4_000_000;
/** Fewer steps take hardly longer to carry out than to prepare. */
const STAGED_FROM = 2_000;

/** What a line is to do. A rule, which most lines are, is to be added. */
type Step =
  | Rule
  | { kind: 'flow'; mod: FlowMod }
  | { kind: 'group'; mod: GroupMod }
  | { kind: 'meter'; change: MeterChange }
  | { kind: 'port'; port: BridgePort; config: PortConfig }
  | { kind: 'packet-out'; packet: PacketOut };

/** The match of the flow that is read now. */
const readMatch = new Match();

export class Bundle {
  readonly bridge: Bridge;
  private readonly options: BundleOptions;
  private readonly dialect: FlowModDialect;
  private steps: Step[] = [];
  /** The number of the line of each step. */
  private lines: number[] = [];
  /** The steps in tables of their own, when they are many and all of them are rules. */
  private staged: StagedFlows | undefined;
  private mayStage: boolean;
  /** The line that is being carried out, for errors; 0: none. */
  private line = 0;

  constructor(bridge: Bridge, options: BundleOptions) {
    this.bridge = bridge;
    this.options = options;
    this.mayStage = options.replaceFlows !== true;
    this.dialect = options.lines === 'bundle' ? OPENFLOW12 : OPENFLOW10;
  }

  /** Reads lines. Throws SwitchError that names the line. */
  add(lines: readonly string[], firstLine: number, nowMs: number): void {
    for (const [i, written] of lines.entries()) {
      const text = withoutComment(written);
      if (text.trim() === '') continue;
      const line = firstLine + i;
      try {
        if (this.steps.length >= MAX_STEPS) {
          throw new SwitchError('resource-exhausted', `A bundle has up to ${MAX_STEPS} lines: use several.`);
        }
        this.steps.push(this.read(text, nowMs));
        this.lines.push(line);
        this.stage();
      } catch (error) {
        throw located(error, this.options.source, line);
      }
    }
  }

  /**
   * Carries all lines out, or none, and then hands its packet-outs to `send`. Throws SwitchError that names the line.
   * Either way the bundle is empty then.
   */
  commit(nowMs: number, send: (packet: PacketOut) => void): BundleResult {
    const changes = this.steps.length;
    const packets: PacketOut[] = [];
    for (const step of this.steps) {
      if (!(step instanceof Rule) && step.kind === 'packet-out') packets.push(step.packet);
    }
    const { deletedFlows } = this.transact(nowMs);
    for (const packet of packets) send(packet);
    return { changes, deletedFlows };
  }

  private transact(nowMs: number): Transaction {
    try {
      return this.bridge.transact(nowMs, (running) => {
        if (this.options.replaceFlows) this.replaceFlows(running);
        else this.carryOutAll(running);
        // What was added belongs to the tables now.
        this.forgetSteps();
        return running;
      });
    } catch (error) {
      throw this.line === 0 ? error : located(error, this.options.source, this.line);
    } finally {
      this.discard();
    }
  }

  /** Gives back what was read. */
  discard(): void {
    for (const step of this.steps) if (step instanceof Rule) this.bridge.tables.forget(step);
    this.forgetSteps();
  }

  private forgetSteps(): void {
    this.steps = [];
    this.lines = [];
    this.staged = undefined;
  }

  /** Stages the last step, or the first time all so far. */
  private stage(): void {
    const { steps } = this;
    if (!this.mayStage || steps.length < STAGED_FROM) return;
    const from = this.staged ? steps.length - 1 : 0;
    this.staged ??= new StagedFlows(this.bridge.tables);
    for (let i = from; i < steps.length && this.mayStage; i++) {
      const step = steps[i]!;
      this.mayStage = step instanceof Rule && this.staged.add(step);
    }
    if (!this.mayStage) this.staged = undefined;
  }

  private carryOutAll(transaction: Transaction): void {
    const { steps, lines, dialect, staged } = this;
    if (staged && transaction.load(staged, dialect)) return;
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!;
      this.line = lines[i]!;
      if (step instanceof Rule) transaction.rule(step, dialect);
      else this.carryOut(step, transaction);
    }
  }

  private carryOut(step: Exclude<Step, Rule>, transaction: Transaction): void {
    switch (step.kind) {
      case 'flow':
        transaction.flow(step.mod, this.dialect);
        return;
      case 'group':
        transaction.group(step.mod);
        return;
      case 'meter':
        transaction.meter(step.change);
        return;
      case 'port':
        transaction.port(step.port, step.config);
        return;
      case 'packet-out':
        // It is sent when all went well; what it names must be there by now.
        this.bridge.flows.checkReferences(step.packet.actions);
        return;
      default:
        step satisfies never;
    }
  }

  /** As `ovs-ofctl replace-flows`: what is not in the bundle goes first, then comes what differs. */
  private replaceFlows(transaction: Transaction): void {
    const { flows, tables } = this.bridge;
    const wanted = this.lastOfEach();
    const kept = new Set<Rule>();
    // Only what differs is to be given back when something is refused.
    this.forgetSteps();
    for (const [rule, line] of wanted) {
      const old = tables.open(rule.tableId).find(rule.match, rule.priority);
      if (old) kept.add(old);
      if (old && flows.isSame(old, rule)) {
        tables.forget(rule);
      } else {
        this.steps.push(rule);
        this.lines.push(line);
      }
    }
    transaction.deleteFlows(
      tables.all().filter((rule) => !kept.has(rule)),
      'delete',
    );
    this.carryOutAll(transaction);
  }

  /** What is to be added, and its line; of lines with the same match and priority the last one. */
  private lastOfEach(): Map<Rule, number> {
    const last = new Map<string, Rule>();
    const lineOf = new Map<Rule, number>();
    for (const [i, rule] of this.steps.entries()) {
      if (!(rule instanceof Rule)) continue;
      const { tableId, priority, match } = rule;
      const name = `${tableId}/${priority}/${match.shape.id}/${match.values.join()}`;
      const earlier = last.get(name);
      if (earlier) {
        this.bridge.tables.forget(earlier);
        lineOf.delete(earlier);
      }
      last.set(name, rule);
      lineOf.set(rule, this.lines[i]!);
    }
    return lineOf;
  }

  private read(text: string, nowMs: number): Step {
    if (this.options.lines === 'flows') return this.readFlow(text, 0, nowMs);
    if (this.options.lines === 'groups') return this.readGroup(text, 0);
    const { kind, rest } = readKind(text);
    switch (kind) {
      case 'flow':
        return this.readFlow(text, rest, nowMs);
      case 'group':
        return this.readGroup(text, rest);
      case 'meter':
        return this.readMeter(text, rest);
      case 'port':
        return this.readPort(text, rest);
      case 'packet-out':
        return this.readPacketOut(text, rest);
      default:
        return kind satisfies never;
    }
  }

  private readFlow(text: string, from: number, nowMs: number): Step {
    const { resolvePort, flows } = this.bridge;
    const { command, rest } = readFlowCommand(text, from, this.options.command ?? 'add');
    if (this.options.replaceFlows && command !== 'add') {
      const problem = `Flows cannot be replaced by "${command}"`;
      throw syntaxError(text, text.indexOf(command), command.length, problem, 'a flow to add');
    }
    // A rule keeps its match in its own way, other flow mods as it was read.
    const match = command === 'add' ? readMatch : undefined;
    const mod = readRest(text, rest, (flow) => parseFlowMod(flow, command, resolvePort, match));
    if (command === 'add') return flows.makeRule(mod, nowMs);
    return { kind: 'flow', mod };
  }

  private readGroup(text: string, from: number): Step {
    const { command, rest } = readGroupCommand(text, from);
    const mod = readRest(text, rest, (group) => parseGroupMod(group, command, this.bridge.resolvePort));
    return { kind: 'group', mod };
  }

  private readMeter(text: string, from: number): Step {
    const { command, rest } = readMeterCommand(text, from);
    return { kind: 'meter', change: readRest(text, rest, (meter) => parseMeterChange(meter, command)) };
  }

  private readPacketOut(text: string, from: number): Step {
    const packet = readRest(text, from, (rest) => parsePacketOut(rest, this.bridge.resolvePort));
    return { kind: 'packet-out', packet };
  }

  private readPort(text: string, from: number): Step {
    const { name, at, rest } = readPortName(text, from);
    const port = this.bridge.findPort(name);
    if (!port) {
      throw syntaxError(
        text,
        at,
        name.length,
        `Bridge ${this.bridge.spec.name} has no port ${name}`,
        'a port name or number',
      );
    }
    return { kind: 'port', port, config: parsePortConfig(text, rest) };
  }
}
