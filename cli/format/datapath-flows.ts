// What: the text of dump-datapath-flows, in the format of `ovs-appctl dpif/dump-flows`. Who: commands/trace.ts.

import type { DatapathFlow } from '../../src/generated/services.ts';

/** One line. */
export function formatDatapathFlow(entry: DatapathFlow): string {
  const { flow, packets, bytes, usedSeconds, neverUsed, actions } = entry;
  const used = neverUsed ? 'never' : `${usedSeconds.toFixed(3)}s`;
  return `${flow}, packets:${packets}, bytes:${bytes}, used:${used}, actions:${actions}\n`;
}
