// What: Datapath, the run-to-completion loop: receive a burst, make keys, look them up, act, send. Why: this is the
// path of every frame. Who: switch.ts drives it by poll(); ports bring and take frames; a Pipeline (upcall.ts)
// decides for flows that the cache does not know. It knows nothing of bridges, rules and MAC tables.
// Invariants: each frame received ends in at least one push to the transmit queue or in exactly one counted drop;
// nothing is allocated per frame; all frames of a burst come from one port, so what depends on the port is read once.

import {
  FLOODED,
  isDrop,
  isSingleOutput,
  MAX_DATAPATH_PORTS,
  type OutputLists,
  TO_INGRESS,
} from '../actions/verdict.ts';
import { DROP } from '../drop.ts';
import { SwitchError } from '../errors.ts';
import { extractKey, extractTypeVlan } from '../flow/extract.ts';
import {
  finishHash,
  KEY_IN_PORT,
  KEY_L2_WORDS,
  KEY_MAC,
  KEY_TYPE_VLAN,
  KEY_WORDS,
  mixHash,
} from '../flow/key.ts';
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
  /** The time in ms, in its only element: a double in a field or an argument may be allocated, in a column never. */
  readonly clock = new Float64Array(1);
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
  private readonly candidates = new Int32Array(BURST);
  private readonly bad = new Int32Array(BURST).fill(GOOD);
  private badFrames = 0;
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
  poll(): number {
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
      if (received > 0) this.forward(attachment, received);
      if (received < BURST) ready.remove(port);
      frames += received;
    }
    return frames;
  }

  private forward(from: Attachment, count: number): void {
    this.makeKeys(from, count);
    this.decide(from, count);
    this.transmit.flush();
  }

  /** First pass: counts what came, finds bad frames, and fills keys and hashes. */
  private makeKeys(from: Attachment, count: number): void {
    const { length } = this.batch;
    const { counters } = from.port;
    let bytes = 0;
    for (let row = 0; row < count; row++) bytes += length[row]!;
    counters[RX_PACKETS]! += count;
    counters[RX_BYTES]! += bytes;
    this.badFrames = 0;
    if (from.pipeline.keyWords === KEY_L2_WORDS) this.makeL2Keys(from, count);
    else this.makeDeepKeys(from, count);
  }

  /** Keys of a bridge that looks at MAC addresses, type and tag only: as the generic loop, with all words in locals. */
  private makeL2Keys(from: Attachment, count: number): void {
    const { view, keys, hashes } = this;
    const { offset, length, offload } = this.batch;
    const { keyMask, version } = from.pipeline;
    const inPort = from.ofport & keyMask[KEY_IN_PORT]!;
    const macMask0 = keyMask[KEY_MAC]!;
    const macMask1 = keyMask[KEY_MAC + 1]!;
    const macMask2 = keyMask[KEY_MAC + 2]!;
    const typeVlanMask = keyMask[KEY_TYPE_VLAN]!;
    const seed = mixHash(version, inPort);
    for (let row = 0, at = 0; row < count; row++, at += KEY_WORDS) {
      const frameLength = length[row]!;
      const frameOffset = offset[row]!;
      if (frameLength < ETHERNET_HEADER_LENGTH || offload[row] !== 0) {
        if (this.isBad(row, frameOffset, frameLength)) continue;
      }
      const mac0 = view.getInt32(frameOffset) & macMask0;
      const mac1 = view.getInt32(frameOffset + 4) & macMask1;
      const mac2 = view.getInt32(frameOffset + 8) & macMask2;
      const typeVlan = extractTypeVlan(view, frameOffset, frameLength) & typeVlanMask;
      keys[at + KEY_IN_PORT] = inPort;
      keys[at + KEY_MAC] = mac0;
      keys[at + KEY_MAC + 1] = mac1;
      keys[at + KEY_MAC + 2] = mac2;
      keys[at + KEY_TYPE_VLAN] = typeVlan;
      hashes[row] = finishHash(mixHash(mixHash(mixHash(mixHash(seed, mac0), mac1), mac2), typeVlan));
    }
  }

  /** Keys of any depth. The words up to KEY_L4_WORDS are in every such key, so they are spelled out. */
  private makeDeepKeys(from: Attachment, count: number): void {
    const { view, keys, hashes } = this;
    const { offset, length, offload } = this.batch;
    const { keyMask, keyWords, version } = from.pipeline;
    const inPort = from.ofport & keyMask[KEY_IN_PORT]!;
    const seed = mixHash(version, inPort);
    for (let row = 0, at = 0; row < count; row++, at += KEY_WORDS) {
      const frameLength = length[row]!;
      const frameOffset = offset[row]!;
      if (frameLength < ETHERNET_HEADER_LENGTH || offload[row] !== 0) {
        if (this.isBad(row, frameOffset, frameLength)) continue;
      }
      extractKey(view, frameOffset, frameLength, inPort, keyWords, keys, at);
      // Two chains, which the processor works on side by side.
      let even = seed;
      let odd = version;
      for (let i = 1; i < keyWords; i += 2) {
        const word = keys[at + i]! & keyMask[i]!;
        const next = keys[at + i + 1]! & keyMask[i + 1]!;
        keys[at + i] = word;
        keys[at + i + 1] = next;
        even = mixHash(even, word);
        odd = mixHash(odd, next);
      }
      hashes[row] = finishHash(even ^ odd);
    }
  }

  /** Whether a frame cannot be looked at; notes why in the column of bad frames. */
  private isBad(row: number, offset: number, length: number): boolean {
    const offload = this.batch.offload[row]!;
    if (length < ETHERNET_HEADER_LENGTH) this.bad[row] = DROP['rx-too-short'];
    else if (offload !== 0 && !this.offloadIsSane(offset, length, offload))
      this.bad[row] = DROP['rx-bad-offload'];
    else return false;
    this.badFrames++;
    return true;
  }

  /** Second pass: from key to verdict to transmit queue. */
  private decide(from: Attachment, count: number): void {
    const { keys, hashes, bad, candidates, cache, flowStats, counters } = this;
    const { entries } = cache;
    const { length } = this.batch;
    const { pipeline, index: ingress } = from;
    const { keyWords, version, dependencyVersions } = pipeline;
    const { packets, bytes } = flowStats;
    const portCounters = from.port.counters;
    let { lastUsedMs } = pipeline;
    const nowMs = this.clock[0]!;
    let misses = 0;
    // In a loop of its own, so that the waits for memory of several frames overlap.
    for (let row = 0; row < count; row++) candidates[row] = cache.candidate(hashes[row]!);
    for (let row = 0; row < count; row++) {
      if (this.badFrames > 0 && bad[row] !== GOOD) {
        portCounters[DROPS + bad[row]!]!++;
        bad[row] = GOOD;
        continue;
      }
      const at = row * KEY_WORDS;
      let entry = candidates[row]!;
      if (!cache.isLive(entry, keys, at, keyWords, version, dependencyVersions)) {
        // A miss earlier in this burst may have made the entry.
        entry = cache.candidate(hashes[row]!);
        if (!cache.isLive(entry, keys, at, keyWords, version, dependencyVersions)) {
          pipeline.translate(keys, at, ingress, nowMs, this.translation);
          entry = cache.insert(keys, at, keyWords, hashes[row]!, pipeline, this.translation);
          lastUsedMs = pipeline.lastUsedMs;
          misses++;
        }
      }
      const statsSlot = entries[entry + ENTRY_STATS_SLOT]!;
      packets[statsSlot]!++;
      bytes[statsSlot]! += length[row]!;
      lastUsedMs[entries[entry + ENTRY_TOUCH_SLOT]!] = nowMs;
      const verdict = entries[entry + ENTRY_VERDICT]!;
      if (isDrop(verdict)) portCounters[DROPS + ~verdict]!++;
      else if (isSingleOutput(verdict)) this.transmit.push(verdict, row);
      else if (!this.pushList(verdict, ingress, row)) portCounters[DROPS + DROP['no-flood-port']]!++;
    }
    counters[CACHE_HITS]! += count - misses - this.badFrames;
    counters[CACHE_MISSES]! += misses;
  }

  /** Sends copies to the ports of a list. False: there was none, because a flood found no port that is up. */
  private pushList(verdict: number, ingress: number, row: number): boolean {
    const list = this.lists.of(verdict);
    let sent = 0;
    for (let i = 0; i < list.length; i++) {
      const entry = list[i]!;
      const index = entry === TO_INGRESS ? ingress : entry & ~FLOODED;
      if (index === ingress && entry !== TO_INGRESS) continue;
      if ((entry & FLOODED) !== 0 && entry !== TO_INGRESS && !this.transmit.isUsable(index)) continue;
      this.transmit.push(index, row);
      sent++;
    }
    if (sent > 1) this.counters[COPIES]! += sent - 1;
    return sent > 0;
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
