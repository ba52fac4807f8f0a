// What: EvictionQueue, which rule a full table gives up: as Open vSwitch the one of the least importance, and among
// those the one that would expire first; rules without a timeout stay. Why: a table that evicts is full all the time,
// and must not look at all of its rules for each one that is added. Who: flow-table.ts, for tables that evict.
// How: a heap with the order in which each rule stood when it was put in. Use of a rule only moves it back, so that a
// rule which comes out on top is put in again when it has moved, and is the one when it has not.
// Invariant: each rule with a timeout is in the heap, with an order not above its own.

import type { Rule } from '../entries/rule.ts';
import type { RuleStats } from '../entries/rule-stats.ts';

/** Times of expiry are compared in units of 1,024 ms, those within one by the age of the rule. */
const UNIT_MS = 1024;
/** Importance counts before time: more units than 68 years have. */
const IMPORTANCE_STEP = 2 ** 31;
const FEW = 64;

export class EvictionQueue {
  private readonly stats: RuleStats;
  private rules: Rule[] = [];
  private orders: number[] = [];

  constructor(stats: RuleStats) {
    this.stats = stats;
  }

  /** Takes a rule in, or again after its timeouts or importance became less. */
  add(rule: Rule): void {
    if (rule.idleTimeout === 0 && rule.hardTimeout === 0) return;
    this.rules.push(rule);
    this.orders.push(this.orderOf(rule));
    this.rise(this.rules.length - 1);
  }

  /** The rule to evict; undefined: none may be. It stays in the queue until it has left its table. */
  first(): Rule | undefined {
    for (;;) {
      const rule = this.rules[0];
      if (!rule) return undefined;
      if (!rule.live || rule.entry === 0 || (rule.idleTimeout === 0 && rule.hardTimeout === 0)) {
        this.pop();
        continue;
      }
      const order = this.orderOf(rule);
      if (order <= this.orders[0]!) return rule;
      this.orders[0] = order;
      this.sink(0);
    }
  }

  /** Forgets rules that have left their table, when most in the queue have; `size` is that of the table. */
  trim(size: number): void {
    if (this.rules.length < FEW + 2 * size) return;
    const rules = new Set(this.rules);
    this.rules = [];
    this.orders = [];
    for (const rule of rules) if (rule.entry !== 0) this.add(rule);
  }

  private orderOf({ slot, idleTimeout, hardTimeout, importance }: Rule): number {
    const idle = idleTimeout === 0 ? Infinity : this.stats.usedMs[slot]! + idleTimeout * 1000;
    const hard = hardTimeout === 0 ? Infinity : this.stats.modifiedMs[slot]! + hardTimeout * 1000;
    return importance * IMPORTANCE_STEP + Math.floor(Math.min(idle, hard) / UNIT_MS);
  }

  private isBefore(a: number, b: number): boolean {
    const difference = this.orders[a]! - this.orders[b]!;
    return difference !== 0 ? difference < 0 : this.rules[a]!.sequence < this.rules[b]!.sequence;
  }

  private pop(): void {
    const last = this.rules.length - 1;
    this.swap(0, last);
    this.rules.pop();
    this.orders.pop();
    this.sink(0);
  }

  private rise(start: number): void {
    for (let at = start; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.isBefore(at, parent)) return;
      this.swap(at, parent);
      at = parent;
    }
  }

  private sink(start: number): void {
    const size = this.rules.length;
    for (let at = start; ; ) {
      let child = 2 * at + 1;
      if (child >= size) return;
      if (child + 1 < size && this.isBefore(child + 1, child)) child++;
      if (!this.isBefore(child, at)) return;
      this.swap(at, child);
      at = child;
    }
  }

  private swap(a: number, b: number): void {
    const rule = this.rules[a]!;
    const order = this.orders[a]!;
    this.rules[a] = this.rules[b]!;
    this.orders[a] = this.orders[b]!;
    this.rules[b] = rule;
    this.orders[b] = order;
  }
}
