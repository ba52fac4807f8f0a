// What: groups: all, indirect, select and fast failover. Who: xlate-actions.ts.

import type { Action } from '../../actions/action.ts';
import type { Bucket, Group } from '../entries/group.ts';
import { ALL_BUCKETS } from './effects.ts';
import { firstLiveBucket, selectBucket } from './select.ts';
import { orderOnce } from './xlate-action-set.ts';
import { finishFreezing } from './xlate-nested.ts';
import type { XlateState } from './xlate-state.ts';
import { hasResources } from './xlate-table.ts';

/** False: there is no such group, and the actions behind are not carried out. */
export function runGroup(
  x: XlateState,
  { groupId }: Extract<Action, { type: 'group' }>,
  last: boolean,
): boolean {
  if (!hasResources(x)) return true;
  const entry = x.context.group(groupId);
  if (!entry) {
    if (x.sink) x.note('warn', `output to nonexistent group ${groupId}`);
    x.refuse('no-such-group');
    return false;
  }
  const { group } = entry;
  if (group.type === 'all' || group.type === 'indirect') {
    for (let i = 0; i < group.buckets.length; i++) {
      runBucket(x, group.buckets[i]!, last && i === group.buckets.length - 1);
    }
    x.effects.addGroup(entry, ALL_BUCKETS);
    return true;
  }
  const chosen = choose(x, group);
  if (x.freezing) return true;
  if (chosen < 0) {
    x.note('detail', 'no live bucket');
    x.refuse('group-no-live-bucket');
    return true;
  }
  const bucket = group.buckets[chosen]!;
  if (x.sink) x.note('detail', `using bucket ${bucket.bucketId}`);
  runBucket(x, bucket, last);
  x.effects.addGroup(entry, chosen);
  return true;
}

function choose(x: XlateState, group: Group): number {
  if (group.type === 'ff') return firstLiveBucket(x, group);
  if (x.frame.wasMpls) {
    // The hash needs what stands behind the labels.
    x.freeze();
    return -1;
  }
  return selectBucket(x, group);
}

/** Carries out a bucket on a copy; the frame itself serves when nothing follows. */
function runBucket(x: XlateState, bucket: Bucket, last: boolean): void {
  const { frame, program } = x;
  if (!last) frame.commit(program.builder);
  frame.save();
  const nest = last ? undefined : program.openClone();
  x.sink?.enterBucket(bucket);
  x.depth++;
  x.runActions(orderOnce(bucket.actions), last, true);
  x.depth--;
  if (x.freezing) finishFreezing(x);
  x.sink?.leave();
  if (nest) program.closeClone(nest);
  frame.restore();
  // That the bucket ends, for whatever reason, ends nothing else; limits of the whole translation do.
  x.exit = false;
  if (x.error === 'too-many-mpls-labels') x.error = undefined;
}
