// What: Datapath, the run-to-completion loop: receive a burst, make keys, look them up, act, send. Why: this is the
// path of every frame. Who: switch.ts drives it by poll(); ports bring and take frames; a Pipeline (upcall.ts)
// decides for flows that the cache does not know. It knows nothing of bridges, rules and MAC tables.
// Invariants: each frame received ends in at least one push to the transmit queue or in exactly one counted drop;
// nothing is allocated per frame; all frames of a burst come from one port, so what depends on the port is read once.

import {
  isDrop,
  isSingleOutput,
  MAX_DATAPATH_PORTS,
  type OutputLists,
  TO_INGRESS,
} from '../actions/verdict.ts';
import { DROP } from '../drop.ts';
import { SwitchError } from '../errors.ts';
import { extractKey } from '../flow/extract.ts';
import { finishHash, KEY_WORDS, mixHash } from '../flow/key.ts';
import { BURST, type FrameBatch, OFFLOAD_CSUM, VNET_HDR_LENGTH } from '../port/batch.ts';
import { DROPS, RX_BYTES, RX_PACKETS } from '../port/counters.ts';
import type { Port, PortProvider } from '../port/port.ts';
import { ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts';
import { ENTRY_STATS_SLOT, ENTRY_TOUCH_SLOT, ENTRY_VERDICT, FlowCache } from './flow-cache.ts';
import { FlowStats } from './flow-stats.ts';
import { TransmitQueue } from './transmit-queue.ts';
import { type Pipeline, Translation } from './upcall.ts';

/** Offsets in the virtio_net_hdr; see port/batch.ts. */
const VNET_GSO_SIZE = 4;
const VNET_CSUM_START = 6;
const VNET_CSUM_OFFSET = 8;

/** In the column of bad frames: the frame is in order. */
const GOOD = -1;

// Indices of Datapath.counters.
export const CACHE_HITS = 0;
export const CACHE_MISSES = 1;
export const COPIES = 2;

/** A port in the datapath. */
interface Attachment {
  readonly port: Port;
  readonly index: number;
  /** OpenFlow port number, which flows see as in_port. */
  readonly ofport: number;
  readonly pipeline: Pipeline;
}

export class Datapath {
  readonly flowStats = new FlowStats();
  /** CACHE_HITS, CACHE_MISSES, COPIES. */
  readonly counters = new Float64Array(3);

  private readonly provider: PortProvider;
  private readonly batch: FrameBatch;
  private readonly view: DataView;
  private readonly lists: OutputLists;
  private readonly cache: FlowCache;
  private readonly transmit: TransmitQueue;
  private readonly translation = new Translation();

  private readonly attachments = new Map<Port, Attachment>();
  private readonly freeIndices: number[] = [];
  private indicesUsed = 0;

  /** Columns of the burst: masked keys, their hashes, and the drop reason of frames that are bad. */
  private readonly keys = new Int32Array(BURST * KEY_WORDS);
  private readonly hashes = new Int32Array(BURST);
  private readonly bad = new Int32Array(BURST);
  private readonly served: Port[] = [];

  constructor(provider: PortProvider, lists: OutputLists, cache = new FlowCache()) {
    this.provider = provider;
    this.batch = provider.batch;
    const { buffer, byteOffset, byteLength } = provider.batch.bytes;
    this.view = new DataView(buffer, byteOffset, byteLength);
    this.lists = lists;
    this.cache = cache;
    this.transmit = new TransmitQueue(provider.batch);
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
    this.attachments.set(port, { port, index, ofport, pipeline });
    this.transmit.setPort(index, port);
    return index;
  }

  /** Lets a port go. The pipelines that output to it must get a new version before the next poll(). */
  detach(port: Port): void {
    const attachment = this.attachments.get(port);
    if (!attachment) return;
    this.attachments.delete(port);
    this.transmit.setPort(attachment.index, undefined);
    this.freeIndices.push(attachment.index);
    this.provider.ready.remove(port);
  }

  /** Serves each port that was ready at the start once, with one burst. Returns the number of frames received. */
  poll(nowMs: number): number {
    const { ready } = this.provider;
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
      const received = port.receive(this.batch);
      if (received > 0) this.forward(attachment, received, nowMs);
      if (received < BURST) ready.remove(port);
      frames += received;
    }
    return frames;
  }

  private forward(from: Attachment, count: number, nowMs: number): void {
    this.makeKeys(from, count);
    this.decide(from, count, nowMs);
    this.transmit.flush();
  }

  /** First pass: counts what came, finds bad frames, and fills keys and hashes. */
  private makeKeys(from: Attachment, count: number): void {
    const { view, keys, hashes, bad } = this;
    const { offset, length, offload } = this.batch;
    const { keyMask, keyWords, version } = from.pipeline;
    const { ofport } = from;
    let bytes = 0;
    for (let row = 0; row < count; row++) {
      const frameLength = length[row]!;
      const frameOffset = offset[row]!;
      bytes += frameLength;
      if (frameLength < ETHERNET_HEADER_LENGTH) {
        bad[row] = DROP['rx-too-short'];
        continue;
      }
      if (offload[row] !== 0 && !this.offloadIsSane(frameOffset, frameLength, offload[row]!)) {
        bad[row] = DROP['rx-bad-offload'];
        continue;
      }
      bad[row] = GOOD;
      const at = row * KEY_WORDS;
      extractKey(view, frameOffset, frameLength, ofport, keyWords, keys, at);
      let hash = version;
      for (let i = 0; i < keyWords; i++) {
        const word = keys[at + i]! & keyMask[i]!;
        keys[at + i] = word;
        hash = mixHash(hash, word);
      }
      hashes[row] = finishHash(hash);
    }
    const { counters } = from.port;
    counters[RX_PACKETS]! += count;
    counters[RX_BYTES]! += bytes;
  }

  /** Second pass: from key to verdict to transmit queue. */
  private decide(from: Attachment, count: number, nowMs: number): void {
    const { keys, hashes, bad, cache, flowStats, counters } = this;
    const { entries } = cache;
    const { length } = this.batch;
    const { pipeline, index: ingress } = from;
    const { keyWords, version, dependencyVersions } = pipeline;
    const { packets, bytes } = flowStats;
    const portCounters = from.port.counters;
    let misses = 0;
    let badFrames = 0;
    for (let row = 0; row < count; row++) {
      if (bad[row] !== GOOD) {
        portCounters[DROPS + bad[row]!]!++;
        badFrames++;
        continue;
      }
      const at = row * KEY_WORDS;
      let entry = cache.find(keys, at, keyWords, hashes[row]!, version, dependencyVersions);
      if (entry < 0) {
        pipeline.translate(keys, at, ingress, nowMs, this.translation);
        entry = cache.insert(keys, at, keyWords, hashes[row]!, pipeline, this.translation);
        misses++;
      }
      const statsSlot = entries[entry + ENTRY_STATS_SLOT]!;
      packets[statsSlot]!++;
      bytes[statsSlot]! += length[row]!;
      pipeline.lastUsedMs[entries[entry + ENTRY_TOUCH_SLOT]!] = nowMs;
      const verdict = entries[entry + ENTRY_VERDICT]!;
      if (isDrop(verdict)) portCounters[DROPS + ~verdict]!++;
      else if (isSingleOutput(verdict)) this.transmit.push(verdict, row);
      else this.pushList(verdict, ingress, row);
    }
    counters[CACHE_HITS]! += count - misses - badFrames;
    counters[CACHE_MISSES]! += misses;
  }

  /** Sends copies to all ports of a list, which hold at least one besides those that are skipped. */
  private pushList(verdict: number, ingress: number, row: number): void {
    const list = this.lists.of(verdict);
    let copies = -1;
    for (let i = 0; i < list.length; i++) {
      const entry = list[i]!;
      if (entry === ingress) continue;
      this.transmit.push(entry === TO_INGRESS ? ingress : entry, row);
      copies++;
    }
    this.counters[COPIES]! += copies;
  }

  /** Whether checksum and segment size in the vnet header of a frame make sense (virtio 1.2, 5.1.6.4). */
  private offloadIsSane(offset: number, length: number, offload: number): boolean {
    const header = offset - VNET_HDR_LENGTH;
    if ((offload & OFFLOAD_CSUM) !== 0) {
      const start = this.view.getUint16(header + VNET_CSUM_START, true);
      const checksum = start + this.view.getUint16(header + VNET_CSUM_OFFSET, true);
      if (start < ETHERNET_HEADER_LENGTH || checksum + 2 > length) return false;
    }
    return (offload & ~OFFLOAD_CSUM) === 0 || this.view.getUint16(header + VNET_GSO_SIZE, true) !== 0;
  }
}
