// What: Datapath, the run-to-completion loop over all ports, and what the control side asks of it: ports, counters,
// cached flows, packet-outs. Why: it is the fast path as one object. Who: switch.ts drives it by poll(); forwarder.ts
// does what happens to a burst; a Pipeline (upcall.ts) decides for flows that no cache knows. It knows nothing of
// bridges, rules and MAC tables.
// Invariants: frames received + copies = frames sent + drops + packet-ins, over all ports; what was counted of cached
// flows is with the pipelines after flushCredits(), and at the latest some seconds after without it.

import { MAX_DATAPATH_PORTS, type Programs } from '../actions/verdict.ts';
import type { DatapathStats } from '../api.ts';
import { SwitchError } from '../errors.ts';
import { OFPORT_NONE } from '../flow/port-number.ts';
import { BURST, HEADROOM, MAX_FRAME_LENGTH, VNET_HDR_LENGTH } from '../port/batch.ts';
import type { Port, PortProvider } from '../port/port.ts';
import {
  type Attachment,
  CACHE_HITS,
  CACHE_MISSES,
  COPIES,
  Forwarder,
  type ForwarderOptions,
  MEGAFLOW_HITS,
  PACKET_INS,
} from './forwarder.ts';
import { ROW_TABLE, ROW_VERDICT } from './megaflow-row.ts';
import { PipelineState } from './megaflow-table.ts';
import { Meters } from './meters.ts';
import type { Pipeline } from './upcall.ts';

/** As the ingress of packetOut(): the frame came on no port. */
export const NO_INGRESS = -1;

/** A megaflow that no frame used for so long is forgotten (max-idle of Open vSwitch). */
const MAX_IDLE_MS = 10_000;
/** All cached flows are swept about once in this time, while poll() is called. */
const SWEEP_MS = 1000;
/** Most cached flows that one poll() sweeps: some tens of microseconds. */
const MAX_SWEEP = 2048;

/** A megaflow as listMegaflows() gives it. */
export interface MegaflowInfo {
  /** As in a whole key, KEY_WORDS words; outside of `mask` only EtherType and TPID, of the frame that made it. */
  key: Int32Array;
  mask: Int32Array;
  verdict: number;
  packets: number;
  bytes: number;
  usedMs: number;
  pipeline: Pipeline;
}

export class Datapath {
  /** The time in ms, in its only element; who calls poll() sets it. */
  readonly clock: Float64Array;
  readonly programs: Programs;
  readonly meters = new Meters();

  private readonly provider: PortProvider;
  private readonly forwarder: Forwarder;
  private readonly attachments = new Map<Port, Attachment>();
  private readonly states = new Map<Pipeline, PipelineState>();
  private readonly freeIndices: number[] = [];
  private indicesUsed = 0;
  private lastStateId = 0;
  private readonly served: Port[] = [];
  /** When the last sweep was. */
  private readonly sweptMs = new Float64Array(1);

  constructor(provider: PortProvider, programs: Programs, options: ForwarderOptions = {}) {
    this.provider = provider;
    this.programs = programs;
    this.forwarder = new Forwarder(provider.batch, programs, this.meters, options);
    this.clock = this.forwarder.clock;
  }

  /**
   * Takes a port in; its frames go to `pipeline`, which must get a new version when it changes its outputs. Returns
   * the datapath port index. Throws SwitchError resource-exhausted.
   */
  attach(port: Port, ofport: number, pipeline: Pipeline): number {
    const index = this.freeIndices.pop() ?? this.indicesUsed++;
    if (index >= MAX_DATAPATH_PORTS) {
      this.indicesUsed--;
      throw new SwitchError('resource-exhausted', `The switch has no room for more than ${index} ports.`);
    }
    const state = this.stateOf(pipeline);
    state.ports++;
    this.attachments.set(port, { port, index, ofport, state });
    this.forwarder.transmit.setPort(index, port);
    return index;
  }

  /**
   * Lets a port go. The pipelines that output to it must get a new version before the next poll(). With its last port
   * all cached flows of a pipeline go.
   */
  detach(port: Port): void {
    const attachment = this.attachments.get(port);
    if (!attachment) return;
    this.attachments.delete(port);
    this.forwarder.transmit.setPort(attachment.index, undefined);
    this.freeIndices.push(attachment.index);
    this.provider.ready.remove(port);
    const { state } = attachment;
    if (--state.ports > 0) return;
    this.forwarder.megaflows.forget(state, this.clock[0]!);
    this.states.delete(state.pipeline);
  }

  /** Serves each port that was ready at the start once, with one burst. Returns the number of frames received. */
  poll(): number {
    const { ready, batch } = this.provider;
    const { served } = this;
    const count = ready.ports.length;
    for (let i = 0; i < count; i++) served[i] = ready.ports[i]!;
    let frames = 0;
    for (let i = 0; i < count; i++) {
      const port = served[i]!;
      const attachment = this.attachments.get(port);
      if (!attachment) {
        ready.remove(port);
        continue;
      }
      const received = port.receive(batch);
      if (received > 0) this.forwarder.forward(attachment, received);
      if (received < BURST) ready.remove(port);
      frames += received;
    }
    this.sweep();
    return frames;
  }

  /**
   * Carries a verdict, which the caller holds, out on a frame from its destination MAC address on, as if it had come
   * in on the datapath port `ingress` of the pipeline. NO_INGRESS: on none of them, with in_port `ofport`; the drops
   * are then charged to any one. The verdict stays the caller's, and so do effects that go with it.
   */
  packetOut(
    pipeline: Pipeline,
    frame: Uint8Array,
    ingress: number,
    verdict: number,
    ofport = OFPORT_NONE,
  ): void {
    const { batch } = this.provider;
    if (frame.length > MAX_FRAME_LENGTH) {
      const sentence = `A frame has at most ${MAX_FRAME_LENGTH} bytes, not ${frame.length}.`;
      throw new SwitchError('invalid-argument', sentence);
    }
    // Between two polls all slots of the burst are free.
    const at = HEADROOM;
    batch.bytes.fill(0, at - VNET_HDR_LENGTH, at);
    batch.bytes.set(frame, at);
    batch.offset[0] = at;
    batch.length[0] = frame.length;
    batch.offload[0] = 0;
    this.forwarder.execute(this.attachmentAt(ingress, ofport, pipeline), verdict);
  }

  /** Hands all that cached flows have counted on to their pipelines: afterwards the counters of flows are exact. */
  flushCredits(): void {
    this.forwarder.megaflows.flushCredits(this.clock[0]!);
  }

  /**
   * At most `limit` live megaflows behind `after` (0: from the start), of one pipeline or of all. `next` is 0 at the
   * end, else the value to pass as `after`.
   */
  listMegaflows(after: number, limit: number, pipeline?: Pipeline): { items: MegaflowInfo[]; next: number } {
    const { megaflows } = this.forwarder;
    const nowMs = this.clock[0]!;
    const items: MegaflowInfo[] = [];
    let row = after;
    while (items.length < limit) {
      row = megaflows.next(row);
      if (row === 0) return { items, next: 0 };
      const { mask, state } = megaflows.tables.of(megaflows.rows[row + ROW_TABLE]!);
      const { version, dependencyVersions } = state.pipeline;
      if (pipeline !== undefined && state.pipeline !== pipeline) continue;
      // What is stale has no say any more.
      if (!megaflows.isLive(row, version, dependencyVersions)) continue;
      const verdict = megaflows.rows[row + ROW_VERDICT]!;
      items.push({
        ...megaflows.describe(row, nowMs),
        mask: mask.slice(),
        verdict,
        pipeline: state.pipeline,
      });
    }
    return { items, next: row };
  }

  /** The part of the statistics that the datapath knows; events are the switch's. */
  stats(): Omit<DatapathStats, 'lostEvents'> {
    const { counters, megaflows } = this.forwarder;
    return {
      cacheHits: counters[CACHE_HITS]!,
      megaflowHits: counters[MEGAFLOW_HITS]!,
      cacheMisses: counters[CACHE_MISSES]!,
      megaflows: megaflows.size,
      megaflowMasks: megaflows.tables.count,
      packetIns: counters[PACKET_INS]!,
      copies: counters[COPIES]!,
    };
  }

  /** Credits and forgets cached flows, a bounded number in a call, so that all had their turn after SWEEP_MS. */
  private sweep(): void {
    const nowMs = this.clock[0]!;
    const elapsedMs = nowMs - this.sweptMs[0]!;
    if (elapsedMs < 1) return;
    this.sweptMs[0] = nowMs;
    const { megaflows } = this.forwarder;
    const share = Math.ceil((megaflows.sweepLength * Math.min(elapsedMs, SWEEP_MS)) / SWEEP_MS);
    megaflows.sweep(Math.min(share, MAX_SWEEP), MAX_IDLE_MS, nowMs);
  }

  private stateOf(pipeline: Pipeline): PipelineState {
    let state = this.states.get(pipeline);
    if (!state) {
      const id = ++this.lastStateId;
      state = new PipelineState(pipeline, id, this.forwarder.makerFor(pipeline.keyMask, id));
      this.states.set(pipeline, state);
    }
    return state;
  }

  /** The attachment of a datapath port; for NO_INGRESS one that stands for no port. */
  private attachmentAt(index: number, ofport: number, pipeline: Pipeline): Attachment {
    for (const attachment of this.attachments.values()) {
      if (attachment.state.pipeline !== pipeline) continue;
      if (index === NO_INGRESS) return { ...attachment, index: NO_INGRESS, ofport };
      if (attachment.index === index) return attachment;
    }
    throw new SwitchError('failed-precondition', 'The bridge has no such port.');
  }
}
