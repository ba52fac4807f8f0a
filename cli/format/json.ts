// What: messages as the JSON that --json prints. Why: its names are a contract of their own with scripts: they are
// written out here and do not follow the generated code by accident. Who: all commands.

import {
  type AggregateFlowsResponse,
  type ApplyBundleResponse,
  type Bridge,
  type DatapathFlow,
  type Drop,
  type Event,
  type FdbEntry,
  type Flow,
  type GetFdbStatsResponse,
  type Group,
  type GroupStats,
  type Meter,
  type MeterStats,
  type Port,
  type PortStats,
  type Table,
  type TraceResponse,
  tsswitch,
} from '../../src/generated/services.ts';
import { hex } from './hex.ts';

const { FailMode, FlowRemovedReason, OverflowPolicy, PortConfig, PortType } = tsswitch.v1;

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

export function portJson({ bridge, name, type, ofport, link, config }: Port) {
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
    config: config.map((bit) => enumName(PortConfig, bit, 'PORT_CONFIG_')),
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
  const { idleTimeoutSeconds, hardTimeoutSeconds, importance, flags, idleAgeSeconds, hardAgeSeconds } = flow;
  const counters = { packets, bytes, durationSeconds, idleAgeSeconds, hardAgeSeconds };
  const settings = { idleTimeoutSeconds, hardTimeoutSeconds, importance, flags };
  return { tableId, priority, cookie, match, actions, ...settings, ...counters };
}

export function aggregateJson({ packets, bytes, flowCount }: AggregateFlowsResponse) {
  return { packets, bytes, flowCount };
}

export function bundleJson({ changeCount, deletedFlowCount }: ApplyBundleResponse) {
  return { changeCount, deletedFlowCount };
}

export function groupJson({ groupId, text }: Group) {
  return { groupId, text };
}

export function groupStatsJson(group: GroupStats) {
  const { groupId, durationSeconds, referenceCount, packets, bytes, buckets } = group;
  const counters = buckets.map((bucket) => ({ packets: bucket.packets, bytes: bucket.bytes }));
  return { groupId, durationSeconds, referenceCount, packets, bytes, buckets: counters };
}

export function meterJson({ meterId, text }: Meter) {
  return { meterId, text };
}

export function meterStatsJson(meter: MeterStats) {
  const { meterId, flowCount, packets, bytes, durationSeconds, bands } = meter;
  const counters = bands.map((band) => ({ packets: band.packets, bytes: band.bytes }));
  return { meterId, flowCount, packets, bytes, durationSeconds, bands: counters };
}

export function tableJson(table: Table) {
  const { tableId, name, activeFlowCount, lookups, matched, flowLimit, overflowPolicy } = table;
  const policy = enumName(OverflowPolicy, overflowPolicy, 'OVERFLOW_POLICY_');
  const limit = flowLimit === 0 ? null : flowLimit;
  return { tableId, name, activeFlowCount, lookups, matched, flowLimit: limit, overflowPolicy: policy };
}

export function traceJson(trace: TraceResponse) {
  const { flow, finalFlow, megaflow, datapathActions, dropReason, dropExplanation, text } = trace;
  return { flow, finalFlow, megaflow, datapathActions, dropReason, dropExplanation, text };
}

export function datapathFlowJson({ flow, packets, bytes, usedSeconds, neverUsed, actions }: DatapathFlow) {
  return { flow, packets, bytes, usedSeconds: neverUsed ? null : usedSeconds, actions };
}

export function eventJson({ sequence, bridge, timeMs, packetIn, flowRemoved }: Event) {
  const common = { sequence, bridge, timeMs };
  if (packetIn) {
    const { reason, tableId, cookie, inPort, controllerId, totalLengthBytes, data, userdata, metadata } =
      packetIn;
    const about = { reason, tableId, cookie, inPort, controllerId, totalLengthBytes, metadata };
    return { ...common, packetIn: { ...about, data: hex(data, ''), userdata: hex(userdata, '') } };
  }
  const reason = enumName(FlowRemovedReason, flowRemoved?.reason, 'FLOW_REMOVED_REASON_');
  return { ...common, flowRemoved: { reason, flow: flowJson(flowRemoved!.flow!) } };
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
