// What: FlowTables, the 254 tables of a bridge as one: rules come and go, and what must know of it hears of it (the
// classifier, the index of references, the timeouts). Why: each rule must be entered and left in three places, always
// together. Who: flow-change.ts changes rules through it; bridge.ts and the translation read.
// It carries no OpenFlow semantics: whether a rule may come or go is decided in flow-change.ts.
// Invariant: `rule.live` is true exactly while the rule is in its table.

import { type Action, LAST_TABLE } from '../../actions/action.ts';
import type { TableChange, TableInfo } from '../../api.ts';
import { SwitchError } from '../../errors.ts';
import { Match } from '../../flow/match.ts';
import { MaskShapes } from '../entries/compact-match.ts';
import { ALL_TABLES, type FlowMod, newFlowMod } from '../entries/flow-mod.ts';
import type { Rule } from '../entries/rule.ts';
import { RuleStats } from '../entries/rule-stats.ts';
import { FlowTable, type TableContents } from './flow-table.ts';
import { RuleReferences } from './rule-references.ts';
import { Timeouts } from './timeouts.ts';

const MAX_NAME_LENGTH = 31;
const MAX_FLOW_LIMIT = 0xffff_ffff;

interface TableSettings {
  name: string;
  /** Infinity: none. */
  flowLimit: number;
  overflow: 'refuse' | 'evict';
}

export class FlowTables {
  readonly stats = new RuleStats();
  /** Frames that were looked up in each table, and those for which a flow was found. */
  readonly counters = { lookups: new Float64Array(256), matched: new Float64Array(256) };
  readonly references = new RuleReferences();
  readonly timeouts = new Timeouts(this.stats);
  private readonly shapes = new MaskShapes();
  private readonly tables: (FlowTable | undefined)[] = [];
  private readonly settings = new Map<number, TableSettings>();

  /** Undefined: no flow was ever added to the table. */
  table(tableId: number): FlowTable | undefined {
    return this.tables[tableId];
  }

  /** The table, made when it is not there yet. */
  open(tableId: number): FlowTable {
    let table = this.tables[tableId];
    if (!table) {
      table = new FlowTable(tableId, this.stats, this.shapes);
      this.tables[tableId] = table;
    }
    return table;
  }

  /** A table that is none of the bridge, for rules that wait to become live. */
  detached(tableId: number): FlowTable {
    return new FlowTable(tableId, this.stats, this.shapes);
  }

  /** The tables that a flow mod speaks of and that are there. */
  *selected(tableId: number): Iterable<FlowTable> {
    if (tableId !== ALL_TABLES) {
      const table = this.tables[tableId];
      if (table) yield table;
      return;
    }
    for (const table of this.tables) if (table) yield table;
  }

  /** The rules that a flow mod is about. */
  select(filter: FlowMod): Rule[] {
    const rules: Rule[] = [];
    for (const table of this.selected(filter.tableId))
      for (const rule of table.select(filter)) rules.push(rule);
    return rules;
  }

  /** All rules of all tables. */
  all(): Rule[] {
    return this.select(filterByCookie(ALL_TABLES, 0n, 0n));
  }

  insert(rule: Rule): void {
    rule.live = true;
    this.open(rule.tableId).insert(rule);
    this.references.enter(rule);
    this.timeouts.enter(rule);
  }

  remove(rule: Rule): void {
    this.tables[rule.tableId]!.remove(rule);
    this.references.leave(rule);
    this.timeouts.leave(rule);
    rule.live = false;
  }

  /**
   * Puts other contents in the place of those that a table has, which are returned: rules `left` go by it and rules
   * `entered` come. A step of a million rules that takes a fraction of the time of as many steps.
   */
  exchange(
    table: FlowTable,
    contents: TableContents,
    left: readonly Rule[],
    entered: readonly Rule[],
  ): TableContents {
    for (const rule of left) {
      this.references.leave(rule);
      this.timeouts.leave(rule);
      rule.live = false;
    }
    for (const rule of entered) {
      rule.live = true;
      this.references.enter(rule);
      this.timeouts.enter(rule);
    }
    return table.exchange(contents);
  }

  /** Gives back what a rule holds that is in no table and will not come back. */
  forget(rule: Rule): void {
    this.stats.release(rule.slot);
  }

  setActions(rule: Rule, cookie: bigint, actions: readonly Action[]): void {
    const table = this.tables[rule.tableId]!;
    // The classifier keeps conjunctive rules apart.
    const moves = isConjunctive(rule.actions) || isConjunctive(actions);
    if (moves) table.remove(rule);
    this.references.leave(rule);
    rule.cookie = cookie;
    rule.actions = actions;
    this.references.enter(rule);
    if (moves) table.insert(rule);
  }

  /** Makes the timeouts of a rule in its table shorter. */
  lowerTimeouts(rule: Rule, idleTimeout: number, hardTimeout: number): void {
    this.timeouts.leave(rule);
    rule.idleTimeout = idleTimeout;
    rule.hardTimeout = hardTimeout;
    this.timeouts.enter(rule);
    this.tables[rule.tableId]!.timeoutsChanged(rule);
  }

  /** Most rules of a table, and what happens to one more. */
  limitOf(tableId: number): { flowLimit: number; evicts: boolean } {
    const settings = this.settings.get(tableId);
    return { flowLimit: settings?.flowLimit ?? Infinity, evicts: settings?.overflow === 'evict' };
  }

  /** Changes name, limit or overflow of a table. Throws SwitchError invalid-argument. */
  set(tableId: number, { name, flowLimit, overflow }: TableChange): void {
    if (!Number.isInteger(tableId) || tableId < 0 || tableId > LAST_TABLE) {
      throw new SwitchError('invalid-argument', `${tableId} is no table: use 0 to ${LAST_TABLE}.`);
    }
    if (
      typeof flowLimit === 'number' &&
      !(Number.isInteger(flowLimit) && flowLimit >= 0 && flowLimit <= MAX_FLOW_LIMIT)
    ) {
      throw new SwitchError(
        'invalid-argument',
        `${flowLimit} is no flow limit: use 0 to ${MAX_FLOW_LIMIT}, or none.`,
      );
    }
    if (name !== undefined) this.checkName(tableId, name);
    const settings = this.settings.get(tableId) ?? { name: '', flowLimit: Infinity, overflow: 'refuse' };
    if (name !== undefined) settings.name = name;
    if (flowLimit !== undefined) settings.flowLimit = flowLimit ?? Infinity;
    if (overflow !== undefined) settings.overflow = overflow;
    this.settings.set(tableId, settings);
    this.open(tableId);
  }

  /** The tables that were ever used. */
  list(): TableInfo[] {
    const infos: TableInfo[] = [];
    for (const table of this.selected(ALL_TABLES)) {
      const { tableId } = table;
      const settings = this.settings.get(tableId);
      infos.push({
        tableId,
        name: this.nameOf(tableId),
        activeFlows: table.size,
        lookups: this.counters.lookups[tableId]!,
        matched: this.counters.matched[tableId]!,
        flowLimit: settings && settings.flowLimit !== Infinity ? settings.flowLimit : undefined,
        overflow: settings?.overflow ?? 'refuse',
      });
    }
    return infos;
  }

  private nameOf(tableId: number): string {
    return this.settings.get(tableId)?.name || `table${tableId}`;
  }

  private checkName(tableId: number, name: string): void {
    if (name !== '' && !/^[!-~]*$/.test(name)) {
      throw new SwitchError(
        'invalid-argument',
        `"${name}" is no table name: use letters, digits and signs, without spaces.`,
      );
    }
    if (name.length > MAX_NAME_LENGTH) {
      throw new SwitchError('invalid-argument', `A table name has up to ${MAX_NAME_LENGTH} characters.`);
    }
    for (const [other, settings] of this.settings) {
      if (name !== '' && other !== tableId && settings.name === name) {
        throw new SwitchError('already-exists', `Table ${other} is named ${name} already.`);
      }
    }
  }
}

function isConjunctive(actions: readonly Action[]): boolean {
  return actions.some(({ type }) => type === 'conjunction');
}

/** The filter for the flows of a table, or of ALL_TABLES, whose cookie agrees with `cookie` in the bits of `mask`. */
export function filterByCookie(tableId: number, cookie: bigint, mask: bigint): FlowMod {
  return {
    ...newFlowMod('delete', new Match()),
    tableId,
    priority: 0,
    cookieFilter: cookie,
    cookieMask: mask,
  };
}
