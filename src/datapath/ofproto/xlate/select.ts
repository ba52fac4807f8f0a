// What: which bucket of a group a frame takes: liveness, and the choice of select groups. Why: fast failover and load
// sharing are this choice. Who: xlate-group.ts.
//
// A select group gives each bucket a score by the hash of the flow and the number of the bucket, scaled so that the
// chance to win is proportional to its weight (weighted rendezvous hashing). A bucket that comes or goes moves only
// the flows that it wins or had won.

import { finishHash, KEY_WORDS, mixHash } from '../../flow/key.ts';
import type { Bucket, Group } from '../entries/group.ts';
import { hashFlow } from './flow-hash.ts';
import type { XlateState } from './xlate-state.ts';

/** Groups that watch groups that watch groups. */
const MAX_WATCH_DEPTH = 128;

/** Index of the first live bucket, -1 when there is none. */
export function firstLiveBucket(x: XlateState, group: Group, depth = 0): number {
  for (let i = 0; i < group.buckets.length; i++) {
    const bucket = group.buckets[i]!;
    if (isLive(x, group, bucket, depth)) return i;
    if (x.sink) x.note('detail', notLiveText(bucket));
  }
  return -1;
}

/** Index of the bucket of a select group for the frame, -1 when none is live. */
export function selectBucket(x: XlateState, group: Group): number {
  const hash = groupHash(x, group);
  let best = -1;
  let bestScore = -1;
  for (let i = 0; i < group.buckets.length; i++) {
    const bucket = group.buckets[i]!;
    if (!isLive(x, group, bucket, 0)) {
      if (x.sink) x.note('detail', notLiveText(bucket));
      continue;
    }
    const score = scoreOf(hash, bucket);
    if (score > bestScore) {
      best = i;
      bestScore = score;
    }
    if (x.sink) x.note('detail', `bucket ${bucket.bucketId}: score ${score.toPrecision(4)}`);
  }
  return best;
}

function isLive(x: XlateState, group: Group, bucket: Bucket, depth: number): boolean {
  if (depth >= MAX_WATCH_DEPTH) {
    x.note('error', `bucket chaining exceeded ${MAX_WATCH_DEPTH} links`);
    return false;
  }
  if (group.type === 'select' && bucket.weight === 0) return false;
  const { watchPort, watchGroup } = bucket;
  if (watchPort === undefined && watchGroup === undefined) return true;
  if (watchPort !== undefined && (x.context.ports.get(watchPort)?.isLive() ?? false)) return true;
  const watched = watchGroup === undefined ? undefined : x.context.group(watchGroup);
  return watched !== undefined && firstLiveBucket(x, watched.group, depth + 1) >= 0;
}

function notLiveText({ bucketId, watchPort, watchGroup }: Bucket): string {
  const causes: string[] = [];
  if (watchPort !== undefined) causes.push(`port ${watchPort}`);
  if (watchGroup !== undefined) causes.push(`group ${watchGroup}`);
  return `bucket ${bucketId}: not live due to ${causes.join(' and ') || 'weight 0'}`;
}

/** A hash of the fields that the group names, or of the 5-tuple, the same in both directions. */
function groupHash(x: XlateState, group: Group): number {
  const { frame } = x;
  const parameter = Number(BigInt.asUintN(32, group.selectionMethodParam)) | 0;
  if (group.selectionMethod !== 'hash' || !group.fields) return hashFlow(frame, 'symmetric_l4', parameter);
  let hash = parameter;
  const { words } = group.fields;
  for (let word = 0; word < words.length; word++) {
    const bits = words[word]!;
    if (bits === 0) continue;
    if (word < KEY_WORDS) frame.look(word, bits);
    hash = mixHash(hash, frame.flow[word]! & bits);
  }
  return finishHash(hash) >>> 0;
}

/** weight / -ln(u) for a number u, uniform in (0, 1), that belongs to flow and bucket. */
function scoreOf(hash: number, bucket: Bucket): number {
  const mixed = finishHash(mixHash(mixHash(hash, bucket.bucketId), 0x5bd1_e995)) >>> 0;
  return bucket.weight / -Math.log((mixed + 0.5) / 2 ** 32);
}
