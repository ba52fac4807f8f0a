// What: Forwarder, what happens to a burst: make keys, look them up, ask the pipeline about those that no cache knows,
// act, send. Why: this is the path of every frame. Who: datapath.ts gives it bursts; key-maker.ts, flow-cache.ts and
// megaflows.ts do the looking up, execute.ts what is more than an output.
// Invariants: each frame ends in a push to the transmit queue, in a packet-in, or in exactly one counted drop; what it
// does beyond that is counted as a copy. Nothing is allocated per frame that a cache knows. All frames of a burst come
// from one port, so what depends on the port is read once.

import { isDrop, isSingleOutput, type Programs } from '../actions/verdict.ts';
import { DROP } from '../drop.ts';
import { extractKey } from '../flow/extract.ts';
import { KEY_IN_PORT, KEY_WORDS } from '../flow/key.ts';
import { BURST, type FrameBatch } from '../port/batch.ts';
import { DROPS, RX_BYTES, RX_PACKETS } from '../port/counters.ts';
import type { Port } from '../port/port.ts';
import { ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts';
import { BadFrames, GOOD } from './bad-frames.ts';
import { type ExecutionHost, Executor } from './execute.ts';
import { FlowCache } from './flow-cache.ts';
import { KeyMaker } from './key-maker.ts';
import {
  ROW_BYTES_DOUBLE,
  ROW_DEPENDENCIES,
  ROW_DEPENDENCY_SUM,
  ROW_PACKETS,
  ROW_TOUCH_SLOT,
  ROW_USED,
  ROW_VERDICT,
  ROW_VERSION,
  tickOf,
} from './megaflow-row.ts';
import type { PipelineState } from './megaflow-table.ts';
import { Megaflows } from './megaflows.ts';
import type { Meters } from './meters.ts';
import { TransmitQueue } from './transmit-queue.ts';
import { Translation } from './upcall.ts';

/** How often a frame may be looked up again (MAX_RECIRC_DEPTH of Open vSwitch 3.1). */
const MAX_RECIRCULATIONS = 8;
/** recirc_id stands above in_port in word 0 of a key. */
const RECIRC_SHIFT = 16;
const RECIRC_MASK = 0xffff_0000 | 0;

// Indices of Forwarder.counters.
export const CACHE_HITS = 0;
export const MEGAFLOW_HITS = 1;
export const CACHE_MISSES = 2;
export const COPIES = 3;
export const PACKET_INS = 4;
const COUNTERS = 5;

/** A port in the datapath. */
export interface Attachment {
  readonly port: Port;
  readonly index: number;
  /** OpenFlow port number, which flows see as in_port. */
  readonly ofport: number;
  readonly state: PipelineState;
}

export interface ForwarderOptions {
  cache?: FlowCache;
  megaflows?: Megaflows;
  /** False: keys are made without generated code. */
  generateCode?: boolean;
  /** Tags that keys look at, 0 to 2 (other_config:vlan-limit); 1 unless given. */
  vlanLimit?: number;
}

export class Forwarder implements ExecutionHost {
  /** The time in ms, in its only element: a double in a field or an argument may be allocated, in a column never. */
  readonly clock = new Float64Array(1);
  /** CACHE_HITS to PACKET_INS. */
  readonly counters = new Float64Array(COUNTERS);
  readonly transmit: TransmitQueue;
  readonly megaflows: Megaflows;
  /** Index of the port from which the frames in work came. */
  ingress = 0;

  private readonly batch: FrameBatch;
  private readonly view: DataView;
  private readonly programs: Programs;
  private readonly executor: Executor;
  private readonly cache: FlowCache;
  private readonly generateCode: boolean;
  private readonly vlanLimit: number;
  private readonly translation = new Translation();

  /** Columns of the burst, shared by all key makers. */
  private readonly keys = new Int32Array(BURST * KEY_WORDS);
  private readonly hashes = new Int32Array(BURST);
  private readonly candidates = new Int32Array(BURST);
  private readonly bad: BadFrames;
  private readonly wholeKey = new Int32Array(KEY_WORDS);
  /** A compact key that is not one of the burst. */
  private readonly compactKey = new Int32Array(KEY_WORDS);
  private recirculations = 0;
  private from!: Attachment;

  constructor(batch: FrameBatch, programs: Programs, meters: Meters, options: ForwarderOptions = {}) {
    this.batch = batch;
    const { buffer, byteOffset, byteLength } = batch.bytes;
    this.view = new DataView(buffer, byteOffset, byteLength);
    this.programs = programs;
    this.cache = options.cache ?? new FlowCache();
    this.megaflows = options.megaflows ?? new Megaflows(programs);
    this.generateCode = options.generateCode ?? true;
    this.vlanLimit = options.vlanLimit ?? 1;
    this.transmit = new TransmitQueue(batch);
    this.bad = new BadFrames(batch, this.view);
    this.executor = new Executor(batch, programs, meters, this);
    this.executor.vlanLimit = this.vlanLimit;
  }

  /** A key maker for a key mask, over the columns of the burst. Whether a frame is looked up again always counts. */
  makerFor(keyMask: Int32Array, seed: number): KeyMaker {
    const mask = keyMask.slice();
    mask[KEY_IN_PORT]! |= RECIRC_MASK;
    const { batch, view, keys, hashes, vlanLimit, generateCode } = this;
    return new KeyMaker(batch, view, mask, { seed, keys, hashes, vlanLimit, generateCode });
  }

  /** Forwards the frames in rows 0..count-1, which came in on a port. */
  forward(from: Attachment, count: number): void {
    this.from = from;
    this.ingress = from.index;
    this.receive(from.port.counters, count);
    this.makeKeys(0, count);
    this.decide(count);
    this.transmit.flush();
    this.executor.flushed();
  }

  /** Carries a verdict out on the frame in row 0, which the control plane made, as if it had come in on a port. */
  execute(from: Attachment, verdict: number): void {
    this.from = from;
    this.ingress = from.index;
    // It was not received, so all of its uses are copies.
    this.counters[COPIES]!++;
    this.act(verdict, 0);
    this.transmit.flush();
    this.executor.flushed();
  }

  /** Counts what came, and finds bad frames. */
  private receive(portCounters: Float64Array, count: number): void {
    const { length, offload } = this.batch;
    let bytes = 0;
    let unusual = 0;
    for (let row = 0; row < count; row++) {
      bytes += length[row]!;
      // Negative when the frame is too short.
      unusual |= offload[row]! | ((length[row]! - ETHERNET_HEADER_LENGTH) >> 31);
    }
    portCounters[RX_PACKETS]! += count;
    portCounters[RX_BYTES]! += bytes;
    this.bad.count = 0;
    if (unusual !== 0) this.bad.judge(count);
  }

  /** First pass: keys, hashes and candidates. Loops of their own let the waits for memory of several frames overlap. */
  private makeKeys(start: number, count: number): void {
    const { candidates, cache, hashes, bad } = this;
    const { state, ofport } = this.from;
    this.refresh(state);
    state.maker.make(start, count, ofport);
    for (let row = start; row < count; row++) candidates[row] = cache.candidate(hashes[row]!);
    if (bad.count > 0) bad.exclude(candidates, start, count);
  }

  /** Gets a key maker for the key mask that the pipeline has now. */
  private refresh(state: PipelineState): void {
    const { keyMask } = state.pipeline;
    if (state.keyMask === keyMask) return;
    state.keyMask = keyMask;
    state.maker = this.makerFor(keyMask, state.id);
    this.megaflows.rebind(state);
  }

  /** Second pass: from key to verdict to transmit queue. */
  private decide(count: number): void {
    const { candidates, megaflows, keys, transmit, clock } = this;
    const { rows, doubles } = megaflows;
    const { length } = this.batch;
    const { state } = this.from;
    const { pipeline } = state;
    const nowMs = clock[0]!;
    const tick = tickOf(nowMs);
    let { maker } = state;
    let { size } = maker;
    let { version, dependencyVersions, lastUsedMs } = pipeline;
    let hits = 0;
    for (let i = 0; i < count; i++) {
      const row = candidates[i]!;
      if (rows[row + ROW_VERSION] === version && megaflows.matches(row, keys, i * size)) {
        const both = rows[row + ROW_DEPENDENCIES]!;
        const sum = (dependencyVersions[both >>> 16]! + dependencyVersions[both & 0xffff]!) | 0;
        if (sum === rows[row + ROW_DEPENDENCY_SUM]) {
          hits++;
          rows[row + ROW_PACKETS]!++;
          rows[row + ROW_USED] = tick;
          doubles[(row >> 1) + ROW_BYTES_DOUBLE]! += length[i]!;
          lastUsedMs[rows[row + ROW_TOUCH_SLOT]!] = nowMs;
          const verdict = rows[row + ROW_VERDICT]!;
          if (isSingleOutput(verdict) && !isDrop(verdict)) {
            transmit.push(verdict, i);
            continue;
          }
          this.act(verdict, i);
          // A program that recirculates may have made the pipeline learn.
          if (version === pipeline.version && state.maker === maker && pipeline.keyMask === state.keyMask)
            continue;
        } else this.miss(i, size);
      } else this.miss(i, size);
      if (pipeline.keyMask !== state.keyMask || state.maker !== maker) {
        this.makeKeys(i + 1, count);
        maker = state.maker;
        size = maker.size;
      }
      ({ version, dependencyVersions, lastUsedMs } = pipeline);
    }
    this.counters[CACHE_HITS]! += hits;
  }

  /** Second pass for a frame that the exact-match cache does not know. */
  private miss(i: number, size: number): void {
    if (this.bad.count > 0) {
      const reason = this.bad.take(i);
      if (reason !== GOOD) {
        this.drop(reason);
        return;
      }
    }
    this.lookUp(this.keys, i * size, this.hashes[i]!, i, 0);
  }

  /** Looks the frame in `i`, whose compact key is given, up in all caches and then in the pipeline; and acts. */
  private lookUp(keys: Int32Array, at: number, hash: number, i: number, recirculation: number): void {
    const { megaflows, cache, counters } = this;
    const { state } = this.from;
    const { pipeline } = state;
    // A miss earlier in this burst may have brought the flow.
    let row = cache.candidate(hash);
    const known = row !== 0 && megaflows.belongsTo(row, state) && megaflows.matches(row, keys, at);
    if (!known) row = megaflows.find(state, keys, at);
    if (row !== 0 && megaflows.isLive(row, pipeline.version, pipeline.dependencyVersions)) {
      counters[known ? CACHE_HITS : MEGAFLOW_HITS]!++;
      if (!known) cache.insert(hash, row);
      this.use(row, i);
      return;
    }
    counters[CACHE_MISSES]!++;
    this.translate(row, hash, i, recirculation);
  }

  /**
   * Asks the pipeline about the frame in `i`, keeps the answer, and acts. `stale`: its megaflow of an older version, or
   * 0; `hash`: of its compact key.
   */
  private translate(stale: number, hash: number, i: number, recirculation: number): void {
    const { megaflows, translation, wholeKey, view } = this;
    const { offset, length } = this.batch;
    const { state, ofport, index } = this.from;
    const { pipeline } = state;
    const { maker } = state;
    const nowMs = this.clock[0]!;
    const word0 = (recirculation << RECIRC_SHIFT) | ofport;
    extractKey(view, offset[i]!, length[i]!, word0, wholeKey, 0, this.vlanLimit);
    pipeline.translate(wholeKey, 0, index, nowMs, translation);
    this.refresh(state);
    translation.mask[KEY_IN_PORT]! |= RECIRC_MASK;
    if (!translation.cacheable) {
      this.actOnce(i);
      return;
    }
    let row = stale;
    if (row === 0 || !megaflows.update(row, translation, nowMs)) {
      if (row !== 0) megaflows.remove(row, nowMs);
      row = megaflows.insert(state, wholeKey, translation, nowMs);
    }
    // The translation may have looked at more bits than keys had, so that keys now have them.
    const newHash = state.maker === maker ? hash : state.maker.compact(wholeKey, this.compactKey, 0);
    this.cache.insert(newHash, row);
    this.count(row, i);
    // At once: what the frame counts to is at hand now, and most flows of a flood have no second frame.
    megaflows.credit(row, nowMs);
    this.act(megaflows.rows[row + ROW_VERDICT]!, i);
  }

  /** Counts the frame in `i` to a megaflow, and does what it says. */
  private use(row: number, i: number): void {
    this.count(row, i);
    this.act(this.megaflows.rows[row + ROW_VERDICT]!, i);
  }

  private count(row: number, i: number): void {
    const { rows, doubles } = this.megaflows;
    const nowMs = this.clock[0]!;
    rows[row + ROW_PACKETS]!++;
    rows[row + ROW_USED] = tickOf(nowMs);
    doubles[(row >> 1) + ROW_BYTES_DOUBLE]! += this.batch.length[i]!;
    this.from.state.pipeline.lastUsedMs[rows[row + ROW_TOUCH_SLOT]!] = nowMs;
  }

  /** Does what a translation says that holds for the frame in `i` only. */
  private actOnce(i: number): void {
    const { verdict, effects, touchSlot } = this.translation;
    const { pipeline } = this.from.state;
    const nowMs = this.clock[0]!;
    pipeline.lastUsedMs[touchSlot] = nowMs;
    if (effects !== 0) pipeline.credit(effects, 1, this.batch.length[i]!, nowMs);
    this.act(verdict, i);
    if (effects !== 0) pipeline.release(effects);
    this.programs.release(verdict);
  }

  private act(verdict: number, i: number): void {
    // The program that recirculated must know what became of its frame.
    if (this.recirculations > 0) this.executor.run(verdict, i);
    else if (isDrop(verdict)) this.drop(~verdict);
    else if (isSingleOutput(verdict)) this.transmit.push(verdict, i);
    else this.executor.run(verdict, i);
  }

  // What the executor asks for.

  isUsable(portIndex: number): boolean {
    return this.transmit.isUsable(portIndex);
  }

  push(portIndex: number, row: number): void {
    // The port on which a frame came that came on none.
    if (portIndex < 0) this.drop(DROP['no-such-port']);
    else this.transmit.push(portIndex, row);
  }

  flush(): void {
    this.transmit.flush();
  }

  packetIn(spec: number, row: number, maxLength: number): void {
    const { offset, length } = this.batch;
    const { state, ofport } = this.from;
    this.counters[PACKET_INS]!++;
    state.pipeline.packetIn(spec, ofport, this.view, offset[row]!, length[row]!, maxLength);
  }

  recirculate(row: number, id: number): void {
    if (this.recirculations === MAX_RECIRCULATIONS) {
      this.drop(DROP['too-many-recirculations']);
      return;
    }
    this.recirculations++;
    const { offset, length } = this.batch;
    const { state, ofport } = this.from;
    this.refresh(state);
    const word0 = (id << RECIRC_SHIFT) | ofport;
    extractKey(this.view, offset[row]!, length[row]!, word0, this.wholeKey, 0, this.vlanLimit);
    const hash = state.maker.compact(this.wholeKey, this.compactKey, 0);
    this.lookUp(this.compactKey, 0, hash, row, id);
    this.recirculations--;
  }

  drop(reason: number): void {
    this.from.port.counters[DROPS + reason]!++;
  }

  copies(count: number): void {
    this.counters[COPIES]! += count;
  }
}
