// What: FlowTable, the rules of one OpenFlow table with add, delete and list as OpenFlow defines them. Why: bridge
// and dump need more than the classifier: paging in order, loose delete, the union of all masks. Who: bridge.ts.
// Invariant: no two rules have the same match and priority.

import type { FlowStats } from '../dp/flow-stats.ts';
import { KEY_WORDS } from '../flow/key.ts';
import { Classifier } from './classifier.ts';
import type { FlowFilter } from './flow-text.ts';
import { Rule, type RuleSpec } from './rule.ts';

/** A cursor is (65535 - priority) * CURSOR_STEP + sequence: it grows along the listing. */
const CURSOR_STEP = 2 ** 36;

export class FlowTable {
  private readonly stats: FlowStats;
  private readonly classifier = new Classifier();
  private readonly rules = new Set<Rule>();
  /** The key bits that the rules look at. */
  readonly keyMask = new Int32Array(KEY_WORDS);
  /** Rules whose actions include NORMAL. */
  private normalRules = 0;
  private lastSequence = 0;
  /** The rules in listing order; undefined after a change. */
  private sorted: Rule[] | undefined;

  constructor(stats: FlowStats) {
    this.stats = stats;
  }

  get size(): number {
    return this.rules.size;
  }

  get usesNormal(): boolean {
    return this.normalRules > 0;
  }

  /** Adds a rule, in place of the one with the same match and priority; counters start at zero (OpenFlow 1.3, 6.4). */
  add(spec: RuleSpec, nowMs: number): void {
    const same = this.classifier.find(spec.match, spec.priority);
    if (same) this.remove(same);
    const rule = new Rule(spec, this.stats.take(), nowMs, ++this.lastSequence);
    this.rules.add(rule);
    this.classifier.insert(rule);
    for (let i = 0; i < KEY_WORDS; i++) this.keyMask[i] = this.keyMask[i]! | rule.match.mask[i]!;
    if (rule.actions.some((action) => action.type === 'normal')) this.normalRules++;
    this.sorted = undefined;
  }

  /** Deletes the rules that the filter covers and returns how many. */
  delete(filter: FlowFilter): number {
    const doomed = [...this.rules].filter((rule) => filter.covers(rule));
    for (const rule of doomed) this.remove(rule);
    this.keyMask.fill(0);
    this.classifier.collectMask(this.keyMask);
    return doomed.length;
  }

  /** The rule for the key at key[at]. */
  lookup(key: Int32Array, at: number): Rule | undefined {
    return this.classifier.lookup(key, at);
  }

  /**
   * Up to `limit` rules that the filter covers, by falling priority, oldest first among equals, beginning behind the
   * cursor `after` (0: at the start). `next` is the cursor of the last one, or 0 when there are no more.
   */
  list(filter: FlowFilter, after: number, limit: number): { rules: Rule[]; next: number } {
    this.sorted ??= [...this.rules].sort((a, b) => cursorOf(a) - cursorOf(b));
    const rules: Rule[] = [];
    for (let i = firstBehind(this.sorted, after); i < this.sorted.length; i++) {
      const rule = this.sorted[i]!;
      if (!filter.covers(rule)) continue;
      if (rules.length === limit) return { rules, next: cursorOf(rules.at(-1)!) };
      rules.push(rule);
    }
    return { rules, next: 0 };
  }

  private remove(rule: Rule): void {
    this.rules.delete(rule);
    this.classifier.remove(rule);
    this.stats.release(rule.statsSlot);
    if (rule.actions.some((action) => action.type === 'normal')) this.normalRules--;
    this.sorted = undefined;
  }
}

function cursorOf(rule: Rule): number {
  return (0xffff - rule.priority) * CURSOR_STEP + rule.sequence;
}

/** Index of the first rule whose cursor is above `after`. */
function firstBehind(sorted: readonly Rule[], after: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cursorOf(sorted[middle]!) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
