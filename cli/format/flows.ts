// What: the text around flows in the format of ovs-ofctl with OpenFlow 1.0. The lines of flows come from the switch as
// they are printed. Who: commands/flow.ts.

import type { AggregateFlowsResponse } from '../../src/generated/services.ts';

/** What ovs-ofctl prints before the flows when its output is not a terminal. */
export const FLOWS_HEADER = 'NXST_FLOW reply (xid=0x4):\n';

export function formatAggregate({ packets, bytes, flowCount }: AggregateFlowsResponse): string {
  return `NXST_AGGREGATE reply (xid=0x4): packet_count=${packets} byte_count=${bytes} flow_count=${flowCount}\n`;
}
