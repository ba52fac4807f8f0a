// What: the text of dump-groups and dump-group-stats, in the format of ovs-ofctl. Who: commands/group.ts.

import type { Group, GroupStats } from '../../src/generated/services.ts';
import { formatDuration } from './duration.ts';

export function formatGroups(groups: Group[]): string {
  return `NXST_GROUP_DESC reply (xid=0x2):\n${groups.map(({ text }) => ` ${text}\n`).join('')}`;
}

export function formatGroupStats(groups: GroupStats[]): string {
  return `NXST_GROUP reply (xid=0x6):\n${groups.map(formatCounters).join('')}`;
}

function formatCounters({
  groupId,
  durationSeconds,
  referenceCount,
  buckets,
  ...counters
}: GroupStats): string {
  const bucketTexts = buckets.map(
    ({ packets, bytes }, index) => `,bucket${index}:packet_count=${packets},byte_count=${bytes}`,
  );
  return (
    ` group_id=${groupId},duration=${formatDuration(durationSeconds)},ref_count=${referenceCount},` +
    `packet_count=${counters.packets},byte_count=${counters.bytes}${bucketTexts.join('')}\n`
  );
}
