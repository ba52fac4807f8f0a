// What: TransmitQueue, the outputs of one burst gathered by port. Why: one send call for a burst and an output port,
// whatever the order in which the frames of different flows came. Who: datapath.ts.
// Invariant: empty between bursts, since rows mean nothing after the next receive().

import { BURST, type FrameBatch } from '../port/batch.ts';
import type { Port } from '../port/port.ts';

const NO_ROWS = new Int32Array(0);

export class TransmitQueue {
  private readonly batch: FrameBatch;
  private readonly ports: (Port | undefined)[] = [];
  /** Rows that wait, for each port. */
  private readonly rows: Int32Array[] = [];
  private counts = new Int32Array(64);
  /** Ports with rows that wait, in the order in which they got the first. */
  private waiting = new Int32Array(64);
  private waitingCount = 0;

  constructor(batch: FrameBatch) {
    this.batch = batch;
  }

  /** Makes `index` stand for a port, or for none. */
  setPort(index: number, port: Port | undefined): void {
    while (this.rows.length <= index) {
      this.rows.push(NO_ROWS);
      this.ports.push(undefined);
    }
    this.ports[index] = port;
    this.rows[index] = port ? new Int32Array(BURST) : NO_ROWS;
    while (this.counts.length <= index) {
      this.counts = grown(this.counts);
      this.waiting = grown(this.waiting);
    }
  }

  /** Whether a flood reaches the port `index`, which exists. */
  isUsable(index: number): boolean {
    return this.ports[index]!.usable;
  }

  /** Sends the frame in `row` out of the port `index`, which exists, at flush() or before. */
  push(index: number, row: number): void {
    let count = this.counts[index]!;
    if (count === 0) {
      this.waiting[this.waitingCount++] = index;
    } else if (count === BURST) {
      // Lists that name a port twice can give it more rows than a burst has.
      this.ports[index]!.send(this.batch, this.rows[index]!, BURST);
      count = 0;
    }
    this.rows[index]![count] = row;
    this.counts[index] = count + 1;
  }

  /** Sends all that waits. */
  flush(): void {
    for (let i = 0; i < this.waitingCount; i++) {
      const index = this.waiting[i]!;
      this.ports[index]!.send(this.batch, this.rows[index]!, this.counts[index]!);
      this.counts[index] = 0;
    }
    this.waitingCount = 0;
  }
}

function grown(column: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(column.length * 2);
  larger.set(column);
  return larger;
}
