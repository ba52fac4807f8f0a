// What: packets and bytes of each rule, in columns. Why: the hot path counts with two adds into typed arrays and no
// allocation; the counts are exact at any moment, since nothing is counted elsewhere first. Who: dp adds, ofproto
// takes a slot for each rule and reads it.
// Invariant: slot 0 belongs to no rule; frames that match none are counted there.

const FIRST_CAPACITY = 256;

export class FlowStats {
  packets = new Float64Array(FIRST_CAPACITY);
  bytes = new Float64Array(FIRST_CAPACITY);
  private readonly free: number[] = [];
  private used = 1;

  /** A slot with zero counts. */
  take(): number {
    const slot = this.free.pop() ?? this.used++;
    if (slot === this.packets.length) this.grow();
    this.packets[slot] = 0;
    this.bytes[slot] = 0;
    return slot;
  }

  /** Gives a slot back. No cached translation may still count to it. */
  release(slot: number): void {
    this.free.push(slot);
  }

  private grow(): void {
    const packets = new Float64Array(this.packets.length * 2);
    const bytes = new Float64Array(this.bytes.length * 2);
    packets.set(this.packets);
    bytes.set(this.bytes);
    this.packets = packets;
    this.bytes = bytes;
  }
}
