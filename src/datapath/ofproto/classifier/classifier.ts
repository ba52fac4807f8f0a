// What: Classifier, from a key to the matching rule of the highest priority. Why: a table may hold a hundred thousand
// rules under thousands of masks, and each frame of an unknown flow asks it. Who: flow-table.ts; conjunction.ts for
// what conjunctive matches add.
// How: tuple space search over merged tuples. Rules are hashed by a coarse form of their mask (classifier-masks.ts),
// so that a score of tables serves thousands of masks. Where more than a few rules fall into one bucket, the
// bucket is divided by tables of its own under finer masks (a node). Tables stand by falling highest priority, and the
// search ends where no later one can win.
// Wildcards: a lookup adds to them the bits that its answer depends on: for a table that was probed, its mask; for a
// rule that was compared and does not match, one field that differs, addresses and ports up to the first different bit;
// for the rule found, its mask. So each rule that would have won is ruled out by bits that stand in the wildcards.
// Invariants: a rule is in one chain; which, follows from its values and from the nodes on the way; chains are in order.

import { finishHash, KEY_TYPE_VLAN, mixHash } from '../../flow/key.ts';
import type { CompactMatch } from '../entries/compact-match.ts';
import type { Rule } from '../entries/rule.ts';
import { ENTRY_NEXT, ENTRY_PRIORITY, ENTRY_RULE, ENTRY_SHAPE, ENTRY_VALUES } from './classifier-entries.ts';
import type { WordFilter } from './classifier-filter.ts';
import { ANY_TYPE, TYPE_BITS } from './classifier-table.ts';
import { ClassifierTree, type Node } from './classifier-tree.ts';
import { addEvidence } from './classifier-wildcards.ts';

/** Takes the soft matches that a search meets: rules with conjunction actions. */
export interface SoftSink {
  add(rule: Rule): void;
}

export class Classifier {
  readonly tree = new ClassifierTree();
  // State of a search.
  private bestEntry = 0;
  private bestPriority = -1;
  private softSink: SoftSink | undefined;
  private hideUnderSoft = false;

  get size(): number {
    return this.tree.root.rules;
  }

  /** Tables of the search from its start, for statistics. */
  get tableCount(): number {
    return this.tree.root.set.tables.length;
  }

  /** The rule is in no classifier. */
  insert(rule: Rule): void {
    this.tree.insert(rule);
  }

  /** The rule is in this classifier. */
  remove(rule: Rule): void {
    this.tree.remove(rule);
  }

  /** The rule with exactly this match and priority. */
  find(match: CompactMatch, priority: number): Rule | undefined {
    const { entries } = this.tree;
    for (let at = this.tree.chainOf(match); at !== 0; at = entries.data[at + ENTRY_NEXT]!) {
      const other = entries.priorityOf(at);
      if (other < priority) return undefined;
      if (other !== priority) continue;
      const rule = entries.ruleOf(at);
      if (rule.match.shape === match.shape && entries.hasValues(at, match.values)) return rule;
    }
    return undefined;
  }

  /**
   * The live rule of the highest priority that accepts the flow, soft ones left out, the one added first among equals.
   * Soft matches of its priority and above go to `softSink`, if there is one, perhaps with some below. `hideUnderSoft`:
   * a rule counts for nothing when a soft rule of higher priority has the same match.
   */
  search(
    flow: Int32Array,
    wildcards: Int32Array,
    softSink?: SoftSink,
    hideUnderSoft = false,
  ): Rule | undefined {
    this.bestEntry = 0;
    this.bestPriority = -1;
    this.softSink = softSink;
    this.hideUnderSoft = hideUnderSoft;
    this.searchNode(this.tree.root, flow, wildcards);
    if (this.bestEntry === 0) return undefined;
    const { data, shapes, rules } = this.tree.entries;
    addShape(wildcards, shapes, data[this.bestEntry + ENTRY_SHAPE]!);
    return rules[data[this.bestEntry + ENTRY_RULE]!];
  }

  private searchNode(node: Node, flow: Int32Array, wildcards: Int32Array): void {
    const { tables } = node.set;
    for (let i = 0; i < tables.length; i++) {
      const table = tables[i]!;
      if (table.maxPriority < this.bestPriority) return;
      if (table.type !== ANY_TYPE && ((flow[KEY_TYPE_VLAN]! ^ table.type) & TYPE_BITS) !== 0) {
        wildcards[KEY_TYPE_VLAN] = wildcards[KEY_TYPE_VLAN]! | TYPE_BITS;
        continue;
      }
      if (isExcluded(table.filters, flow, wildcards)) continue;
      const { words, masks, present } = table;
      let hash = 0;
      for (let j = 0; j < words.length; j++) {
        const word = words[j]!;
        const mask = masks[j]!;
        wildcards[word] = wildcards[word]! | mask;
        hash = mixHash(hash, flow[word]! & mask);
      }
      hash = finishHash(hash);
      const bit = hash >>> table.presentShift;
      if (((present[bit >>> 5]! >>> (bit & 31)) & 1) === 0) continue;
      const { slots, wrap } = table;
      let at = (hash << 1) & wrap;
      let reference = slots[at + 1]!;
      while (reference !== 0) {
        if (slots[at] === hash) {
          if (reference > 0) this.searchChain(reference, flow, wildcards);
          else this.searchNode(this.tree.nodes[-reference]!, flow, wildcards);
          break;
        }
        at = (at + 2) & wrap;
        reference = slots[at + 1]!;
      }
    }
  }

  private searchChain(head: number, flow: Int32Array, wildcards: Int32Array): void {
    const { data, shapes, rules } = this.tree.entries;
    for (let entry = head; entry !== 0; entry = data[entry + ENTRY_NEXT]!) {
      const priority = data[entry + ENTRY_PRIORITY]!;
      if (priority < this.bestPriority) return;
      const shape = data[entry + ENTRY_SHAPE]!;
      const end = shape + 2 * shapes[shape]!;
      let value = entry + ENTRY_VALUES;
      let accepts = true;
      for (let at = shape + 1; at <= end; at += 2) {
        const word = shapes[at]!;
        const different = (flow[word]! & shapes[at + 1]!) ^ data[value++]!;
        if (different === 0) continue;
        if ((different & wildcards[word]!) === 0) addEvidence(wildcards, word, shapes[at + 1]!, different);
        accepts = false;
        break;
      }
      if (!accepts) continue;
      const rule = rules[data[entry + ENTRY_RULE]!]!;
      if (!rule.live) continue;
      if (rule.soft) {
        if (this.softSink === undefined) continue;
        this.softSink.add(rule);
        addShape(wildcards, shapes, shape);
        continue;
      }
      if (
        priority === this.bestPriority &&
        rules[data[this.bestEntry + ENTRY_RULE]!]!.sequence < rule.sequence
      ) {
        return;
      }
      if (this.hideUnderSoft && this.isHidden(head, entry)) continue;
      this.bestEntry = entry;
      this.bestPriority = priority;
      return;
    }
  }

  /** True when a soft rule of the chain has the same match as the entry and stands before it. */
  private isHidden(head: number, entry: number): boolean {
    const { entries } = this.tree;
    const { shape, values } = entries.ruleOf(entry).match;
    for (let at = head; at !== entry; at = entries.data[at + ENTRY_NEXT]!) {
      const rule = entries.ruleOf(at);
      if (rule.soft && rule.live && rule.match.shape === shape && entries.hasValues(at, values)) return true;
    }
    return false;
  }
}

/** True when one of the filters shows that no rule of its table can match; adds the bits that show it. */
function isExcluded(filters: readonly WordFilter[], flow: Int32Array, wildcards: Int32Array): boolean {
  for (let i = 0; i < filters.length; i++) {
    const filter = filters[i]!;
    const bits = filter.excludes(flow[filter.word]!);
    if (bits === 0) continue;
    wildcards[filter.word] = wildcards[filter.word]! | bits;
    return true;
  }
  return false;
}

/** Adds the mask of a shape, which stands at shapes[at], to the wildcards. */
function addShape(wildcards: Int32Array, shapes: Int32Array, shape: number): void {
  const end = shape + 2 * shapes[shape]!;
  for (let at = shape + 1; at <= end; at += 2) {
    const word = shapes[at]!;
    wildcards[word] = wildcards[word]! | shapes[at + 1]!;
  }
}
