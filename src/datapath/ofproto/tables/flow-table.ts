// What: FlowTable, the rules of one OpenFlow table: found by what they match, by name, by filter, and in order. Why:
// translation, flow mods and dumps each ask in their own way, and a table may hold a million rules. Who: flow-tables.ts
// and flow-change.ts change it and give it OpenFlow's semantics, xlate.ts looks up.
// Invariant: no two rules have the same match and priority; each rule is in the classifier and in the order.

import { Match } from '../../flow/match.ts';
import { Classifier } from '../classifier/classifier.ts';
import { forEachCandidate, narrows } from '../classifier/classifier-scan.ts';
import { ConjunctiveLookup } from '../classifier/conjunction.ts';
import { type CompactMatch, expandMatch, type MaskShapes } from '../entries/compact-match.ts';
import type { FlowMod } from '../entries/flow-mod.ts';
import { Rule } from '../entries/rule.ts';
import type { RuleStats } from '../entries/rule-stats.ts';
import { FlowFilter } from './flow-filter.ts';
import { EvictionQueue } from './flow-table-eviction.ts';
import { RuleOrder } from './flow-table-order.ts';

/** So many rules are sooner looked at than a way through the classifier is found. */
const FEW_RULES = 16;
/** Sorting a rule takes so many times what a look at one in order takes. */
const SORT_COST = 16;

/** The rules of a table and the ways to find them, apart from the table. */
export class TableContents {
  readonly classifier = new Classifier();
  readonly conjunctions = new ConjunctiveLookup(this.classifier);
  readonly order = new RuleOrder();
}

export class FlowTable {
  readonly tableId: number;
  private readonly stats: RuleStats;
  private readonly shapes: MaskShapes;
  private contents = new TableContents();
  /** Made when the table has to evict for the first time. */
  private eviction: EvictionQueue | undefined;
  private lastSequence = 0;

  /** The tables of a bridge share `stats` and `shapes`. */
  constructor(tableId: number, stats: RuleStats, shapes: MaskShapes) {
    this.tableId = tableId;
    this.stats = stats;
    this.shapes = shapes;
  }

  get size(): number {
    return this.contents.order.size;
  }

  /** How many hash tables a lookup may have to probe, those of crowded buckets left out. */
  get hashTables(): number {
    return this.contents.classifier.tableCount;
  }

  /**
   * The live rule for a flow (FLOW_WORDS words) and, ORed into `wildcards`, the bits of the flow that it depends on:
   * each flow that agrees in them gets the same rule. conj_id may change in between, but is left as it was.
   */
  lookup(flow: Int32Array, wildcards: Int32Array): Rule | undefined {
    return this.contents.conjunctions.lookup(flow, wildcards);
  }

  /** A rule as the flow mod says, which takes a row of the stats but is in no table yet. */
  makeRule(mod: FlowMod, nowMs: number): Rule {
    return new Rule(
      this.tableId,
      this.shapes.compact(mod.match),
      mod.priority,
      mod.cookie,
      mod.actions,
      mod.idleTimeout,
      mod.hardTimeout,
      mod.importance,
      mod.flags,
      this.stats.take(nowMs),
      ++this.lastSequence,
    );
  }

  /** The rule with exactly this match and priority. */
  find(match: Match | CompactMatch, priority: number): Rule | undefined {
    const compact = match instanceof Match ? this.shapes.compactIfKnown(match) : match;
    return compact && this.contents.classifier.find(compact, priority);
  }

  /** No rule with the match and priority of this one is in the table. The rule may have been in it before. */
  insert(rule: Rule): void {
    this.contents.classifier.insert(rule);
    this.contents.order.add(rule);
    this.eviction?.add(rule);
  }

  /** The rule is in the table. */
  remove(rule: Rule): void {
    this.contents.classifier.remove(rule);
    this.contents.order.remove(rule);
    this.eviction?.trim(this.size);
  }

  /** Puts other contents in the place of those that the table has, which are returned. The rules are not touched. */
  exchange(contents: TableContents): TableContents {
    const old = this.contents;
    this.contents = contents;
    this.eviction = undefined;
    return old;
  }

  /** The rules that a flow mod, or a query, is about: strictly or loosely, as its command says. */
  select(mod: FlowMod): Rule[] {
    const filter = new FlowFilter(mod);
    if (mod.command === 'modify_strict' || mod.command === 'delete_strict') {
      const rule = this.find(mod.match, mod.priority);
      return rule && filter.acceptsRest(rule) ? [rule] : [];
    }
    const rules: Rule[] = [];
    const take = (rule: Rule): boolean => {
      if (filter.accepts(rule)) rules.push(rule);
      return false;
    };
    if (filter.matchesAll || !narrows(this.contents.classifier.tree, mod.match)) {
      this.contents.order.forEachBehind(0, take);
    } else {
      forEachCandidate(this.contents.classifier.tree, mod.match, 0, take);
      // Many are sooner found again in order than sorted.
      if (rules.length * SORT_COST > this.size) {
        rules.length = 0;
        this.contents.order.forEachBehind(0, take);
      } else {
        rules.sort((a, b) => b.priority - a.priority || a.sequence - b.sequence);
      }
    }
    return rules;
  }

  /** A rule of this priority that may match some of the same frames. */
  overlapping(match: Match | CompactMatch, priority: number): Rule | undefined {
    const compact = match instanceof Match ? this.shapes.compact(match) : match;
    let found: Rule | undefined;
    const check = (rule: Rule): boolean => {
      if (rule.priority !== priority || !overlap(rule.match, compact)) return false;
      found = rule;
      return true;
    };
    if (this.contents.order.countOf(priority) <= FEW_RULES) this.contents.order.visitList(priority, 0, check);
    else forEachCandidate(this.contents.classifier.tree, expandMatch(compact), priority, check);
    return found;
  }

  /** The rule that Open vSwitch would evict from a full table; undefined: it has none with a timeout. */
  evictable(): Rule | undefined {
    if (!this.eviction) {
      const queue = new EvictionQueue(this.stats);
      this.contents.order.forEachBehind(0, (rule) => {
        queue.add(rule);
        return false;
      });
      this.eviction = queue;
    }
    return this.eviction.first();
  }

  /** To be called when the timeouts or the importance of a rule of the table became less. */
  timeoutsChanged(rule: Rule): void {
    this.eviction?.add(rule);
    this.eviction?.trim(this.size);
  }

  /**
   * Up to `limit` rules that the filter is about, by falling priority, oldest first among equals, beginning behind the
   * cursor `after` (0: at the start). `next` is the cursor of the last one, or 0 when there are no more. Rules may come
   * and go between pages; those that stay are listed once.
   */
  list(mod: FlowMod, after: number, limit: number): { rules: Rule[]; next: number } {
    if (mod.command === 'modify_strict' || mod.command === 'delete_strict') {
      return { rules: after === 0 ? this.select(mod) : [], next: 0 };
    }
    const filter = new FlowFilter(mod);
    const rules: Rule[] = [];
    let next = 0;
    this.contents.order.forEachBehind(after, (rule) => {
      if (!filter.accepts(rule)) return false;
      if (rules.length === limit) {
        next = this.contents.order.cursorOf(rules.at(-1)!);
        return true;
      }
      rules.push(rule);
      return false;
    });
    return { rules, next };
  }
}

/** True when some frame may match both. */
function overlap(a: CompactMatch, b: CompactMatch): boolean {
  let j = 0;
  for (let i = 0; i < a.shape.words.length; i++) {
    const word = a.shape.words[i]!;
    while (j < b.shape.words.length && b.shape.words[j]! < word) j++;
    if (b.shape.words[j] !== word) continue;
    if (((a.values[i]! ^ b.values[j]!) & a.shape.masks[i]! & b.shape.masks[j]!) !== 0) return false;
  }
  return true;
}
