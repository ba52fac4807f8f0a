// What: groups and their buckets as plain data (OpenFlow 1.5, 5.10). Who: group-text.ts reads and prints them,
// group-table.ts keeps them, xlate-group.ts carries them out.

import type { Action } from '../../actions/action.ts';

export interface Bucket {
  bucketId: number;
  /** 0..65535; what a select group gives to this bucket, in proportion. */
  weight: number;
  /** The bucket is live while this port, and this group, are; undefined: not watched. */
  watchPort: number | undefined;
  watchGroup: number | undefined;
  actions: readonly Action[];
}

export type GroupType = 'all' | 'select' | 'indirect' | 'ff';

export interface Group {
  groupId: number;
  type: GroupType;
  /** '' when the text names none: then the choice is by a hash of the 5-tuple, as Open vSwitch does. */
  selectionMethod: '' | 'hash' | 'dp_hash';
  selectionMethodParam: bigint;
  /** Fields of selection method hash: bits of the key that the hash is taken over (FLOW_WORDS), undefined: none named. */
  fields: { words: Int32Array; text: string } | undefined;
  buckets: readonly Bucket[];
}

/** As the number of a group: all of them (OFPG_ALL). */
export const GROUP_ALL = 0xfffffffc;
/** As commandBucketId of a GroupMod: where buckets go or which of them. */
export const BUCKET_FIRST = 0xfffffffe;
export const BUCKET_LAST = 0xfffffffd;
export const BUCKET_ALL = 0xffffffff;

/** What a group text asks for. For `delete` the group has no buckets, and groupId may be GROUP_ALL. */
export interface GroupMod {
  command: 'add' | 'modify' | 'add_or_modify' | 'delete' | 'insert_buckets' | 'remove_buckets';
  group: Group;
  commandBucketId: number | undefined;
}

/** A group of the bridge with the columns of what its buckets counted. */
export interface GroupEntry {
  readonly group: Group;
  /** Frames and bytes of the group, then of each bucket. Same length: 1 + buckets. */
  readonly packets: Float64Array;
  readonly bytes: Float64Array;
}
