// What: Classifier, from a key to the matching rule of the highest priority, by tuple space search. Why: a lookup
// costs one hash probe for each distinct mask in use, not one compare for each rule. Who: flow-table.ts. The fast
// path comes here only on a cache miss.
// How: a subtable per mask maps the hash of the masked value to rules. Subtables are kept by falling highest
// priority, and the search ends when no later one can win.
// Invariants: subtables are never empty; rules of one bucket stand by falling priority; a rule is in one bucket.

import { finishHash, KEY_WORDS, mixHash } from '../flow/key.ts';
import type { Match } from '../flow/match.ts';
import type { Rule } from './rule.ts';

/** Rules of one mask. */
class Subtable {
  readonly mask: Int32Array;
  maxPriority = -1;
  size = 0;
  /** Key words in which the mask has bits; the others need no look. */
  private readonly words: Int32Array;
  private readonly buckets = new Map<number, Rule[]>();
  /** How many rules have each priority, so that maxPriority can fall when the last of the highest goes. */
  private readonly priorities = new Map<number, number>();

  constructor(mask: Int32Array) {
    this.mask = mask.slice();
    this.words = Int32Array.from(mask.keys()).filter((word) => mask[word] !== 0);
  }

  insert(rule: Rule): void {
    const hash = this.hash(rule.match.value, 0);
    const bucket = this.buckets.get(hash);
    if (bucket) {
      const at = bucket.findIndex((other) => other.priority < rule.priority);
      bucket.splice(at < 0 ? bucket.length : at, 0, rule);
    } else {
      this.buckets.set(hash, [rule]);
    }
    this.priorities.set(rule.priority, (this.priorities.get(rule.priority) ?? 0) + 1);
    this.maxPriority = Math.max(this.maxPriority, rule.priority);
    this.size++;
  }

  remove(rule: Rule): void {
    const hash = this.hash(rule.match.value, 0);
    const bucket = this.buckets.get(hash)!;
    bucket.splice(bucket.indexOf(rule), 1);
    if (bucket.length === 0) this.buckets.delete(hash);
    this.size--;
    const left = this.priorities.get(rule.priority)! - 1;
    if (left > 0) {
      this.priorities.set(rule.priority, left);
      return;
    }
    this.priorities.delete(rule.priority);
    if (rule.priority === this.maxPriority) {
      this.maxPriority = -1;
      for (const priority of this.priorities.keys()) this.maxPriority = Math.max(this.maxPriority, priority);
    }
  }

  lookup(key: Int32Array, at: number): Rule | undefined {
    const bucket = this.buckets.get(this.hash(key, at));
    if (!bucket) return undefined;
    for (const rule of bucket) if (rule.match.accepts(key, at)) return rule;
    return undefined;
  }

  find(match: Match, priority: number): Rule | undefined {
    const bucket = this.buckets.get(this.hash(match.value, 0));
    return bucket?.find((rule) => rule.priority === priority && rule.match.equals(match));
  }

  private hash(key: Int32Array, at: number): number {
    const { words, mask } = this;
    let hash = 0;
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      hash = mixHash(hash, key[at + word]! & mask[word]!);
    }
    return finishHash(hash);
  }
}

export class Classifier {
  /** By falling maxPriority. */
  private readonly subtables: Subtable[] = [];
  /** Subtables by their mask, as text. */
  private readonly byMask = new Map<string, Subtable>();

  /** The rule is not in the classifier, and no other with its match and priority is. */
  insert(rule: Rule): void {
    const name = rule.match.mask.join();
    let subtable = this.byMask.get(name);
    if (!subtable) {
      subtable = new Subtable(rule.match.mask);
      this.byMask.set(name, subtable);
      this.subtables.push(subtable);
    }
    const before = subtable.maxPriority;
    subtable.insert(rule);
    if (subtable.maxPriority !== before) this.sort();
  }

  /** The rule is in the classifier. */
  remove(rule: Rule): void {
    const name = rule.match.mask.join();
    const subtable = this.byMask.get(name)!;
    const before = subtable.maxPriority;
    subtable.remove(rule);
    if (subtable.size === 0) {
      this.byMask.delete(name);
      this.subtables.splice(this.subtables.indexOf(subtable), 1);
    } else if (subtable.maxPriority !== before) {
      this.sort();
    }
  }

  /** The rule with exactly this match and priority. */
  find(match: Match, priority: number): Rule | undefined {
    return this.byMask.get(match.mask.join())?.find(match, priority);
  }

  /**
   * The rule of the highest priority that accepts the key at key[at]. OpenFlow leaves open which one among equals;
   * here it is the one that was added first, so that the answer does not depend on what else comes and goes.
   */
  lookup(key: Int32Array, at = 0): Rule | undefined {
    let best: Rule | undefined;
    let bestPriority = -1;
    for (const subtable of this.subtables) {
      if (subtable.maxPriority < bestPriority) break;
      const rule = subtable.lookup(key, at);
      if (!rule || rule.priority < bestPriority) continue;
      if (best && rule.priority === bestPriority && best.sequence < rule.sequence) continue;
      best = rule;
      bestPriority = rule.priority;
    }
    return best;
  }

  /** Adds the bits that any rule looks at to `mask`. */
  collectMask(mask: Int32Array): void {
    for (const subtable of this.subtables) {
      for (let i = 0; i < KEY_WORDS; i++) mask[i] = mask[i]! | subtable.mask[i]!;
    }
  }

  private sort(): void {
    this.subtables.sort((a, b) => b.maxPriority - a.maxPriority);
  }
}
