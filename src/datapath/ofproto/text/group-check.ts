// What: whether the parts of a group text go together: a group has a number and a type, what buckets may say depends on the
// type. Why: OpenFlow refuses such groups with a number; here the error points at the place and says what is missing. Who:
// group-text.ts, which reads them.

import type { SwitchError } from '../../errors.ts';
import { syntaxError, type Token } from '../../flow/syntax.ts';
import { GROUP_ALL, type Group, type GroupMod } from '../entries/group.ts';

/** What a bucket starts with. */
export const BUCKET = 'bucket=';

/** Throws SwitchError invalid-argument for what is wrong before the buckets; `seen` are the keys that were given. */
export function checkHead(
  text: string,
  { group, command, commandBucketId }: GroupMod,
  seen: ReadonlyMap<string, Token>,
  starts: readonly number[],
): void {
  const refuse = (key: string, problem: string, expected: string) => {
    const token = seen.get(key);
    // What is missing belongs before the buckets.
    const at = token?.keyAt ?? starts[0] ?? text.length;
    return syntaxError(text, at, token?.key.length ?? 1, problem, expected);
  };
  if (Number.isNaN(group.groupId))
    throw refuse('group_id', 'The group has no number', 'group_id= and a number');
  const isWhole = command === 'add' || command === 'modify' || command === 'add_or_modify';
  if (isWhole && group.groupId === GROUP_ALL)
    throw refuse('group_id', 'One group cannot be all groups', 'group_id= and a number');
  if (isWhole && !seen.has('type'))
    throw refuse('type', 'The group has no type', 'type=all, select, indirect or ff');
  if (command === 'insert_buckets' && commandBucketId === undefined) {
    throw refuse(
      'command_bucket_id',
      'The place of the buckets is missing',
      'command_bucket_id=first, last or a bucket number',
    );
  }
  if (starts.length > 0 && (command === 'delete' || command === 'remove_buckets')) {
    throw syntaxError(text, starts[0]!, BUCKET.length - 1, 'Buckets are not needed here', 'no bucket=');
  }
  checkSelection(group, refuse);
}

function checkSelection(
  group: Group,
  refuse: (key: string, problem: string, expected: string) => SwitchError,
): void {
  if (group.selectionMethod !== '' && group.type !== 'select') {
    const expected = 'type=select, or no selection_method';
    throw refuse('selection_method', 'Only select groups choose a bucket', expected);
  }
  if (group.fields && group.selectionMethod !== 'hash') {
    const expected = 'selection_method=hash, or no fields';
    throw refuse('fields', 'fields go with selection_method=hash only', expected);
  }
  if (group.selectionMethodParam !== 0n && group.selectionMethod === '') {
    const problem = 'selection_method_param goes with selection_method only';
    throw refuse('selection_method_param', problem, 'selection_method=hash or dp_hash');
  }
}

/** Throws SwitchError invalid-argument for a bucket that does not fit; `starts` are their places in the text. */
export function checkBuckets(
  text: string,
  { group: { type, buckets }, command }: GroupMod,
  starts: readonly number[],
): void {
  const seen = new Set<number>();
  for (const [i, bucket] of buckets.entries()) {
    const refuse = (what: string, expected: string) =>
      syntaxError(text, starts[i]!, BUCKET.length - 1, what, expected);
    if (seen.has(bucket.bucketId))
      throw refuse(`Bucket ${bucket.bucketId} stands twice`, 'another bucket_id');
    seen.add(bucket.bucketId);
    // What the buckets must be like depends on a group that is not known here.
    if (command === 'insert_buckets') continue;
    if (type !== 'select' && bucket.weight !== 0)
      throw refuse('Only buckets of select groups have a weight', 'no weight');
    const watches = bucket.watchPort !== undefined || bucket.watchGroup !== undefined;
    if (type === 'ff' && !watches)
      throw refuse('A bucket of a ff group watches something', 'watch_port or watch_group');
    if ((type === 'all' || type === 'indirect') && watches) {
      throw refuse(
        `Buckets of groups of type ${type} watch nothing`,
        'type=ff or select, or no watch_port and watch_group',
      );
    }
  }
  if (type === 'indirect' && command !== 'insert_buckets' && buckets.length !== 1) {
    throw syntaxError(
      text,
      starts[1] ?? text.length,
      starts.length > 1 ? BUCKET.length - 1 : 1,
      'An indirect group has one bucket',
      'one bucket=',
    );
  }
}
