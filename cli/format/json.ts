// What: messages as the JSON that --json prints. Why: its names are a contract of their own with scripts: they are
// written out here and do not follow the generated code by accident. Who: all commands.

import {
  type Bridge,
  type Drop,
  type FdbEntry,
  type Flow,
  type GetFdbStatsResponse,
  type Port,
  type PortStats,
  tsswitch,
} from '../../src/generated/services.ts';

const { FailMode, PortType } = tsswitch.v1;

export function bridgeJson(bridge: Bridge) {
  const { name, datapathId, address, failMode, protocols, macAgeSeconds, macTableSize } = bridge;
  return {
    name,
    datapathId,
    address,
    failMode: enumName(FailMode, failMode, 'FAIL_MODE_'),
    protocols,
    macAgeSeconds,
    macTableSize,
  };
}

export function portJson({ bridge, name, type, ofport, link }: Port) {
  return {
    bridge,
    name,
    type: enumName(PortType, type, 'PORT_TYPE_'),
    ofport,
    link: {
      attached: link?.attached,
      adminUp: link?.adminUp,
      up: link?.up,
      address: link?.address,
      mtuBytes: link?.mtuBytes,
      ifindex: link?.ifindex,
      error: link?.error,
    },
  };
}

export function portStatsJson(port: PortStats) {
  const { bridge, name, ofport, rxPackets, rxBytes, rxDropped, rxErrors } = port;
  const { txPackets, txBytes, txDropped, txErrors } = port;
  const rx = { rxPackets, rxBytes, rxDropped, rxErrors };
  return { bridge, name, ofport, ...rx, txPackets, txBytes, txDropped, txErrors };
}

export function dropJson({ bridge, port, ofport, reason, explanation, count }: Drop) {
  return { bridge, port, ofport, reason, explanation, count };
}

export function flowJson(flow: Flow) {
  const { tableId, priority, cookie, match, actions, packets, bytes, durationSeconds } = flow;
  return { tableId, priority, cookie, match, actions, packets, bytes, durationSeconds };
}

export function fdbEntryJson({ ofport, portName, vlan, mac, ageSeconds, isStatic }: FdbEntry) {
  return { ofport, portName, vlan, mac, ageSeconds, isStatic };
}

export function fdbStatsJson(stats: GetFdbStatsResponse) {
  const { bridge, entryCount, maximumCount, staticCount } = stats;
  const { learnedTotal, expiredTotal, evictedTotal, movedTotal } = stats;
  return {
    bridge,
    entryCount,
    maximumCount,
    staticCount,
    learnedTotal,
    expiredTotal,
    evictedTotal,
    movedTotal,
  };
}

/** A JSON array of whatever length, an element a line, made as the replies come. */
export async function* jsonList<Reply>(
  replies: AsyncIterable<Reply>,
  values: (reply: Reply) => unknown[],
): AsyncGenerator<string> {
  let separator = '[\n';
  for await (const reply of replies) {
    for (const value of values(reply)) {
      yield `${separator}  ${JSON.stringify(value)}`;
      separator = ',\n';
    }
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}

/** PORT_TYPE_TAP -> tap. */
function enumName(names: object, value: number | null | undefined, prefix: string): string {
  const entry = Object.entries(names).find(([, number]) => number === value);
  return (entry?.[0] ?? '').slice(prefix.length).toLowerCase();
}
