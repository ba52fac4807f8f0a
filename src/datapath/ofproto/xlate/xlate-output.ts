// What: the actions that send a frame: to ports, to all of them, the way of NORMAL, and to the control plane. Who:
// xlate-actions.ts.

import type { Action, ControllerAction, PacketInReason } from '../../actions/action.ts';
import { OP_CLONE, OP_FLOOD, OP_METER, OP_OUTPUT, OP_PACKET_IN, OP_TRUNCATE } from '../../actions/program.ts';
import type { DropReason } from '../../drop.ts';
import { KEY_MAC, KEY_SKB_PRIORITY, KEY_TYPE_VLAN } from '../../flow/key.ts';
import {
  formatPort,
  OFPORT_ALL,
  OFPORT_CONTROLLER,
  OFPORT_FLOOD,
  OFPORT_IN_PORT,
  OFPORT_LOCAL,
  OFPORT_NONE,
  OFPORT_NORMAL,
  OFPORT_TABLE,
} from '../../flow/port-number.ts';
import { formatMac } from '../../wire/address-text.ts';
import { bundleMember } from './multipath.ts';
import { forwardNormally, NORMAL_TYPE_VLAN_MASK, type NormalSink } from './normal.ts';
import { isPlainController } from './xlate-action-set.ts';
import { smallNumber } from './xlate-bits.ts';
import type { PacketInSpec, XlatePort } from './xlate-context.ts';
import { pipelineText } from './xlate-pipeline-text.ts';
import type { XlateState } from './xlate-state.ts';
import { enterTable } from './xlate-table.ts';

/** Outputs to a port number of any kind. `inBucket`: the action stands in a bucket of a group. */
export function output(x: XlateState, ofport: number, maxLength: number, inBucket: boolean): void {
  switch (ofport) {
    case OFPORT_IN_PORT:
      sendTo(x, x.inPort, maxLength);
      return;
    case OFPORT_TABLE:
      enterTable(x, x.inPort, 0, false);
      return;
    case OFPORT_NORMAL:
      normal(x);
      return;
    case OFPORT_FLOOD:
      flood(x, false);
      return;
    case OFPORT_ALL:
      flood(x, true);
      return;
    case OFPORT_CONTROLLER:
      packetIn(x, plainReason(x, inBucket), PLAIN);
      return;
    case OFPORT_NONE:
      return;
    default:
      if (ofport !== x.inPort) sendTo(x, ofport, maxLength);
      else skipInput(x);
  }
}

function skipInput(x: XlateState): void {
  x.note('warn', 'skipping output to input port');
  x.refuse('ingress-only');
}

/** Sends to a port, the input port too. maxLength 0: the whole frame. */
function sendTo(x: XlateState, ofport: number, maxLength: number): void {
  const port = x.context.ports.get(ofport);
  if (!port) {
    x.note('warn', 'Nonexistent output port');
    x.refuse('no-such-port');
    return;
  }
  if (!mayForward(x, port)) return;
  const { builder } = x.program;
  x.frame.commit(builder);
  if (maxLength > 0) builder.put(OP_TRUNCATE, maxLength);
  builder.put(OP_OUTPUT, port.index);
  x.program.end();
}

function mayForward(x: XlateState, port: XlatePort): boolean {
  if (!port.noForward && !port.down) return true;
  x.note('detail', `${port.noForward ? 'OFPPC_NO_FWD' : 'OFPPC_PORT_DOWN'} set, skipping output`);
  x.refuse('port-no-forward');
  return false;
}

/** Sends to all ports but the input port; those with no_flood only when `all`. */
export function flood(x: XlateState, all: boolean): void {
  const { builder } = x.program;
  const { inPort, ingress } = x;
  let sent = false;
  for (const port of x.context.ports.values()) {
    if (port.ofport === inPort || (!all && port.noFlood) || !mayForward(x, port)) continue;
    if (!sent) x.frame.commit(builder);
    sent = true;
    // OP_FLOOD leaves the real input port out, which is another one after set_field:…->in_port.
    builder.put(port.index === ingress ? OP_OUTPUT : OP_FLOOD, port.index);
  }
  if (sent) x.program.end();
  else x.refuse('no-flood-port');
}

const NORMAL_NOTES: Partial<Record<DropReason, string>> = {
  'reserved-multicast': 'packet has reserved destination MAC, dropping',
  'same-port': 'learned port is input port, dropping',
};

/** What NORMAL decides, carried out. One for each XlateState. */
class NormalOutput implements NormalSink {
  private readonly x: XlateState;

  constructor(x: XlateState) {
    this.x = x;
  }

  output(ofport: number): void {
    this.x.note('detail', 'forwarding to learned port');
    sendTo(this.x, ofport, 0);
  }

  flood(): void {
    this.x.note('detail', 'no learned MAC for destination, flooding');
    flood(this.x, false);
  }

  refuse(reason: DropReason): void {
    if (this.x.sink) this.x.note('detail', NORMAL_NOTES[reason] ?? reason);
    this.x.refuse(reason);
  }

  wouldLearn(vlan: number, source: number): void {
    const { sink, context, inPort } = this.x;
    const port = context.ports.get(inPort);
    if (!sink?.hasFrame || !port) return;
    this.x.note('detail', `learned that ${formatMac(source)} is on port ${port.name} in VLAN ${vlan}`);
  }

  depend(sourceBucket: number, destinationBucket: number, slot: number): void {
    this.x.depend(sourceBucket, destinationBucket, slot);
  }
}

const normalOutputs = new WeakMap<XlateState, NormalOutput>();

export function normal(x: XlateState): void {
  const { frame, context } = x;
  frame.look(KEY_MAC, -1);
  frame.look(KEY_MAC + 1, -1);
  frame.look(KEY_MAC + 2, -1);
  frame.look(KEY_TYPE_VLAN, NORMAL_TYPE_VLAN_MASK);
  // What the control plane sends comes on no port, and teaches nothing.
  const isPort = context.ports.has(x.inPort);
  if (!isPort && x.inPort !== OFPORT_CONTROLLER && x.inPort !== OFPORT_NONE) {
    if (x.sink) x.note('error', `received packet on unknown port ${x.inPort}`);
    x.note('warn', 'no input bundle, dropping');
    x.refuse('no-such-port');
    return;
  }
  let sink = normalOutputs.get(x);
  if (!sink) {
    sink = new NormalOutput(x);
    normalOutputs.set(x, sink);
  }
  forwardNormally(context.fdb, frame.flow, x.inPort, x.nowMs, x.sideEffects && isPort, sink);
}

/** `output(port=…, max_len=…)`: only to ports that are devices; in_port is none, as in Open vSwitch. */
export function outputTruncated(x: XlateState, ofport: number, maxLength: number): void {
  if (ofport === x.inPort) {
    skipInput(x);
  } else if (x.context.ports.has(ofport)) {
    sendTo(x, ofport, maxLength);
  } else {
    if (x.sink) x.note('error', `output_trunc does not support port ${formatPort(ofport)}`);
    x.refuse('no-such-port');
  }
}

export function outputField(
  x: XlateState,
  action: Extract<Action, { type: 'output_field' }>,
  inBucket: boolean,
): void {
  x.frame.read(action.source, x.value);
  const port = smallNumber(x.value);
  if (port >= 0 && port <= 0xffff) {
    if (x.sink) x.note('detail', `output port is ${port}`);
    output(x, port, 0, inBucket);
    return;
  }
  if (x.sink) x.note('warn', `output port ${port < 0 ? 'number' : port} is out of range`);
  x.refuse('no-such-port');
}

export function enqueue(x: XlateState, ofport: number, queue: number): void {
  const { flow } = x.frame;
  const target = ofport === OFPORT_IN_PORT ? x.inPort : ofport;
  if (ofport === x.inPort) {
    x.refuse('ingress-only');
    return;
  }
  const priority = flow[KEY_SKB_PRIORITY]!;
  flow[KEY_SKB_PRIORITY] = queue;
  sendTo(x, target, 0);
  flow[KEY_SKB_PRIORITY] = priority;
}

/** The member of a bundle action, OFPORT_NONE when none is live. */
export function chooseMember(x: XlateState, action: Extract<Action, { type: 'bundle' }>): number {
  const { ports } = x.context;
  return bundleMember(x.frame, action, (member) => {
    if (member >= OFPORT_IN_PORT && member !== OFPORT_LOCAL) return member !== OFPORT_CONTROLLER;
    return ports.get(member)?.isLive() ?? false;
  });
}

/** What a controller action says besides the reason. */
type PacketInOptions = Pick<ControllerAction, 'controllerId' | 'maxLength' | 'userdata' | 'meterId'>;

const PLAIN: PacketInOptions = {
  controllerId: 0,
  maxLength: 0xffff,
  userdata: undefined,
  meterId: undefined,
};

/** max_len has no effect but on what is shown, as in Open vSwitch since 2.7: nothing is buffered, so the whole frame goes (ovs-actions(7)). */
export function controller(x: XlateState, action: ControllerAction, inBucket: boolean): void {
  const reason = isPlainController(action) ? plainReason(x, inBucket) : action.reason;
  packetIn(x, reason, action);
}

function plainReason(x: XlateState, inBucket: boolean): PacketInReason {
  if (x.inPacketOut) return 'packet_out';
  if (inBucket) return 'group';
  return x.inActionSet ? 'action_set' : 'action';
}

/** A copy to the control plane, for each of `controllerIds`, of a frame whose TTL has run out. */
export function packetInExpired(x: XlateState, controllerIds: readonly number[]): void {
  for (const controllerId of controllerIds) packetIn(x, 'invalid_ttl', { ...PLAIN, controllerId });
}

function packetIn(
  x: XlateState,
  reason: PacketInReason,
  { controllerId, maxLength, userdata, meterId }: PacketInOptions,
): void {
  const { builder } = x.program;
  x.frame.commit(builder);
  const spec: PacketInSpec = {
    reason: reason === 'action' && isTableMiss(x) ? 'no_match' : reason,
    tableId: x.tableId,
    cookie: x.cookie,
    controllerId,
    maxLength,
    userdata,
    metadata: pipelineText(x.frame.flow),
  };
  const number = x.context.packetInNumber(spec);
  x.sink?.packetIn(number, spec);
  const meter = meterId === undefined ? undefined : x.context.meterIndex(meterId);
  // The meter guards the copy only.
  const start = meter === undefined ? -1 : builder.begin(OP_CLONE);
  if (meter !== undefined) builder.put(OP_METER, meter);
  builder.put(OP_PACKET_IN, number);
  if (start >= 0) builder.finish(start);
  x.program.end();
}

/** The flow matches everything at the lowest priority: what it says of a frame is what the table does on a miss. */
function isTableMiss({ rule }: XlateState): boolean {
  return rule !== undefined && rule.priority === 0 && rule.match.shape.words.length === 0;
}
