// What: flows as text: a line of dump-flows, a flow change as `ovs-ofctl parse-flow` prints it, and the parts of a flow
// for the control plane. Why: dumps are read by people and programs that know those of Open vSwitch. Who: flow-text.ts
// hands it on to the bridge and its listings.

import { formatActions } from '../../actions/text.ts';
import type { FlowInfo } from '../../api.ts';
import { Match } from '../../flow/match.ts';
import { writeFields } from '../../flow/match-format.ts';
import { formatMatch } from '../../flow/match-text.ts';
import { formatPort, type PortNamer } from '../../flow/port-number.ts';
import { TextWriter } from '../../flow/text-writer.ts';
import type { MaskShape } from '../entries/compact-match.ts';
import {
  ALL_TABLES,
  DEFAULT_PRIORITY,
  FLAG_CHECK_OVERLAP,
  FLAG_NO_BYTE_COUNTS,
  FLAG_NO_PACKET_COUNTS,
  FLAG_RESET_COUNTS,
  FLAG_SEND_FLOW_REM,
  type FlowMod,
} from '../entries/flow-mod.ts';
import type { Rule } from '../entries/rule.ts';

/** What a rule has counted, and its times in ms of the switch's clock. */
export interface RuleCounts {
  packets: number;
  bytes: number;
  createdMs: number;
  modifiedMs: number;
  usedMs: number;
}

export interface RuleFormat {
  /** With duration, counters and ages. */
  stats: boolean;
  portName?: PortNamer | undefined;
}

/** What the head of a line tells, of a rule or of one that may become one. */
type Headed = Pick<Rule, 'cookie' | 'tableId' | 'idleTimeout' | 'hardTimeout' | 'importance' | 'flags'>;

const NO_COUNTS: RuleCounts = { packets: 0, bytes: 0, createdMs: 0, modifiedMs: 0, usedMs: 0 };

/** Flags in the order in which they are printed. */
const FLAG_WORDS: readonly (readonly [number, string])[] = [
  [FLAG_SEND_FLOW_REM, 'send_flow_rem'],
  [FLAG_CHECK_OVERLAP, 'check_overlap'],
  [FLAG_RESET_COUNTS, 'reset_counts'],
  [FLAG_NO_PACKET_COUNTS, 'no_packet_counts'],
  [FLAG_NO_BYTE_COUNTS, 'no_byte_counts'],
];
const COMMAND_WORDS = {
  add: 'ADD',
  modify: 'MOD',
  modify_strict: 'MOD_STRICT',
  delete: 'DEL',
  delete_strict: 'DEL_STRICT',
};
/** The largest age that a dump of Open vSwitch can show (16 bits on the wire). */
const MAX_AGE = 0xfffe;
const LINE_FEED = 10;
const SPACE = 32;
const COMMA = 44;

/** What the functions that return a string write into. */
const scratch = new TextWriter();

/** One line of dump-flows, with the space in front and without the newline behind it. */
export function formatRule(rule: Rule, counts: RuleCounts, nowMs: number, format: RuleFormat): string {
  writeHead(scratch, rule, counts, nowMs, format.stats);
  writeRest(scratch, rule, format.portName);
  return scratch.take();
}

/** Lines of dump-flows, each with a newline behind it. */
export class RuleLines {
  private readonly out: TextWriter;
  private readonly nowMs: number;
  private readonly format: RuleFormat;
  /** The rule of the last line, what it has counted, and where the head of the line stands. */
  private last: Rule | undefined;
  private readonly lastCounts: RuleCounts = { ...NO_COUNTS };
  private headStart = 0;
  private headEnd = 0;

  /** Lines go into `out`, which is cleared. */
  constructor(out: TextWriter, nowMs: number, format: RuleFormat) {
    out.clear();
    this.out = out;
    this.nowMs = nowMs;
    this.format = format;
  }

  /** Bytes of the lines. */
  get length(): number {
    return this.out.length;
  }

  /** All lines so far, which are forgotten. */
  take(): string {
    this.last = undefined;
    return this.out.take();
  }

  add(rule: Rule, counts: RuleCounts): void {
    const { out } = this;
    const start = out.length;
    // Flows that came together and have no traffic, which are most of a large table, only differ in the rest.
    if (this.hasLastHead(rule, counts)) out.repeat(this.headStart, this.headEnd);
    else writeHead(out, rule, counts, this.nowMs, this.format.stats);
    this.remember(rule, counts, start);
    writeRest(out, rule, this.format.portName);
    out.char(LINE_FEED);
  }

  private hasLastHead(rule: Rule, counts: RuleCounts): boolean {
    const { last, lastCounts } = this;
    return (
      last !== undefined &&
      lastCounts.packets === counts.packets &&
      lastCounts.bytes === counts.bytes &&
      lastCounts.createdMs === counts.createdMs &&
      lastCounts.modifiedMs === counts.modifiedMs &&
      lastCounts.usedMs === counts.usedMs &&
      last.tableId === rule.tableId &&
      last.idleTimeout === rule.idleTimeout &&
      last.hardTimeout === rule.hardTimeout &&
      last.importance === rule.importance &&
      last.flags === rule.flags &&
      last.cookie === rule.cookie
    );
  }

  private remember(rule: Rule, counts: RuleCounts, start: number): void {
    const { lastCounts } = this;
    this.last = rule;
    this.headStart = start;
    this.headEnd = this.out.length;
    lastCounts.packets = counts.packets;
    lastCounts.bytes = counts.bytes;
    lastCounts.createdMs = counts.createdMs;
    lastCounts.modifiedMs = counts.modifiedMs;
    lastCounts.usedMs = counts.usedMs;
  }
}

/** A flow that would be added, as a line of a dump without statistics, with a newline behind it. */
export function writeFlowLine(out: TextWriter, mod: FlowMod): void {
  writeHead(out, mod, NO_COUNTS, 0, false);
  writePriorityMatch(out, mod.priority, mod.match, undefined);
  out.text('actions=');
  out.text(formatActions(mod.actions));
  out.char(LINE_FEED);
}

/** What stands before the priority and the match. */
function writeHead(out: TextWriter, rule: Headed, counts: RuleCounts, nowMs: number, stats: boolean): void {
  const ageMs = Math.max(0, Math.floor(nowMs - counts.createdMs));
  out.char(SPACE);
  if (stats || rule.cookie !== 0n) {
    out.text('cookie=0x');
    out.text(rule.cookie === 0n ? '0' : rule.cookie.toString(16));
    out.text(', ');
  }
  if (stats) writeDuration(out, ageMs);
  if (stats || rule.tableId !== 0) writeNumber(out, 'table=', rule.tableId);
  if (stats) {
    writeNumber(out, 'n_packets=', counts.packets);
    writeNumber(out, 'n_bytes=', counts.bytes);
  }
  if (rule.idleTimeout !== 0) writeNumber(out, 'idle_timeout=', rule.idleTimeout);
  if (rule.hardTimeout !== 0) writeNumber(out, 'hard_timeout=', rule.hardTimeout);
  if (rule.flags !== 0) out.text(formatFlags(rule.flags));
  if (rule.importance !== 0) writeNumber(out, 'importance=', rule.importance);
  if (!stats) return;
  writeNumber(out, 'idle_age=', wholeSeconds(nowMs - counts.usedMs));
  const hardAge = wholeSeconds(nowMs - counts.modifiedMs);
  if (hardAge !== Math.floor(ageMs / 1000)) writeNumber(out, 'hard_age=', hardAge);
}

function writeRest(out: TextWriter, rule: Rule, portName: PortNamer | undefined): void {
  writePriorityMatch(out, rule.priority, matchOf(rule), portName);
  out.text('actions=');
  out.text(formatActions(rule.actions, portName));
}

function writeNumber(out: TextWriter, name: string, number: number): void {
  out.text(name);
  out.decimal(number);
  out.text(', ');
}

/** The match with its priority in front, and a space behind unless there is nothing. */
function writePriorityMatch(
  out: TextWriter,
  priority: number,
  match: Match,
  portName: PortNamer | undefined,
): void {
  const start = out.length;
  if (priority !== DEFAULT_PRIORITY) {
    out.text('priority=');
    out.decimal(priority);
  }
  const behindPriority = out.length;
  if (behindPriority > start) out.char(COMMA);
  const matchStart = out.length;
  writeFields(out, match.value, match.mask, false, portName);
  if (out.length === matchStart && matchStart > behindPriority) out.dropLast();
  if (out.length > start) out.char(SPACE);
}

/** Seconds, with three decimals unless these are zero. */
function writeDuration(out: TextWriter, ms: number): void {
  const rest = ms % 1000;
  out.text('duration=');
  out.decimal((ms - rest) / 1000);
  if (rest !== 0) {
    out.text(rest < 10 ? '.00' : rest < 100 ? '.0' : '.');
    out.decimal(rest);
  }
  out.text('s, ');
}

function wholeSeconds(ms: number): number {
  return Math.min(MAX_AGE, Math.max(0, Math.floor(ms / 1000)));
}

/** The words of flags, each with a space behind. */
function formatFlags(flags: number): string {
  let text = '';
  for (const [flag, word] of FLAG_WORDS) if (flags & flag) text += `${word} `;
  return text;
}

/** The match of the rule that is printed now; between two calls only the words of `printedShape` are not zero. */
const printed = new Match();
let printedShape: MaskShape | undefined;

function matchOf({ match: { shape, values } }: Rule): Match {
  if (printedShape !== shape) {
    for (const word of printedShape?.words ?? []) {
      printed.value[word] = 0;
      printed.mask[word] = 0;
    }
    const { words, masks } = shape;
    for (let i = 0; i < words.length; i++) printed.mask[words[i]!] = masks[i]!;
    printedShape = shape;
  }
  const { words } = shape;
  for (let i = 0; i < words.length; i++) printed.value[words[i]!] = values[i]!;
  return printed;
}

/** The flow change as `ovs-ofctl parse-flow` prints it, from the command on. */
export function formatFlowMod(mod: FlowMod, portName?: PortNamer): string {
  const out = scratch;
  out.text(COMMAND_WORDS[mod.command]);
  if (mod.tableId !== 0 && (mod.tableId !== ALL_TABLES || mod.command === 'add'))
    out.text(` table:${mod.tableId}`);
  out.char(SPACE);
  writePriorityMatch(out, mod.priority, mod.match, portName);
  if (mod.cookie !== 0n) out.text(`cookie:0x${mod.cookie.toString(16)} `);
  if (mod.cookieMask !== 0n)
    out.text(`cookie:0x${mod.cookieFilter.toString(16)}/0x${mod.cookieMask.toString(16)} `);
  if (mod.idleTimeout !== 0) out.text(`idle:${mod.idleTimeout} `);
  if (mod.hardTimeout !== 0) out.text(`hard:${mod.hardTimeout} `);
  if (mod.importance !== 0) out.text(`importance:${mod.importance} `);
  if (mod.outPort !== undefined) out.text(`out_port:${formatPort(mod.outPort, portName)} `);
  out.text(`${formatFlags(mod.flags)}actions=${formatActions(mod.actions, portName)}`);
  return out.take();
}

/** A rule as the control plane shows it. */
export function describeRule(rule: Rule, counts: RuleCounts, nowMs: number, portName?: PortNamer): FlowInfo {
  return {
    tableId: rule.tableId,
    priority: rule.priority,
    cookie: `0x${rule.cookie.toString(16)}`,
    match: formatMatch(matchOf(rule), portName),
    actions: formatActions(rule.actions, portName),
    packets: counts.packets,
    bytes: counts.bytes,
    durationSeconds: Math.max(0, nowMs - counts.createdMs) / 1000,
    idleTimeout: rule.idleTimeout,
    hardTimeout: rule.hardTimeout,
    importance: rule.importance,
    flags: rule.flags === 0 ? [] : FLAG_WORDS.filter(([flag]) => rule.flags & flag).map(([, word]) => word),
    idleAgeSeconds: wholeSeconds(nowMs - counts.usedMs),
    hardAgeSeconds: wholeSeconds(nowMs - counts.modifiedMs),
  };
}
