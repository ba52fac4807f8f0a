// What: the text of dump-ports and dump-ports-desc, in the format of ovs-ofctl with OpenFlow 1.0. Who:
// commands/stats.ts. A counter that the switch does not have is `?`, as in OVS.

import { type Port, type PortStats, tsswitch } from '../../src/generated/services.ts';
import { formatPortNumber, LOCAL_OFPORT } from './port-number.ts';

const { PortConfig } = tsswitch.v1;

/** OVS's words for the bits of a port's configuration, in its order. */
const CONFIG_WORDS: readonly (readonly [tsswitch.v1.PortConfig, string])[] = [
  [PortConfig.PORT_CONFIG_DOWN, 'PORT_DOWN'],
  [PortConfig.PORT_CONFIG_NO_RECEIVE, 'NO_RECV'],
  [PortConfig.PORT_CONFIG_NO_FLOOD, 'NO_FLOOD'],
  [PortConfig.PORT_CONFIG_NO_FORWARD, 'NO_FWD'],
  [PortConfig.PORT_CONFIG_NO_PACKET_IN, 'NO_PACKET_IN'],
];

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

function configOf({ config, link }: Port): string {
  const words = CONFIG_WORDS.filter(([bit]) => config.includes(bit)).map(([, word]) => word);
  if (!link?.adminUp && words[0] !== 'PORT_DOWN') words.unshift('PORT_DOWN');
  return words.join(' ') || '0';
}

function formatDescription(port: Port): string {
  const { ofport, name, link } = port;
  return (
    ` ${formatPortNumber(ofport)}(${name}): addr:${link?.address || '00:00:00:00:00:00'}\n` +
    `     config:     ${configOf(port)}\n` +
    `     state:      ${link?.up ? '0' : 'LINK_DOWN'}\n` +
    '     speed: 0 Mbps now, 0 Mbps max\n'
  );
}
