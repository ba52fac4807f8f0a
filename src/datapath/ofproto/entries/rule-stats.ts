// What: packets, bytes and times of each rule, in columns. Why: a rule costs no object for them, and sweeping a
// million rules for timeouts reads two columns. Who: bridge.ts credits, flow-table.ts takes a row for each rule.

const FIRST_CAPACITY = 256;

export class RuleStats {
  packets = new Float64Array(FIRST_CAPACITY);
  bytes = new Float64Array(FIRST_CAPACITY);
  /** Added, last modified, last used, in ms of the switch's clock. */
  createdMs = new Float64Array(FIRST_CAPACITY);
  modifiedMs = new Float64Array(FIRST_CAPACITY);
  usedMs = new Float64Array(FIRST_CAPACITY);
  private readonly free: number[] = [];
  private used = 1;

  /** A row with zero counts, created, modified and used now. Row 0 belongs to nothing. */
  take(nowMs: number): number {
    const slot = this.free.pop() ?? this.used++;
    if (slot === this.packets.length) this.grow();
    this.packets[slot] = 0;
    this.bytes[slot] = 0;
    this.createdMs[slot] = nowMs;
    this.modifiedMs[slot] = nowMs;
    this.usedMs[slot] = nowMs;
    return slot;
  }

  /** The rule of a row comes into its table now. */
  start(slot: number, nowMs: number): void {
    this.createdMs[slot] = nowMs;
    this.modifiedMs[slot] = nowMs;
    this.usedMs[slot] = nowMs;
  }

  /** Gives a row back. */
  release(slot: number): void {
    this.free.push(slot);
  }

  private grow(): void {
    this.packets = grown(this.packets);
    this.bytes = grown(this.bytes);
    this.createdMs = grown(this.createdMs);
    this.modifiedMs = grown(this.modifiedMs);
    this.usedMs = grown(this.usedMs);
  }
}

function grown(column: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(column.length * 2);
  larger.set(column);
  return larger;
}
