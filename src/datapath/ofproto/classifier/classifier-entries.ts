// What: Entries, the rules of a classifier as its search reads them: numbers in one Int32Array. Why: a lookup compares
// a dozen rules; each is one or two cache lines here, where objects would be five. Who: classifier.ts.
//
//   entry      next | priority | index into rules | offset of the shape | value of each of its words
//   shape      number of words | word, mask | word, mask | ...
//
// Entries of a chain stand by falling priority, the rule that was added first in front among equals. Offset 0 is no
// entry.

import type { MaskShape } from '../entries/compact-match.ts';
import type { Rule } from '../entries/rule.ts';

export const ENTRY_NEXT = 0;
export const ENTRY_PRIORITY = 1;
export const ENTRY_RULE = 2;
export const ENTRY_SHAPE = 3;
export const ENTRY_VALUES = 4;

const FIRST_INTS = 256;

export class Entries {
  data = new Int32Array(FIRST_INTS);
  shapes = new Int32Array(FIRST_INTS);
  readonly rules: (Rule | undefined)[] = [];
  /** Entries of the chain that link() was last called for. */
  lastLength = 0;
  private used = 1;
  private shapesUsed = 1;
  /** Freed entries by their number of values; they are linked by ENTRY_NEXT. */
  private readonly free: number[] = [];
  private readonly freeRules: number[] = [];

  /** Writes a shape down and returns its offset. */
  addShape({ words, masks }: MaskShape): number {
    const at = this.shapesUsed;
    this.shapesUsed += 1 + 2 * words.length;
    while (this.shapesUsed > this.shapes.length) this.shapes = doubled(this.shapes);
    this.shapes[at] = words.length;
    for (let i = 0; i < words.length; i++) {
      this.shapes[at + 1 + 2 * i] = words[i]!;
      this.shapes[at + 2 + 2 * i] = masks[i]!;
    }
    return at;
  }

  /** Writes a rule down and returns its offset. */
  add(rule: Rule, shape: number): number {
    const { values } = rule.match;
    let at = this.free[values.length] ?? 0;
    if (at !== 0) {
      this.free[values.length] = this.data[at + ENTRY_NEXT]!;
    } else {
      at = this.used;
      this.used += ENTRY_VALUES + values.length;
      while (this.used > this.data.length) this.data = doubled(this.data);
    }
    const { data } = this;
    const index = this.freeRules.pop() ?? this.rules.length;
    this.rules[index] = rule;
    data[at + ENTRY_NEXT] = 0;
    data[at + ENTRY_PRIORITY] = rule.priority;
    data[at + ENTRY_RULE] = index;
    data[at + ENTRY_SHAPE] = shape;
    for (let i = 0; i < values.length; i++) data[at + ENTRY_VALUES + i] = values[i]!;
    return at;
  }

  remove(entry: number): void {
    const { data } = this;
    const index = data[entry + ENTRY_RULE]!;
    const size = this.shapes[data[entry + ENTRY_SHAPE]!]!;
    this.rules[index] = undefined;
    this.freeRules.push(index);
    for (let i = this.free.length; i <= size; i++) this.free.push(0);
    data[entry + ENTRY_NEXT] = this.free[size]!;
    this.free[size] = entry;
  }

  ruleOf(entry: number): Rule {
    return this.rules[this.data[entry + ENTRY_RULE]!]!;
  }

  priorityOf(entry: number): number {
    return this.data[entry + ENTRY_PRIORITY]!;
  }

  /** True when the entry, whose shape the values are of, has these values. */
  hasValues(entry: number, values: readonly number[]): boolean {
    const { data } = this;
    for (let i = 0; i < values.length; i++) if (data[entry + ENTRY_VALUES + i] !== values[i]) return false;
    return true;
  }

  /** Links an entry into a chain, and returns its head. */
  link(head: number, entry: number): number {
    const { data } = this;
    const priority = this.priorityOf(entry);
    let before = 0;
    let at = head;
    let length = 1;
    while (at !== 0) {
      const other = this.priorityOf(at);
      if (other < priority) break;
      if (other === priority && this.ruleOf(at).sequence > this.ruleOf(entry).sequence) break;
      before = at;
      at = data[at + ENTRY_NEXT]!;
      length++;
    }
    data[entry + ENTRY_NEXT] = at;
    if (before !== 0) data[before + ENTRY_NEXT] = entry;
    for (; at !== 0; at = data[at + ENTRY_NEXT]!) length++;
    this.lastLength = length;
    return before === 0 ? entry : head;
  }

  /** Takes an entry out of a chain, and returns the head that is left, 0 for none. */
  unlink(head: number, entry: number): number {
    const { data } = this;
    const next = data[entry + ENTRY_NEXT]!;
    if (head === entry) return next;
    let at = head;
    while (data[at + ENTRY_NEXT] !== entry) at = data[at + ENTRY_NEXT]!;
    data[at + ENTRY_NEXT] = next;
    return head;
  }
}

function doubled(column: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(column.length * 2);
  larger.set(column);
  return larger;
}
