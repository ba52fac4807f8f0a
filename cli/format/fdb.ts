// What: the text of `fdb show` and `fdb stats-show`, in the format of ovs-appctl. Who: commands/fdb.ts.

import type { FdbEntry, GetFdbStatsResponse } from '../../src/generated/services.ts';
import { formatPortNumber } from './port-number.ts';

export const FDB_HEADER = ' Port  VLAN  MAC                Age\n';

/** One line. */
export function formatFdbEntry(entry: FdbEntry): string {
  const age = entry.isStatic ? 'static' : String(entry.ageSeconds).padStart(3);
  const port = formatPortNumber(entry.ofport).padStart(5);
  return `${port}  ${String(entry.vlan).padStart(4)}  ${entry.mac}  ${age}\n`;
}

export function formatFdbStats(stats: GetFdbStatsResponse): string {
  return (
    `Statistics for bridge "${stats.bridge}":\n` +
    `  Current/maximum MAC entries in the table: ${stats.entryCount}/${stats.maximumCount}\n` +
    `  Current static MAC entries in the table : ${stats.staticCount}\n` +
    `  Total number of learned MAC entries     : ${stats.learnedTotal}\n` +
    `  Total number of expired MAC entries     : ${stats.expiredTotal}\n` +
    `  Total number of evicted MAC entries     : ${stats.evictedTotal}\n` +
    `  Total number of port moved MAC entries  : ${stats.movedTotal}\n`
  );
}
