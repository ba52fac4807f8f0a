// What: the text of dump-flows, in the format of ovs-ofctl with OpenFlow 1.0. Who: commands/flow.ts.

import type { Flow } from '../../src/generated/services.ts';

/** What ovs-ofctl prints before the flows when its output is not a terminal. */
export const FLOWS_HEADER = 'NXST_FLOW reply (xid=0x4):\n';

/** The priority of a flow that names none; it is not printed. */
const DEFAULT_PRIORITY = 32768;

/** One line. */
export function formatFlow(flow: Flow): string {
  const priority = flow.priority === DEFAULT_PRIORITY ? '' : `priority=${flow.priority}`;
  const match = [priority, flow.match].filter((part) => part !== '').join(',');
  return (
    ` cookie=${flow.cookie}, duration=${formatDuration(flow.durationSeconds)}, table=${flow.tableId}, ` +
    `n_packets=${flow.packets}, n_bytes=${flow.bytes}, ${match === '' ? '' : `${match} `}actions=${flow.actions}\n`
  );
}

/** Milliseconds when there are any, as ofp_print_duration of OVS. */
function formatDuration(seconds: number): string {
  const milliseconds = Math.floor(seconds * 1000);
  const fraction = milliseconds % 1000;
  const whole = Math.floor(milliseconds / 1000);
  return fraction === 0 ? `${whole}s` : `${whole}.${String(fraction).padStart(3, '0')}s`;
}
