// What: the text of `tsswitch drops`: a table of what was dropped where and why. Who: commands/stats.ts.

import type { Drop } from '../../src/generated/services.ts';

/** Columns are as wide as their longest entry; the count stands right. */
export function formatDrops(drops: Drop[]): string {
  const rows = [
    ['Bridge', 'Port', 'Reason', 'Frames', 'Why'],
    ...drops.map((drop) => [drop.bridge, drop.port, drop.reason, String(drop.count), drop.explanation]),
  ] as [string, string, string, string, string][];
  const width = (column: number) => Math.max(...rows.map((row) => row[column]!.length));
  const [bridgeWidth, portWidth, reasonWidth, countWidth] = [width(0), width(1), width(2), width(3)];
  return rows
    .map(
      ([bridge, port, reason, count, why]) =>
        ` ${bridge.padEnd(bridgeWidth)}  ${port.padEnd(portWidth)}  ${reason.padEnd(reasonWidth)}  ` +
        `${count.padStart(countWidth)}  ${why}\n`,
    )
    .join('');
}
