// What: Fdb, the forwarding database of a bridge: which station (VLAN, MAC) was last heard on which port. Why: NORMAL
// sends a frame to one port instead of all when it knows the station. Who: bridge.ts and normal.ts; the hot path
// touches lastUsedMs only.
//
// A station is a slot in typed columns, so that a cached flow refreshes it by one store, with no call. `slotOf` finds
// it at translation time. When the table is full, eviction-order.ts names the station that has to go. The hot path
// does not reorder it; a station that was used since it was put in order gets another round when its turn comes.
//
// Each station belongs to a bucket by hash. Whenever a station comes, moves or goes, the version of its bucket grows;
// cached flows compare versions (dp/upcall.ts). So a storm of new addresses leaves most other flows cached.
//
// Invariants: slot 0 is no station. A static station is in no LRU order and never ages, moves or goes by itself.

import type { FdbStats } from '../../api.ts';
import { finishHash, mixHash } from '../../flow/key.ts';
import { EvictionOrder } from './eviction-order.ts';

const BUCKETS = 4096;
/** A bucket without stations, for flows that depend on none. */
export const NO_BUCKET = BUCKETS;
/** The bucket whose version grows with every change, for translations that depend on more than two buckets. */
export const ANY_BUCKET = BUCKETS + 1;
/** No station. */
export const NO_SLOT = 0;

const FIRST_CAPACITY = 64;
/** Slots that one sweep() looks at: bounds the time that it takes from forwarding. */
const SWEEP_SLOTS = 16_384;
const SWEEP_INTERVAL_MS = 1000;
/** Stations that one eviction puts in order before it takes one all the same: bounds its time too. */
const SECOND_CHANCES = 128;

export interface Station {
  vlan: number;
  mac: number;
  ofport: number;
  isStatic: boolean;
  lastUsedMs: number;
}

export class Fdb {
  readonly bucketVersions = new Int32Array(BUCKETS + 2);
  /** By slot. */
  lastUsedMs = new Float64Array(FIRST_CAPACITY);

  private vlans = new Int32Array(FIRST_CAPACITY);
  private macs = new Float64Array(FIRST_CAPACITY);
  /** OpenFlow port; -1 for a slot that is free. */
  private ofports = new Int32Array(FIRST_CAPACITY).fill(-1);
  private statics = new Uint8Array(FIRST_CAPACITY);
  /** lastUsedMs when the slot was last put in order. */
  private orderedMs = new Float64Array(FIRST_CAPACITY);

  private readonly slotOf = new Map<number, Map<number, number>>();
  private readonly order = new EvictionOrder();
  private readonly free: number[] = [];
  private slotsUsed = 1;
  private entries = 0;

  /** A station was not learned for want of room: flows that were translated then must try again when there is some. */
  private refused = false;

  private maximum: number;
  private ageMs: number;
  private learned = 0;
  private expired = 0;
  private evicted = 0;
  private moved = 0;

  private sweepStartMs = 0;
  /** Next slot of the sweep; 0 when none is under way. */
  private sweepNext = 0;

  constructor(maximum: number, ageMs: number) {
    this.maximum = maximum;
    this.ageMs = ageMs;
  }

  get size(): number {
    return this.entries;
  }

  bucketOf(vlan: number, mac: number): number {
    const high = Math.floor(mac / 2 ** 32);
    return finishHash(mixHash(mixHash(vlan, high), mac | 0)) & (BUCKETS - 1);
  }

  /**
   * Notes that a station was heard on a port. Returns its slot, or NO_SLOT when it may not be refreshed: it is
   * static, or the table holds static stations only.
   */
  learn(vlan: number, mac: number, ofport: number, nowMs: number): number {
    const known = this.find(vlan, mac);
    if (known !== NO_SLOT) {
      if (this.statics[known]) return NO_SLOT;
      if (this.ofports[known] !== ofport) {
        this.place(known, ofport, nowMs);
        this.moved++;
      }
      this.lastUsedMs[known] = nowMs;
      return known;
    }
    if (this.entries >= this.maximum && !this.evict()) {
      this.refused = true;
      return NO_SLOT;
    }
    this.learned++;
    return this.insert(vlan, mac, ofport, nowMs);
  }

  /** The port of a station that is known and not too old, else -1. */
  lookup(vlan: number, mac: number, nowMs: number): number {
    const slot = this.find(vlan, mac);
    return slot === NO_SLOT || this.isExpired(slot, nowMs) ? -1 : this.ofports[slot]!;
  }

  /** Whether learn() would change where the station is. */
  isNews(vlan: number, mac: number, ofport: number, nowMs: number): boolean {
    const slot = this.find(vlan, mac);
    if (slot === NO_SLOT || this.isExpired(slot, nowMs)) return true;
    return this.statics[slot] === 0 && this.ofports[slot] !== ofport;
  }

  /** Makes a station static on a port; it takes the place of what was learned. False: no room. */
  addStatic(vlan: number, mac: number, ofport: number, nowMs: number): boolean {
    const known = this.find(vlan, mac);
    if (known !== NO_SLOT) this.remove(known);
    if (this.entries >= this.maximum && !this.evict()) return false;
    const slot = this.insert(vlan, mac, ofport, nowMs);
    this.order.delete(this.ofports[slot]!, slot);
    this.statics[slot] = 1;
    return true;
  }

  /** Forgets a station, static or learned. False: it is not known. */
  delete(vlan: number, mac: number): boolean {
    const slot = this.find(vlan, mac);
    if (slot === NO_SLOT) return false;
    this.remove(slot);
    return true;
  }

  /** Forgets the learned stations, of one port when given. Returns how many. */
  flush(ofport?: number): number {
    return this.removeWhere(
      (slot) => !this.statics[slot] && (ofport ?? this.ofports[slot]) === this.ofports[slot],
    );
  }

  /** Forgets all stations of a port that goes away. */
  forgetPort(ofport: number): void {
    this.removeWhere((slot) => this.ofports[slot] === ofport);
  }

  /** Changes the bounds; what is beyond them goes at once. */
  setLimits(maximum: number, ageMs: number): void {
    this.maximum = maximum;
    this.ageMs = ageMs;
    while (this.entries > maximum && this.evict());
    this.makeRoomKnown();
  }

  /** Removes stations that are too old; a bounded part of the work, at most once a second from the start. */
  sweep(nowMs: number): void {
    if (this.sweepNext === 0) {
      if (nowMs - this.sweepStartMs < SWEEP_INTERVAL_MS || this.entries === 0) return;
      this.sweepStartMs = nowMs;
      this.sweepNext = 1;
    }
    const end = Math.min(this.slotsUsed, this.sweepNext + SWEEP_SLOTS);
    for (let slot = this.sweepNext; slot < end; slot++) {
      if (this.ofports[slot]! < 0 || !this.isExpired(slot, nowMs)) continue;
      this.remove(slot);
      this.expired++;
    }
    this.sweepNext = end === this.slotsUsed ? 0 : end;
  }

  /** Up to `limit` stations behind slot `after`, without those that are too old; `next` is 0 at the end. */
  list(after: number, limit: number, nowMs: number): { stations: Station[]; next: number } {
    const stations: Station[] = [];
    for (let slot = after + 1; slot < this.slotsUsed; slot++) {
      if (this.ofports[slot]! < 0 || this.isExpired(slot, nowMs)) continue;
      if (stations.length === limit) return { stations, next: slot - 1 };
      stations.push({
        vlan: this.vlans[slot]!,
        mac: this.macs[slot]!,
        ofport: this.ofports[slot]!,
        isStatic: this.statics[slot] === 1,
        lastUsedMs: this.lastUsedMs[slot]!,
      });
    }
    return { stations, next: 0 };
  }

  stats(): FdbStats {
    const { entries, maximum, learned, expired, evicted, moved } = this;
    return { entries, maximum, learned, expired, evicted, moved };
  }

  private find(vlan: number, mac: number): number {
    return this.slotOf.get(vlan)?.get(mac) ?? NO_SLOT;
  }

  private isExpired(slot: number, nowMs: number): boolean {
    return this.statics[slot] === 0 && nowMs - this.lastUsedMs[slot]! >= this.ageMs;
  }

  private insert(vlan: number, mac: number, ofport: number, nowMs: number): number {
    const slot = this.free.pop() ?? this.slotsUsed++;
    if (slot === this.vlans.length) this.grow();
    let stations = this.slotOf.get(vlan);
    if (!stations) {
      stations = new Map();
      this.slotOf.set(vlan, stations);
    }
    stations.set(mac, slot);
    this.vlans[slot] = vlan;
    this.macs[slot] = mac;
    this.statics[slot] = 0;
    this.lastUsedMs[slot] = nowMs;
    this.entries++;
    this.place(slot, ofport, nowMs);
    return slot;
  }

  /** Puts a slot on a port, as the one used last there. */
  private place(slot: number, ofport: number, nowMs: number): void {
    this.order.delete(this.ofports[slot]!, slot);
    this.ofports[slot] = ofport;
    this.orderedMs[slot] = nowMs;
    this.order.add(ofport, slot);
    this.changed(slot);
  }

  private remove(slot: number): void {
    this.changed(slot);
    this.makeRoomKnown();
    this.order.delete(this.ofports[slot]!, slot);
    const vlan = this.vlans[slot]!;
    const stations = this.slotOf.get(vlan)!;
    stations.delete(this.macs[slot]!);
    if (stations.size === 0) this.slotOf.delete(vlan);
    this.ofports[slot] = -1;
    this.free.push(slot);
    this.entries--;
  }

  private removeWhere(doomed: (slot: number) => boolean): number {
    let count = 0;
    for (let slot = 1; slot < this.slotsUsed; slot++) {
      if (this.ofports[slot]! < 0 || !doomed(slot)) continue;
      this.remove(slot);
      count++;
    }
    return count;
  }

  /** Removes the least recently used station of the port that has the most. False: all are static. */
  private evict(): boolean {
    const ofport = this.order.fullestPort();
    if (ofport === undefined) return false;
    let slot = NO_SLOT;
    for (let chance = 0; chance < SECOND_CHANCES; chance++) {
      slot = this.order.oldest(ofport);
      if (this.lastUsedMs[slot] === this.orderedMs[slot]) break;
      this.orderedMs[slot] = this.lastUsedMs[slot]!;
      this.order.renew(ofport, slot);
    }
    this.remove(slot);
    this.evicted++;
    return true;
  }

  private changed(slot: number): void {
    this.bucketVersions[this.bucketOf(this.vlans[slot]!, this.macs[slot]!)]!++;
    this.bucketVersions[ANY_BUCKET]!++;
  }

  private makeRoomKnown(): void {
    if (!this.refused) return;
    this.refused = false;
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.bucketVersions[bucket]!++;
  }

  private grow(): void {
    const capacity = this.vlans.length * 2;
    const longer = <T extends Int32Array | Float64Array | Uint8Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.vlans = longer(new Int32Array(capacity), this.vlans);
    this.macs = longer(new Float64Array(capacity), this.macs);
    this.ofports = longer(new Int32Array(capacity).fill(-1), this.ofports);
    this.statics = longer(new Uint8Array(capacity), this.statics);
    this.orderedMs = longer(new Float64Array(capacity), this.orderedMs);
    this.lastUsedMs = longer(new Float64Array(capacity), this.lastUsedMs);
  }
}
