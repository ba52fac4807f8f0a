// What: the text of dump-ports and dump-ports-desc, in the format of ovs-ofctl with OpenFlow 1.0. Who:
// commands/stats.ts. A counter that the switch does not have is `?`, as in OVS.

import type { Port, PortStats } from '../../src/generated/services.ts';
import { formatPortNumber, LOCAL_OFPORT } from './port-number.ts';

/** Local port first, as OVS does. */
export function formatPortStats(ports: PortStats[]): string {
  const sorted = [...ports].sort((a, b) => (a.ofport % LOCAL_OFPORT) - (b.ofport % LOCAL_OFPORT));
  return `OFPST_PORT reply (xid=0x2): ${ports.length} ports\n${sorted.map(formatCounters).join('')}`;
}

function formatCounters(port: PortStats): string {
  const padding = port.ofport < 10 ? ' ' : '';
  return (
    `  port ${padding}${formatPortNumber(port.ofport)}: rx pkts=${port.rxPackets}, bytes=${port.rxBytes}, ` +
    `drop=${port.rxDropped}, errs=${port.rxErrors}, frame=?, over=?, crc=?\n` +
    `           tx pkts=${port.txPackets}, bytes=${port.txBytes}, drop=${port.txDropped}, ` +
    `errs=${port.txErrors}, coll=?\n`
  );
}

/** By port number, so the local port is last, as OVS does. */
export function formatPortDescriptions(ports: Port[]): string {
  const sorted = [...ports].sort((a, b) => a.ofport - b.ofport);
  return `OFPST_PORT_DESC reply (xid=0x2):\n${sorted.map(formatDescription).join('')}`;
}

function formatDescription({ ofport, name, link }: Port): string {
  return (
    ` ${formatPortNumber(ofport)}(${name}): addr:${link?.address || '00:00:00:00:00:00'}\n` +
    `     config:     ${link?.adminUp ? '0' : 'PORT_DOWN'}\n` +
    `     state:      ${link?.up ? '0' : 'LINK_DOWN'}\n` +
    '     speed: 0 Mbps now, 0 Mbps max\n'
  );
}
