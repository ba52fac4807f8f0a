// What: MegaflowIndex, the hash table of the megaflows: from a hash to the rows with it. Why: one table serves all
// masks, as the hashes of each mask start differently, and finding or missing a row touches one cache line mostly. Who:
// megaflows.ts.
// How: pairs of a hash and a row (0: free) in one Int32Array, at least twice as many as rows; linear probing, without
// tombstones. It grows with the number of rows, as a table that is mostly empty is mostly not in the processor's caches.
// The loop that looks up stands in megaflows.ts, where it is hot:
//   for (slot = hash & mask; slots[2 * slot + 1] !== 0; slot = (slot + 1) & mask) if (slots[2 * slot] === hash) …

const FIRST_SLOTS = 1024;
/** A table is made smaller when it has so many slots for each row. */
const SPARSE = 16;

export class MegaflowIndex {
  slots = new Int32Array(2 * FIRST_SLOTS);
  mask = FIRST_SLOTS - 1;

  /** Makes room for one more row than `rows`. What slots were found before is no longer true. */
  reserve(rows: number): void {
    if (2 * rows > this.mask) this.resize(2 * (this.mask + 1));
  }

  /** Takes less room, if that is enough for `rows`. */
  trim(rows: number): void {
    if (this.mask >= FIRST_SLOTS && SPARSE * rows < this.mask) this.resize((this.mask + 1) / 2);
  }

  /** Puts a row into a free slot, which the probing for its hash has come upon. */
  put(slot: number, hash: number, row: number): void {
    this.slots[2 * slot] = hash;
    this.slots[2 * slot + 1] = row;
  }

  /** Takes out a row that is in the table. */
  remove(hash: number, row: number): void {
    const { slots, mask } = this;
    let hole = hash & mask;
    while (slots[2 * hole + 1] !== row) hole = (hole + 1) & mask;
    // What stands behind the hole moves up, unless it is where its probing starts or behind that.
    for (let slot = (hole + 1) & mask; slots[2 * slot + 1] !== 0; slot = (slot + 1) & mask) {
      const home = slots[2 * slot]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[2 * hole] = slots[2 * slot]!;
      slots[2 * hole + 1] = slots[2 * slot + 1]!;
      hole = slot;
    }
    slots[2 * hole + 1] = 0;
  }

  private resize(count: number): void {
    const old = this.slots;
    const slots = new Int32Array(2 * count);
    const mask = count - 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue;
      let slot = old[i]! & mask;
      while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask;
      slots[2 * slot] = old[i]!;
      slots[2 * slot + 1] = old[i + 1]!;
    }
    this.slots = slots;
    this.mask = mask;
  }
}
