// What: GroupTable, the groups of a bridge with what they counted, and the changes that group mods ask for. Why:
// OpenFlow 1.5, 7.3.4.3, and where that is silent Open vSwitch decides. Who: bridge.ts carries group mods out through
// it, the translation looks groups up. What becomes of the flows of a deleted group is the caller's business.
// Invariants: an entry never changes, a modified group is a new entry with zero counts; no group leads back to itself.

import { GROUP_MAX } from '../../actions/action.ts';
import { someAction } from '../../actions/nested-actions.ts';
import { SwitchError } from '../../errors.ts';
import {
  BUCKET_ALL,
  BUCKET_FIRST,
  BUCKET_LAST,
  type Bucket,
  GROUP_ALL,
  type Group,
  type GroupEntry,
  type GroupMod,
} from '../entries/group.ts';
import type { Journal } from './journal.ts';

const MAX_GROUPS = 1_000_000;

/** A group in the table. */
export interface StoredGroup extends GroupEntry {
  readonly createdMs: number;
}

export class GroupTable {
  private readonly groups = new Map<number, StoredGroup>();

  get(groupId: number): StoredGroup | undefined {
    return this.groups.get(groupId);
  }

  has(groupId: number): boolean {
    return this.groups.has(groupId);
  }

  /** One group or all of them, by number. */
  list(groupId?: number): StoredGroup[] {
    if (groupId === undefined)
      return [...this.groups.values()].sort((a, b) => a.group.groupId - b.group.groupId);
    const stored = this.groups.get(groupId);
    return stored ? [stored] : [];
  }

  /** Buckets of other groups that lead to a group. */
  references(groupId: number): number {
    let count = 0;
    for (const { group } of this.groups.values()) {
      for (const bucket of group.buckets) if (nextGroups(bucket).includes(groupId)) count++;
    }
    return count;
  }

  /** Carries a group mod out, and returns the numbers of the groups that it deleted. Throws SwitchError. */
  change(mod: GroupMod, nowMs: number, journal: Journal): number[] {
    const { groupId } = mod.group;
    if (mod.command === 'delete') return this.delete(groupId, journal);
    if (groupId > GROUP_MAX) {
      throw new SwitchError('invalid-argument', `${groupId} is no group number: use 0 to ${GROUP_MAX}.`);
    }
    const old = this.groups.get(groupId);
    if (old && mod.command === 'add') {
      throw new SwitchError(
        'already-exists',
        `Group ${groupId} is there already (OFPGMFC_GROUP_EXISTS): modify it, or delete it first.`,
      );
    }
    if (!old && mod.command !== 'add' && mod.command !== 'add_or_modify') {
      throw new SwitchError(
        'not-found',
        `There is no group ${groupId} (OFPGMFC_UNKNOWN_GROUP): add it first.`,
      );
    }
    this.put(old ? changedGroup(old.group, mod) : mod.group, old?.createdMs ?? nowMs, journal);
    return [];
  }

  private put(group: Group, createdMs: number, journal: Journal): void {
    const { groupId } = group;
    const old = this.groups.get(groupId);
    if (!old && this.groups.size >= MAX_GROUPS) {
      throw new SwitchError(
        'resource-exhausted',
        `The bridge has no room for more than ${MAX_GROUPS} groups.`,
      );
    }
    this.refuseLoop(group);
    const counters = 1 + group.buckets.length;
    const packets = new Float64Array(counters);
    const bytes = new Float64Array(counters);
    this.groups.set(groupId, { group, packets, bytes, createdMs });
    const undo = () => {
      if (old) this.groups.set(groupId, old);
      else this.groups.delete(groupId);
    };
    journal.record({ undo });
  }

  private delete(groupId: number, journal: Journal): number[] {
    const deleted =
      groupId === GROUP_ALL ? [...this.groups.keys()] : this.groups.has(groupId) ? [groupId] : [];
    for (const id of deleted) {
      const old = this.groups.get(id)!;
      this.groups.delete(id);
      journal.record({ undo: () => this.groups.set(id, old) });
    }
    return deleted;
  }

  /** A frame would go round for ever. Groups that are not there yet lead nowhere. */
  private refuseLoop(group: Group): void {
    const seen = new Set<number>();
    const next = group.buckets.flatMap(nextGroups);
    for (let id = next.pop(); id !== undefined; id = next.pop()) {
      if (id === group.groupId) {
        const sentence = `Group ${id} would lead back to itself (OFPGMFC_LOOP): the groups that its buckets name must not name it.`;
        throw new SwitchError('invalid-argument', sentence);
      }
      if (seen.has(id)) continue;
      seen.add(id);
      for (const bucket of this.groups.get(id)?.group.buckets ?? []) next.push(...nextGroups(bucket));
    }
  }
}

/** The groups that a bucket sends to. */
function nextGroups({ actions }: Bucket): number[] {
  const groups: number[] = [];
  someAction(actions, (action) => {
    if (action.type === 'group') groups.push(action.groupId);
    return false;
  });
  return groups;
}

/** What a group mod makes of a group that is there. Bucket commands leave type and selection as they are. */
function changedGroup(old: Group, { command, group, commandBucketId }: GroupMod): Group {
  if (command === 'insert_buckets') {
    return { ...old, buckets: insertedBuckets(old, group.buckets, commandBucketId ?? BUCKET_LAST) };
  }
  if (command === 'remove_buckets')
    return { ...old, buckets: remainingBuckets(old, commandBucketId ?? BUCKET_ALL) };
  return group;
}

function insertedBuckets({ groupId, buckets }: Group, added: readonly Bucket[], where: number): Bucket[] {
  const known = new Set(buckets.map(({ bucketId }) => bucketId));
  for (const { bucketId } of added) {
    if (known.has(bucketId)) {
      throw new SwitchError(
        'already-exists',
        `Group ${groupId} has a bucket ${bucketId} already (OFPGMFC_BUCKET_EXISTS): give the new one another bucket_id.`,
      );
    }
    known.add(bucketId);
  }
  if (where === BUCKET_FIRST) return [...added, ...buckets];
  if (where === BUCKET_LAST) return [...buckets, ...added];
  const at = indexOfBucket(groupId, buckets, where) + 1;
  return [...buckets.slice(0, at), ...added, ...buckets.slice(at)];
}

function remainingBuckets({ groupId, buckets }: Group, which: number): Bucket[] {
  if (which === BUCKET_ALL) return [];
  if (which === BUCKET_FIRST) return buckets.slice(1);
  if (which === BUCKET_LAST) return buckets.slice(0, -1);
  const at = indexOfBucket(groupId, buckets, which);
  return buckets.filter((_, i) => i !== at);
}

function indexOfBucket(groupId: number, buckets: readonly Bucket[], bucketId: number): number {
  const at = buckets.findIndex((bucket) => bucket.bucketId === bucketId);
  if (at < 0)
    throw new SwitchError(
      'not-found',
      `Group ${groupId} has no bucket ${bucketId} (OFPGMFC_UNKNOWN_BUCKET).`,
    );
  return at;
}
