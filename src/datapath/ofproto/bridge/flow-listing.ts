// What: FlowListing, the flows of a bridge as answers to queries: in pages, as text, summed up. Why: a dump of a
// million flows goes out in pieces while frames are forwarded. Who: bridge.ts, for the commands of switch.ts.
// A page ends with a number that stands for where the next one begins; the listing remembers what it stands for. Flows
// that are there from the first page to the last are listed once, whatever comes and goes meanwhile.

import type { AggregateInfo, FlowInfo, FlowQuery, Page, TextPage } from '../../api.ts';
import { SwitchError } from '../../errors.ts';
import type { PortResolver } from '../../flow/port-number.ts';
import { TextWriter } from '../../flow/text-writer.ts';
import type { FlowMod } from '../entries/flow-mod.ts';
import type { Rule } from '../entries/rule.ts';
import type { FlowTables } from '../tables/flow-tables.ts';
import { describeRule, parseFlowQuery, type RuleCounts, RuleLines } from '../text/flow-text.ts';

/** Rules in a page of items: some milliseconds of work between two polls. */
const ITEM_PAGE = 500;
/** A page of text ends when it has so many bytes, or so many rules were looked at, whatever comes first. */
const TEXT_PAGE_BYTES = 512 << 10;
const TEXT_PAGE = 4000;
/** Rules that are written before the bytes are counted: a line has up to some ten thousand of them. */
const TEXT_PART = 50;
/** Listings that are remembered; the one that went on least recently is forgotten. */
const MAX_LISTINGS = 256;

/** Where a listing goes on: behind `after` of a table. */
interface Position {
  tableId: number;
  after: number;
}

/** Rules, and where those behind them begin. */
interface Part {
  rules: Rule[];
  next: Position | undefined;
}

export class FlowListing {
  private readonly tables: FlowTables;
  private readonly resolvePort: PortResolver;
  private readonly portName: (ofport: number) => string | undefined;
  private readonly positions = new Map<number, Position>();
  private lastNumber = 0;
  private readonly writer = new TextWriter();
  private readonly counts: RuleCounts = { packets: 0, bytes: 0, createdMs: 0, modifiedMs: 0, usedMs: 0 };

  constructor(
    tables: FlowTables,
    resolvePort: PortResolver,
    portName: (ofport: number) => string | undefined,
  ) {
    this.tables = tables;
    this.resolvePort = resolvePort;
    this.portName = portName;
  }

  list(query: FlowQuery, after: number, nowMs: number): Page<FlowInfo> {
    const { rules, next } = this.part(this.filter(query), this.takePosition(after), ITEM_PAGE);
    const items = rules.map((rule) => this.describe(rule, nowMs, query.names));
    return { items, next: this.remember(next) };
  }

  dump(query: FlowQuery & { stats: boolean }, after: number, nowMs: number): TextPage {
    const filter = this.filter(query);
    const options = { stats: query.stats, portName: query.names ? this.portName : undefined };
    const lines = new RuleLines(this.writer, nowMs, options);
    let position: Position | undefined = this.takePosition(after);
    for (let seen = 0; position && seen < TEXT_PAGE && lines.length < TEXT_PAGE_BYTES; seen += TEXT_PART) {
      const { rules, next }: Part = this.part(filter, position, TEXT_PART);
      for (const rule of rules) lines.add(rule, this.countsOf(rule));
      position = next;
    }
    return { text: lines.take(), next: this.remember(position) };
  }

  aggregate(query: FlowQuery): AggregateInfo {
    const { packets, bytes } = this.tables.stats;
    const sum: AggregateInfo = { packets: 0, bytes: 0, flows: 0 };
    for (const { slot } of this.tables.select(this.filter(query))) {
      sum.packets += packets[slot]!;
      sum.bytes += bytes[slot]!;
      sum.flows++;
    }
    return sum;
  }

  /** A rule as the control plane shows it. */
  describe(rule: Rule, nowMs: number, names = false): FlowInfo {
    return describeRule(rule, this.countsOf(rule), nowMs, names ? this.portName : undefined);
  }

  private filter({ match, strict }: FlowQuery): FlowMod {
    return parseFlowQuery(match, strict ?? false, this.resolvePort);
  }

  /** Good until the next call. */
  private countsOf({ slot }: Rule): RuleCounts {
    const { stats } = this.tables;
    const { counts } = this;
    counts.packets = stats.packets[slot]!;
    counts.bytes = stats.bytes[slot]!;
    counts.createdMs = stats.createdMs[slot]!;
    counts.modifiedMs = stats.modifiedMs[slot]!;
    counts.usedMs = stats.usedMs[slot]!;
    return counts;
  }

  /** Up to `limit` rules of the filter from a position on; `next` is undefined at the end. */
  private part(filter: FlowMod, start: Position, limit: number): Part {
    const rules: Rule[] = [];
    for (const table of this.tables.selected(filter.tableId)) {
      if (table.tableId < start.tableId) continue;
      if (rules.length === limit) return { rules, next: { tableId: table.tableId, after: 0 } };
      const after = table.tableId === start.tableId ? start.after : 0;
      const found = table.list(filter, after, limit - rules.length);
      for (const rule of found.rules) rules.push(rule);
      if (found.next !== 0) return { rules, next: { tableId: table.tableId, after: found.next } };
    }
    return { rules, next: undefined };
  }

  private takePosition(number: number): Position {
    if (number === 0) return { tableId: 0, after: 0 };
    const position = this.positions.get(number);
    if (!position)
      throw new SwitchError('not-found', 'The listing was interrupted for too long: start it again.');
    // Kept, so that a page that got lost on its way can be asked for again.
    this.positions.delete(number);
    this.positions.set(number, position);
    return position;
  }

  /** The number that stands for a position, 0 for none. */
  private remember(position: Position | undefined): number {
    if (!position) return 0;
    const number = ++this.lastNumber;
    this.positions.set(number, position);
    if (this.positions.size > MAX_LISTINGS) this.positions.delete(this.positions.keys().next().value!);
    return number;
  }
}
