// What: walks over the rules of a classifier that a match covers or overlaps. Why: deleting a few of a million flows
// should not look at all of them. Who: flow-table.ts.
// How: where all rules of a table are hashed by bits that the match asks for too, only one bucket can hold such rules.

import { finishHash, KEY_TYPE_VLAN, mixHash } from '../../flow/key.ts';
import type { Match } from '../../flow/match.ts';
import type { Rule } from '../entries/rule.ts';
import { ENTRY_NEXT } from './classifier-entries.ts';
import { ANY_TYPE, type HashTable, TYPE_BITS } from './classifier-table.ts';
import type { ClassifierTree, Node } from './classifier-tree.ts';

/** True when the match names one bucket in most of the tables, by the rules in them. */
export function narrows(tree: ClassifierTree, match: Match): boolean {
  let scanned = 0;
  for (const table of tree.root.set.tables) {
    if (!isOtherType(table, match) && !isHashedBy(table, match)) scanned += table.rules;
  }
  return 2 * scanned <= tree.root.rules;
}

/**
 * Calls `visit` for all rules, of this priority or more, that agree with the match in all bits that both look at, and
 * perhaps for others, until it returns true; returns whether it did.
 */
export function forEachCandidate(
  tree: ClassifierTree,
  match: Match,
  priority: number,
  visit: (rule: Rule) => boolean,
): boolean {
  return visitNode(tree, tree.root, match, priority, visit);
}

function visitNode(
  tree: ClassifierTree,
  node: Node,
  match: Match,
  priority: number,
  visit: (rule: Rule) => boolean,
): boolean {
  for (const table of node.set.tables) {
    if (table.maxPriority < priority) return false;
    if (isOtherType(table, match)) continue;
    if (isHashedBy(table, match)) {
      const at = table.slotOf(hashMatch(table, match));
      if (at >= 0 && visitReference(tree, table.slots[at + 1]!, match, priority, visit)) return true;
      continue;
    }
    const { slots } = table;
    for (let at = 1; at < slots.length; at += 2) {
      if (slots[at] !== 0 && visitReference(tree, slots[at]!, match, priority, visit)) return true;
    }
  }
  return false;
}

function visitReference(
  tree: ClassifierTree,
  reference: number,
  match: Match,
  priority: number,
  visit: (rule: Rule) => boolean,
): boolean {
  if (reference < 0) return visitNode(tree, tree.nodes[-reference]!, match, priority, visit);
  const { entries } = tree;
  for (let entry = reference; entry !== 0; entry = entries.data[entry + ENTRY_NEXT]!) {
    if (entries.priorityOf(entry) < priority) return false;
    if (visit(entries.ruleOf(entry))) return true;
  }
  return false;
}

/** True when all rules of the table have a dl_type, and the match asks for another one. */
function isOtherType({ type }: HashTable, { mask, value }: Match): boolean {
  return type !== ANY_TYPE && ((value[KEY_TYPE_VLAN]! ^ type) & mask[KEY_TYPE_VLAN]! & TYPE_BITS) !== 0;
}

function isHashedBy({ words, masks }: HashTable, match: Match): boolean {
  for (let i = 0; i < words.length; i++) {
    if ((match.mask[words[i]!]! & masks[i]!) !== masks[i]) return false;
  }
  return true;
}

function hashMatch({ words, masks }: HashTable, match: Match): number {
  let hash = 0;
  for (let i = 0; i < words.length; i++) hash = mixHash(hash, match.value[words[i]!]! & masks[i]!);
  return finishHash(hash);
}
