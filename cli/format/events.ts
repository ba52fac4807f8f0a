// What: the text of events, in the format of `ovs-ofctl monitor`; the bytes of a frame follow in hexadecimal, as
// packet-out and trace take them. Who: commands/event.ts.

import { type Event, type FlowRemoved, type PacketIn, tsswitch } from '../../src/generated/services.ts';
import { formatDuration } from './duration.ts';
import { hex } from './hex.ts';
import { formatPortNumber } from './port-number.ts';

const { FlowRemovedReason } = tsswitch.v1;

/** OpenFlow's words for the reasons, as OVS prints them. */
const REMOVED_WORDS: Readonly<Record<number, string>> = {
  [FlowRemovedReason.FLOW_REMOVED_REASON_IDLE_TIMEOUT]: 'idle',
  [FlowRemovedReason.FLOW_REMOVED_REASON_HARD_TIMEOUT]: 'hard',
  [FlowRemovedReason.FLOW_REMOVED_REASON_DELETE]: 'delete',
  [FlowRemovedReason.FLOW_REMOVED_REASON_GROUP_DELETE]: 'group_delete',
  [FlowRemovedReason.FLOW_REMOVED_REASON_METER_DELETE]: 'meter_delete',
  [FlowRemovedReason.FLOW_REMOVED_REASON_EVICTION]: 'eviction',
};

export function formatEvent({ packetIn, flowRemoved }: Event): string {
  if (packetIn) return formatPacketIn(packetIn);
  return flowRemoved ? formatFlowRemoved(flowRemoved) : '';
}

function formatPacketIn(event: PacketIn): string {
  const words = ['NXT_PACKET_IN2 (xid=0x0):'];
  if (event.tableId !== 0) words.push(`table_id=${event.tableId}`);
  words.push(`cookie=${event.cookie}`, `total_len=${event.totalLengthBytes}`);
  words.push(`in_port=${formatPortNumber(event.inPort)}`);
  if (event.metadata !== '') words.push(event.metadata);
  words.push(`(via ${event.reason})`, `data_len=${event.data.length}`);
  if (event.controllerId !== 0) words.push(`controller_id=${event.controllerId}`);
  const userdata = event.userdata.length === 0 ? '' : ` userdata=${hex(event.userdata, '.')}\n`;
  return `${words.join(' ')} (unbuffered)\n${userdata}${hex(event.data, '')}\n`;
}

function formatFlowRemoved({ reason, flow }: FlowRemoved): string {
  const { tableId, priority, match, cookie, durationSeconds, idleTimeoutSeconds, packets, bytes } = flow!;
  const matchText = [priority === 32768 ? '' : `priority=${priority}`, match];
  const idle = idleTimeoutSeconds === 0 ? '' : ` idle${idleTimeoutSeconds}`;
  return (
    `OFPT_FLOW_REMOVED (xid=0x0): ${matchText.filter((part) => part !== '').join(',')} ` +
    `reason=${REMOVED_WORDS[reason]} table_id=${tableId} cookie:${cookie} ` +
    `duration${formatDuration(durationSeconds)}${idle} pkts${packets} bytes${bytes}\n`
  );
}
