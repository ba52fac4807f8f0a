// What: EvictionOrder, which learned station has to go when the forwarding database is full. Why: the port with the
// most stations gives up its least recently used one (as mac-learning.h of Open vSwitch describes), so that a port
// which floods addresses pushes out its own. Who: fdb.ts. It knows slots and ports only.
// How: an LRUCache of slots for each port that has any, numbered densely, and a column of their sizes: finding the
// fullest port is one pass over integers, and allocates nothing.
// Invariant: counts[i] is orders[i].size and is not 0.

import { LRUCache } from 'lru-cache';

const FIRST_CAPACITY = 16;

export class EvictionOrder {
  private readonly orders: LRUCache<number, number>[] = [];
  private readonly ofports: number[] = [];
  private readonly indexOf = new Map<number, number>();
  private counts = new Int32Array(FIRST_CAPACITY);

  /** Puts a slot on a port, as the one used last there. It is on no port yet. */
  add(ofport: number, slot: number): void {
    const index = this.indexOf.get(ofport) ?? this.addPort(ofport);
    this.orders[index]!.set(slot, slot);
    this.counts[index]!++;
  }

  /** Takes a slot off its port. Nothing happens when it is not there. */
  delete(ofport: number, slot: number): void {
    const index = this.indexOf.get(ofport);
    if (index === undefined || !this.orders[index]!.delete(slot)) return;
    this.counts[index]!--;
    if (this.counts[index] === 0) this.removePort(ofport, index);
  }

  /** The port with the most slots; undefined when no port has any. */
  fullestPort(): number | undefined {
    const { counts } = this;
    const ports = this.orders.length;
    let fullest = 0;
    let most = 0;
    for (let i = 0; i < ports; i++) {
      const count = counts[i]!;
      if (count <= most) continue;
      most = count;
      fullest = i;
    }
    return this.ofports[fullest];
  }

  /** The slot of a port that was put in order longest ago. The port has slots. */
  oldest(ofport: number): number {
    return this.orders[this.indexOf.get(ofport)!]!.rkeys().next().value!;
  }

  /** Makes a slot the one used last on its port. */
  renew(ofport: number, slot: number): void {
    this.orders[this.indexOf.get(ofport)!]!.get(slot);
  }

  private addPort(ofport: number): number {
    const index = this.orders.length;
    // The database bounds the slots over all ports. maxSize and not max: max would preallocate its arrays per port.
    this.orders.push(
      new LRUCache<number, number>({ maxSize: Number.MAX_SAFE_INTEGER, sizeCalculation: () => 1 }),
    );
    this.ofports.push(ofport);
    this.indexOf.set(ofport, index);
    if (index === this.counts.length) {
      const longer = new Int32Array(index * 2);
      longer.set(this.counts);
      this.counts = longer;
    }
    this.counts[index] = 0;
    return index;
  }

  /** The last port takes the place of the one that goes. */
  private removePort(ofport: number, index: number): void {
    const lastOrder = this.orders.pop()!;
    const lastOfport = this.ofports.pop()!;
    this.indexOf.delete(ofport);
    if (lastOfport === ofport) return;
    this.orders[index] = lastOrder;
    this.ofports[index] = lastOfport;
    this.counts[index] = lastOrder.size;
    this.indexOf.set(lastOfport, index);
  }
}
