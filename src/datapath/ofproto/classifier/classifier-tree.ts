// What: ClassifierTree, where the rules of a classifier stand: tables of buckets, and nodes in place of crowded ones.
// Why: inserts and removes are apart from the search, which is the hot part. Who: classifier.ts searches it.
// Invariants: a rule is in one chain; which, follows from its values and from the nodes on the way; chains are in order;
// no table and no node is empty, but for the root.

import { finishHash, KEY_TYPE_VLAN, mixHash } from '../../flow/key.ts';
import type { CompactMatch, MaskShape } from '../entries/compact-match.ts';
import type { Rule } from '../entries/rule.ts';
import { ENTRY_NEXT, ENTRY_VALUES, Entries } from './classifier-entries.ts';
import { filtersOf, type WordFilter } from './classifier-filter.ts';
import { HashMasks, LADDER_STEPS, type LadderStep } from './classifier-masks.ts';
import { ANY_TYPE, HashTable, TableSet, TYPE_BITS } from './classifier-table.ts';

/** A longer chain is divided, if finer masks divide it. */
const CHAIN_LIMIT = 8;
/** What a probe of a table costs, in comparisons of rules. */
const PROBE_COST = 3;
/** One in this many rules of a table may have gone at its highest priority before that is worked out again. */
const STALE_FRACTION = 16;

const NO_FILTERS: readonly WordFilter[] = [];

/** A shape that rules of this classifier have or had. */
export interface ShapeUse {
  readonly shape: MaskShape;
  /** Offset in Entries.shapes. */
  readonly offset: number;
  /** By step; made when they are needed. */
  readonly ladder: (LadderStep | undefined)[];
  /** Where dl_type stands in the values of a rule; -1: the shape does not ask for one. */
  readonly typeIndex: number;
  rules: number;
}

/** Tables of one step of the ladder: those of all rules, or those of one bucket. */
export class Node {
  readonly step: number;
  readonly set = new TableSet();
  rules = 0;

  constructor(step: number) {
    this.step = step;
  }
}

export class ClassifierTree {
  readonly entries = new Entries();
  readonly root = new Node(0);
  /** Nodes by their number; a bucket refers to one as -number. */
  readonly nodes: (Node | undefined)[] = [undefined];
  readonly shapes = new Map<MaskShape, ShapeUse>();
  private readonly freeNodes: number[] = [];
  private readonly masks = new HashMasks();

  insert(rule: Rule): void {
    const use = this.useOf(rule.match.shape);
    use.rules++;
    rule.entry = this.entries.add(rule, use.offset);
    this.insertInto(this.root, rule.entry, rule.priority, use);
  }

  remove(rule: Rule): void {
    const use = this.shapes.get(rule.match.shape)!;
    this.removeFrom(this.root, rule.entry, rule.priority, use);
    this.entries.remove(rule.entry);
    rule.entry = 0;
    use.rules--;
  }

  /** Head of the chain in which a rule with this match stands, or would stand; 0: there is none. */
  chainOf({ shape, values }: CompactMatch): number {
    const use = this.shapes.get(shape);
    if (!use || use.rules === 0) return 0;
    let node = this.root;
    for (;;) {
      const step = this.stepOf(use, node.step);
      const table = node.set.find(step.mask, typeAt(node, use, values, 0));
      if (!table) return 0;
      const at = table.slotOf(hashValues(step, values, 0));
      if (at < 0) return 0;
      const reference = table.slots[at + 1]!;
      if (reference > 0) return reference;
      node = this.nodes[-reference]!;
    }
  }

  private useOf(shape: MaskShape): ShapeUse {
    let use = this.shapes.get(shape);
    if (!use) {
      const typeIndex = shape.words.indexOf(KEY_TYPE_VLAN);
      use = {
        shape,
        offset: this.entries.addShape(shape),
        ladder: [undefined, undefined, undefined],
        typeIndex: typeIndex >= 0 && (shape.masks[typeIndex]! & TYPE_BITS) === TYPE_BITS ? typeIndex : -1,
        rules: 0,
      };
      this.shapes.set(shape, use);
    }
    return use;
  }

  /** The table of a node for a rule, whose filters have counted it. */
  private tableFor(node: Node, entry: number, use: ShapeUse): HashTable {
    const { mask } = this.stepOf(use, node.step);
    const type = typeAt(node, use, this.entries.data, entry + ENTRY_VALUES);
    let table = node.set.find(mask, type);
    if (!table) {
      table = new HashTable(mask, type, node === this.root ? filtersOf(mask) : NO_FILTERS);
      node.set.add(mask, table);
    }
    for (const filter of table.filters) {
      if (filter.add(this.valueOf(filter, entry, use))) this.refill(filter, table, entry, use);
    }
    return table;
  }

  /** Makes a filter larger: counts all rules of the table in again, and the one that is about to come in. */
  private refill(filter: WordFilter, table: HashTable, entry: number, use: ShapeUse): void {
    filter.grow();
    filter.add(this.valueOf(filter, entry, use));
    this.refillFrom(filter, table);
  }

  private refillFrom(filter: WordFilter, table: HashTable): void {
    for (let at = 1; at < table.slots.length; at += 2) {
      const reference = table.slots[at]!;
      if (reference < 0) {
        for (const inner of this.nodes[-reference]!.set.tables) this.refillFrom(filter, inner);
      }
      for (let entry = Math.max(reference, 0); entry !== 0; entry = this.entries.data[entry + ENTRY_NEXT]!) {
        filter.add(this.valueOf(filter, entry, this.shapes.get(this.entries.ruleOf(entry).match.shape)!));
      }
    }
  }

  /** What a rule has in the word of a filter. */
  private valueOf({ wordIndex }: WordFilter, entry: number, use: ShapeUse): number {
    return this.entries.data[entry + ENTRY_VALUES + this.stepOf(use, 0).valueIndex[wordIndex]!]!;
  }

  private stepOf(use: ShapeUse, step: number): LadderStep {
    let made = use.ladder[step];
    if (!made) {
      made = this.masks.stepOf(use.shape, step);
      use.ladder[step] = made;
    }
    return made;
  }

  private insertInto(start: Node, entry: number, priority: number, use: ShapeUse): void {
    let node = start;
    for (;;) {
      node.rules++;
      const step = this.stepOf(use, node.step);
      const table = this.tableFor(node, entry, use);
      table.rules++;
      if (priority > table.maxPriority) {
        table.maxPriority = priority;
        table.removedAtMax = 0;
        node.set.reorder(table);
      }
      const hash = hashValues(step, this.entries.data, entry + ENTRY_VALUES);
      const at = table.slotOf(hash);
      if (at < 0) {
        this.entries.data[entry + ENTRY_NEXT] = 0;
        table.put(-1 - at, hash, entry);
        return;
      }
      const reference = table.slots[at + 1]!;
      if (reference > 0) {
        table.slots[at + 1] = this.entries.link(reference, entry);
        this.divideIfLong(table, at, node.step);
        return;
      }
      node = this.nodes[-reference]!;
    }
  }

  /** Puts a node in the place of the chain that slots[at] refers to, if it is long and finer masks divide it well. */
  private divideIfLong(table: HashTable, at: number, step: number): void {
    const length = this.entries.lastLength;
    // Looked at when it becomes too long, and, if it could not be divided then, each time that it has doubled.
    const isDue = length === CHAIN_LIMIT + 1 || (length > CHAIN_LIMIT && (length & (length - 1)) === 0);
    if (!isDue) return;
    for (let finer = step + 1; finer < LADDER_STEPS; finer++) {
      if (!this.isDivided(table.slots[at + 1]!, finer, length)) continue;
      const node = new Node(finer);
      const number = this.freeNodes.pop() ?? this.nodes.length;
      this.nodes[number] = node;
      let entry = table.slots[at + 1]!;
      table.slots[at + 1] = -number;
      while (entry !== 0) {
        const next = this.entries.data[entry + ENTRY_NEXT]!;
        const rule = this.entries.ruleOf(entry);
        this.insertInto(node, entry, rule.priority, this.shapes.get(rule.match.shape)!);
        entry = next;
      }
      return;
    }
  }

  /** True when a search finds its way faster through the tables of a step than along the chain. */
  private isDivided(head: number, finer: number, length: number): boolean {
    const masks = new Set<object>();
    const buckets = new Set<number>();
    for (let entry = head; entry !== 0; entry = this.entries.data[entry + ENTRY_NEXT]!) {
      const use = this.shapes.get(this.entries.ruleOf(entry).match.shape)!;
      const step = this.stepOf(use, finer);
      masks.add(step.mask);
      buckets.add(hashValues(step, this.entries.data, entry + ENTRY_VALUES));
    }
    return PROBE_COST * masks.size + (length * masks.size) / buckets.size < length;
  }

  private removeFrom(node: Node, entry: number, priority: number, use: ShapeUse): void {
    node.rules--;
    const step = this.stepOf(use, node.step);
    const table = node.set.find(step.mask, typeAt(node, use, this.entries.data, entry + ENTRY_VALUES))!;
    const at = table.slotOf(hashValues(step, this.entries.data, entry + ENTRY_VALUES));
    const reference = table.slots[at + 1]!;
    let left: number;
    if (reference > 0) {
      left = this.entries.unlink(reference, entry);
    } else {
      const child = this.nodes[-reference]!;
      this.removeFrom(child, entry, priority, use);
      left = child.rules === 0 ? 0 : reference;
      if (left === 0) {
        this.nodes[-reference] = undefined;
        this.freeNodes.push(-reference);
      }
    }
    if (left === 0) table.drop(at);
    else table.slots[at + 1] = left;
    for (const filter of table.filters) filter.remove(this.valueOf(filter, entry, use));
    if (--table.rules === 0) node.set.delete(step.mask, table);
    else if (priority === table.maxPriority) this.lowerPriority(node, table);
  }

  /** Works out the highest priority of a table, if so many rules went that it may have fallen and the work is small. */
  private lowerPriority(node: Node, table: HashTable): void {
    if (++table.removedAtMax * STALE_FRACTION < table.rules) return;
    table.removedAtMax = 0;
    let highest = -1;
    for (let at = 1; at < table.slots.length; at += 2) {
      const reference = table.slots[at]!;
      if (reference === 0) continue;
      highest = Math.max(
        highest,
        reference > 0
          ? this.entries.priorityOf(reference)
          : this.nodes[-reference]!.set.tables[0]!.maxPriority,
      );
    }
    if (highest === table.maxPriority) return;
    table.maxPriority = highest;
    node.set.reorder(table);
  }
}

/** The type of the table of a node for a rule whose values stand at values[at]. Only the root tells types apart. */
function typeAt(node: Node, { typeIndex }: ShapeUse, values: ArrayLike<number>, at: number): number {
  return node.step === 0 && typeIndex >= 0 ? values[at + typeIndex]! & TYPE_BITS : ANY_TYPE;
}

/** Hash of the values of a rule, which stand at values[at], under the mask of a step. */
function hashValues({ mask, valueIndex }: LadderStep, values: ArrayLike<number>, at: number): number {
  const { masks } = mask;
  let hash = 0;
  for (let i = 0; i < masks.length; i++) hash = mixHash(hash, values[at + valueIndex[i]!]! & masks[i]!);
  return finishHash(hash);
}
