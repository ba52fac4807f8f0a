// What: traceFlow, what would become of a frame, and why, in the text of `ovs-appctl ofproto/trace`. Why: "why was my
// packet dropped?" Who: packet-commands.ts. It is the same translation that real frames get (xlate.ts) with a listener;
// nothing is learned and nothing is counted.

import { formatVerdict, type ProgramNames } from '../../actions/format-program.ts';
import { isDrop } from '../../actions/verdict.ts';
import type { TraceInfo } from '../../api.ts';
import { Translation } from '../../dp/upcall.ts';
import { DROP_REASON_NAMES, DROP_REASONS, type DropReason } from '../../drop.ts';
import { extractKey } from '../../flow/extract.ts';
import {
  FLOW_WORDS,
  IN_PORT_BITS,
  KEY_ACTSET_OUTPUT,
  KEY_IN_PORT,
  NO_ACTSET_OUTPUT,
} from '../../flow/key.ts';
import { formatFlowKey, parseFlowKey } from '../../flow/key-text.ts';
import type { PortResolver } from '../../flow/port-number.ts';
import { ETHERNET_HEADER_LENGTH } from '../../wire/ethernet.ts';
import { TraceTree } from './trace-tree.ts';
import type { Xlate } from './xlate.ts';
import type { PacketInSpec, XlatePort } from './xlate-context.ts';

/** What a trace needs of a bridge. */
export interface TracedBridge {
  readonly spec: { readonly name: string };
  readonly xlate: Xlate;
  readonly ports: ReadonlyMap<number, XlatePort>;
  readonly resolvePort: PortResolver;
}

const RULER = '='.repeat(79);
/** Times that a frame may come around in a report. */
const MAX_RECIRCULATIONS = 64;
/** As the datapath port of a frame that came from none. */
const NO_INGRESS = -1;

/** The report for `in_port=1,tcp,nw_dst=…`, or `in_port=1 HEX`. Throws SwitchError invalid-argument. */
export function traceFlow(bridge: TracedBridge, text: string, nowMs: number): TraceInfo {
  const { key, hasFrame } = keyOfText(text, bridge.resolvePort);
  return traceKey(bridge, key, hasFrame, nowMs);
}

function traceKey(bridge: TracedBridge, key: Int32Array, hasFrame: boolean, nowMs: number): TraceInfo {
  const ingress = bridge.ports.get(key[KEY_IN_PORT]! & IN_PORT_BITS)?.index ?? NO_INGRESS;
  const first = tracePass(bridge, key, ingress, hasFrame, nowMs);
  const parts = [first.text];
  const around = [...first.recirculations];
  for (let count = 0; around.length > 0 && count < MAX_RECIRCULATIONS; count++) {
    const { id, flow } = around.shift()!;
    flow[KEY_IN_PORT] = (flow[KEY_IN_PORT]! & IN_PORT_BITS) | (id << 16);
    const next = tracePass(bridge, flow, ingress, hasFrame, nowMs);
    parts.push(`\n\n${RULER}\nrecirc(0x${id.toString(16)})\n${RULER}\n\n${next.text}`);
    around.push(...next.recirculations);
  }
  const { flow, finalFlow, megaflow, datapathActions, dropReason } = first;
  return { text: `${parts.join('')}\n`, flow, finalFlow, megaflow, datapathActions, dropReason };
}

type Pass = TraceInfo & { recirculations: TraceTree['recirculations'] };

function tracePass(
  bridge: TracedBridge,
  key: Int32Array,
  ingress: number,
  hasFrame: boolean,
  nowMs: number,
): Pass {
  const tree = new TraceTree(hasFrame);
  const out = new Translation();
  const left = bridge.xlate.trace(key, ingress, nowMs, tree, out);
  bridge.xlate.effects.release(out.effects);
  const flow = formatFlowKey(key);
  const finalFlow = left.every((word, i) => word === key[i]) ? 'unchanged' : formatFlowKey(left);
  const mask = new Int32Array(FLOW_WORDS);
  mask.set(out.mask);
  const megaflow = formatFlowKey(key, mask);
  const datapathActions = formatVerdict(out.verdict, bridge.xlate.programs, namesFor(bridge, tree), key);
  const dropReason = isDrop(out.verdict) ? DROP_REASON_NAMES[~out.verdict] : undefined;
  bridge.xlate.programs.release(out.verdict);
  const title = `bridge("${bridge.spec.name}")`;
  const lines = [`Flow: ${flow}`, '', title, '-'.repeat(title.length), ...tree.lines(), ''];
  lines.push(`Final flow: ${finalFlow}`, `Megaflow: ${megaflow}`, `Datapath actions: ${datapathActions}`);
  const failure = dropReason && FAILURES[dropReason];
  if (failure) lines.push(`Translation failed (${failure}), packet is dropped.`);
  if (dropReason !== undefined) lines.push(dropText(dropReason));
  return { text: lines.join('\n'), flow, finalFlow, megaflow, datapathActions, dropReason, ...tree };
}

/** What Open vSwitch calls the limits that fail a whole translation. */
const FAILURES: Partial<Record<DropReason, string>> = {
  'recursion-too-deep': 'Recursion too deep',
  'too-many-resubmits': 'Too many resubmits',
  'stack-too-deep': 'Stack too deep',
  'too-many-mpls-labels': 'Too many MPLS labels',
  'recirculation-lost': 'No recirculation context',
};

function dropText(reason: DropReason): string {
  return `Dropped: ${reason}: ${DROP_REASONS[reason]}`;
}

function namesFor({ ports }: TracedBridge, { packetIns }: TraceTree): ProgramNames {
  const numbers = new Map(Array.from(ports.values(), ({ index, ofport }) => [index, ofport]));
  return {
    portNumber: (index) => numbers.get(index) ?? index,
    specText: (number) => packetInText(packetIns.get(number)),
  };
}

/** Reasons by their numbers in OpenFlow 1.4; no_match is that of a flow for what no other flow matches. */
const REASON_NUMBERS: Record<PacketInSpec['reason'], number> = {
  no_match: 0,
  action: 1,
  invalid_ttl: 2,
  action_set: 3,
  group: 4,
  packet_out: 5,
};

/** A packet-in among datapath actions. */
export function packetInText(spec: PacketInSpec | undefined): string {
  if (!spec) return 'userspace(pid=0)';
  const { reason, cookie, controllerId, maxLength } = spec;
  const words = [`reason=${REASON_NUMBERS[reason]}`, 'dont_send=1', 'continuation=0', 'recirc_id=0'];
  words.push(
    `rule_cookie=${cookie === 0n ? 0 : `0x${cookie.toString(16)}`}`,
    `controller_id=${controllerId}`,
    `max_len=${maxLength}`,
  );
  return `userspace(pid=0,controller(${words.join()}))`;
}

/** A key from a flow text, or from an input port and the bytes of a frame. */
function keyOfText(text: string, resolvePort: PortResolver): { key: Int32Array; hasFrame: boolean } {
  const packet = /^(.*?)(?:^|[\s,])(?:packet=)?((?:0x)?[0-9a-f]+)\s*$/i.exec(text);
  const digits = packet?.[2]?.replace(/^0x/i, '') ?? '';
  if (!packet || digits.length < 2 * ETHERNET_HEADER_LENGTH || digits.length % 2 !== 0) {
    return { key: parseFlowKey(text, resolvePort), hasFrame: false };
  }
  const key = parseFlowKey(packet[1]!, resolvePort);
  const frame = Uint8Array.from(digits.match(/../g)!, (byte) => Number.parseInt(byte, 16));
  const inPort = key[KEY_IN_PORT]!;
  extractKey(new DataView(frame.buffer), 0, frame.length, inPort & IN_PORT_BITS, key, 0);
  if (key[KEY_ACTSET_OUTPUT] === 0) key[KEY_ACTSET_OUTPUT] = NO_ACTSET_OUTPUT;
  return { key, hasFrame: true };
}
