// What: Timeouts, when rules with an idle or a hard timeout are due. Why: a million such rules cost nothing until
// their time comes: each waits in the bucket of its deadline, and a tick looks at the buckets that are past. Who:
// flow-tables.ts enters and leaves rules, bridge.ts sweeps once a tick, after the datapath has pushed its counts.
//
// Used rules do not move: when the deadline of an idle timeout comes and the rule was used meanwhile, it goes into the
// bucket of its new one. As in Open vSwitch a rule expires when more than its timeout has passed since it was
// last used (idle), or last modified (hard).
//
// Invariants: each live rule with a timeout is in the bucket of its deadline or of an earlier one; one sweep() looks at
// SWEEP_RULES rules at most.

import type { Rule } from '../entries/rule.ts';
import type { RuleStats } from '../entries/rule-stats.ts';

/** How fine deadlines are told apart: a rule goes at most this much, and the time of a poll, after its deadline. */
export const TICK_MS = 500;
/** Rules that one sweep looks at: bounds the time that it takes from forwarding. */
const SWEEP_RULES = 512;
const NOWHERE = -1;

export type TimeoutReason = 'idle_timeout' | 'hard_timeout';

export class Timeouts {
  private readonly stats: RuleStats;
  private readonly buckets = new Map<number, Rule[]>();
  /** By slot: the tick of the bucket that the rule waits in, and its index there. */
  private tickOf = new Int32Array(0);
  private indexOf = new Int32Array(0);
  /** Buckets below it are empty. */
  private firstTick = 0;
  private rules = 0;

  constructor(stats: RuleStats) {
    this.stats = stats;
  }

  /** Rules that wait. */
  get size(): number {
    return this.rules;
  }

  /** Takes a rule in, when it has a timeout. */
  enter(rule: Rule): void {
    if (rule.idleTimeout === 0 && rule.hardTimeout === 0) return;
    const { slot } = rule;
    if (slot >= this.tickOf.length) this.grow(slot);
    const tick = Math.floor(this.deadlineMs(rule) / TICK_MS);
    let bucket = this.buckets.get(tick);
    if (!bucket) {
      bucket = [];
      this.buckets.set(tick, bucket);
      if (tick < this.firstTick) this.firstTick = tick;
    }
    this.tickOf[slot] = tick;
    this.indexOf[slot] = bucket.length;
    bucket.push(rule);
    this.rules++;
  }

  /** Lets a rule go; one that does not wait is left alone. */
  leave(rule: Rule): void {
    const { slot } = rule;
    if (slot >= this.tickOf.length || this.tickOf[slot] === NOWHERE) return;
    const tick = this.tickOf[slot]!;
    const bucket = this.buckets.get(tick)!;
    const last = bucket.pop()!;
    if (last !== rule) {
      bucket[this.indexOf[slot]!] = last;
      this.indexOf[last.slot] = this.indexOf[slot]!;
    }
    if (bucket.length === 0) this.buckets.delete(tick);
    this.tickOf[slot] = NOWHERE;
    this.rules--;
  }

  /** Whether a sweep at that time would look at rules. */
  isDue(nowMs: number): boolean {
    const end = Math.floor(nowMs / TICK_MS);
    if (this.firstTick >= end) return false;
    this.skipEmpty(end);
    return this.firstTick < end;
  }

  /**
   * Hands rules whose time is over to `expire`, which makes them leave; looks at a bounded number. False: there is
   * more to do at once.
   */
  sweep(nowMs: number, expire: (rule: Rule, reason: TimeoutReason) => void): boolean {
    for (let budget = SWEEP_RULES; this.isDue(nowMs); budget--) {
      if (budget === 0) return false;
      const rule = this.buckets.get(this.firstTick)!.at(-1)!;
      const reason = this.reasonToExpire(rule, nowMs);
      if (reason) {
        expire(rule, reason);
      } else {
        this.leave(rule);
        this.enter(rule);
      }
    }
    return true;
  }

  private reasonToExpire(rule: Rule, nowMs: number): TimeoutReason | undefined {
    const { modifiedMs, usedMs } = this.stats;
    if (rule.hardTimeout !== 0 && nowMs > modifiedMs[rule.slot]! + rule.hardTimeout * 1000)
      return 'hard_timeout';
    if (rule.idleTimeout !== 0 && nowMs > usedMs[rule.slot]! + rule.idleTimeout * 1000) return 'idle_timeout';
    return undefined;
  }

  private deadlineMs({ slot, idleTimeout, hardTimeout }: Rule): number {
    const idle = idleTimeout === 0 ? Infinity : this.stats.usedMs[slot]! + idleTimeout * 1000;
    const hard = hardTimeout === 0 ? Infinity : this.stats.modifiedMs[slot]! + hardTimeout * 1000;
    return Math.min(idle, hard);
  }

  /** Moves firstTick up to the first bucket that is not empty, at most to `end`. */
  private skipEmpty(end: number): void {
    if (end - this.firstTick > this.buckets.size) {
      let first = end;
      for (const tick of this.buckets.keys()) if (tick < first) first = tick;
      this.firstTick = first;
      return;
    }
    while (this.firstTick < end && !this.buckets.has(this.firstTick)) this.firstTick++;
  }

  private grow(slot: number): void {
    const capacity = Math.max(256, this.tickOf.length * 2, slot + 1);
    const tickOf = new Int32Array(capacity).fill(NOWHERE);
    tickOf.set(this.tickOf);
    const indexOf = new Int32Array(capacity);
    indexOf.set(this.indexOf);
    this.tickOf = tickOf;
    this.indexOf = indexOf;
  }
}
