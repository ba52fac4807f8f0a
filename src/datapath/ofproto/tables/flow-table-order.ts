// What: RuleOrder, the rules of a table by falling priority, oldest first among equals. Why: a dump of a million flows
// goes out in pages; each page finds its start at once, while rules come and go, and nothing is ever sorted. Who:
// flow-table.ts.
// How: a list for each priority, by rising sequence, and a set of bits that says which priorities have one. A removed
// rule leaves a hole in its list; holes go when there are more of them than rules.
// Invariant: no list is empty.

import type { Rule } from '../entries/rule.ts';

const PRIORITIES = 0x1_0000;
/** A cursor is (65535 - priority) * CURSOR_STEP + sequence: it grows along the order. */
const CURSOR_STEP = 2 ** 36;
const FEW_HOLES = 32;

/** Rules of one priority. */
class RuleList {
  /** Rising sequences, and the rule of each; undefined: a hole. */
  sequences: number[];
  rules: (Rule | undefined)[];
  private holes = 0;

  constructor(first: Rule, second: Rule) {
    const inOrder = first.sequence < second.sequence;
    this.rules = inOrder ? [first, second] : [second, first];
    this.sequences = inOrder ? [first.sequence, second.sequence] : [second.sequence, first.sequence];
  }

  get size(): number {
    return this.rules.length - this.holes;
  }

  add(rule: Rule): void {
    const { sequence } = rule;
    const last = this.sequences.length - 1;
    if (sequence > this.sequences[last]!) {
      this.sequences.push(sequence);
      this.rules.push(rule);
      return;
    }
    // A rule that comes back, since its removal was taken back, mostly finds its hole.
    const at = this.firstFrom(sequence);
    if (this.sequences[at] === sequence) {
      this.rules[at] = rule;
      this.holes--;
    } else {
      this.sequences.splice(at, 0, sequence);
      this.rules.splice(at, 0, rule);
    }
  }

  remove(rule: Rule): void {
    this.rules[this.firstFrom(rule.sequence)] = undefined;
    this.holes++;
    if (this.holes > FEW_HOLES && 2 * this.holes > this.rules.length) this.closeHoles();
  }

  /** Index of the first rule, or hole, whose sequence is not below `sequence`. */
  firstFrom(sequence: number): number {
    let low = 0;
    let high = this.sequences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sequences[middle]! < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private closeHoles(): void {
    const rules: Rule[] = [];
    for (const rule of this.rules) if (rule) rules.push(rule);
    this.rules = rules;
    this.sequences = rules.map((rule) => rule.sequence);
    this.holes = 0;
  }
}

export class RuleOrder {
  size = 0;
  /** A priority with one rule has no list. */
  private readonly lists = new Map<number, Rule | RuleList>();
  /** A bit for each priority that has rules, and a bit for each word of them that is not 0. */
  private readonly used = new Int32Array(PRIORITIES >> 5);
  private readonly usedWords = new Int32Array(PRIORITIES >> 10);

  /** The rule is not in the order. */
  add(rule: Rule): void {
    const { priority } = rule;
    const list = this.lists.get(priority);
    if (list instanceof RuleList) list.add(rule);
    else if (list) this.lists.set(priority, new RuleList(list, rule));
    else this.open(rule);
    this.size++;
  }

  /** The rule is in the order. */
  remove(rule: Rule): void {
    const list = this.lists.get(rule.priority);
    if (list instanceof RuleList && list.size > 1) list.remove(rule);
    else this.close(rule.priority);
    this.size--;
  }

  /** Rules that have a priority. */
  countOf(priority: number): number {
    const list = this.lists.get(priority);
    return list instanceof RuleList ? list.size : list ? 1 : 0;
  }

  /** The cursor that stands for a rule: the rules behind it are those of larger cursors. */
  cursorOf({ priority, sequence }: Rule): number {
    return (PRIORITIES - 1 - priority) * CURSOR_STEP + sequence;
  }

  /** Calls `visit` for the rules behind the cursor, in order (0: for all), until it returns true. */
  forEachBehind(cursor: number, visit: (rule: Rule) => boolean): void {
    const passed = Math.floor(cursor / CURSOR_STEP);
    const sequence = cursor - passed * CURSOR_STEP + 1;
    let priority = PRIORITIES - 1 - passed;
    if (this.visitList(priority, sequence, visit)) return;
    for (priority = this.nextUsed(priority); priority >= 0; priority = this.nextUsed(priority)) {
      if (this.visitList(priority, 0, visit)) return;
    }
  }

  /** Calls `visit` for the rules of a priority, from a sequence on, until it returns true; returns whether it did. */
  visitList(priority: number, sequence: number, visit: (rule: Rule) => boolean): boolean {
    const list = this.lists.get(priority);
    if (list === undefined) return false;
    if (!(list instanceof RuleList)) return list.sequence >= sequence && visit(list);
    const { rules } = list;
    for (let i = list.firstFrom(sequence); i < rules.length; i++) {
      const rule = rules[i];
      if (rule && visit(rule)) return true;
    }
    return false;
  }

  private open(rule: Rule): void {
    const { priority } = rule;
    this.lists.set(priority, rule);
    this.used[priority >> 5] = this.used[priority >> 5]! | (1 << (priority & 31));
    this.usedWords[priority >> 10] = this.usedWords[priority >> 10]! | (1 << ((priority >> 5) & 31));
  }

  private close(priority: number): void {
    this.lists.delete(priority);
    const word = this.used[priority >> 5]! & ~(1 << (priority & 31));
    this.used[priority >> 5] = word;
    if (word !== 0) return;
    this.usedWords[priority >> 10] = this.usedWords[priority >> 10]! & ~(1 << ((priority >> 5) & 31));
  }

  /** The next priority below that has rules, -1: none. */
  private nextUsed(priority: number): number {
    const inWord = this.used[priority >> 5]! & ((1 << (priority & 31)) - 1);
    if (inWord !== 0) return (priority & ~31) | highestBit(inWord);
    const word = priority >> 5;
    let words = this.usedWords[word >> 5]! & ((1 << (word & 31)) - 1);
    let group = word >> 5;
    while (words === 0) {
      if (--group < 0) return -1;
      words = this.usedWords[group]!;
    }
    const next = (group << 5) | highestBit(words);
    return (next << 5) | highestBit(this.used[next]!);
  }
}

function highestBit(word: number): number {
  return 31 - Math.clz32(word);
}
