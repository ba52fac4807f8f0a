// What: PacketInSpecs, what goes with packet-ins, by the number that programs carry. Why: a program is a row of
// integers. Who: the translation takes numbers, bridge.ts looks them up when a frame comes.
// Invariant: a number keeps its meaning while a program of the current version may carry it.

import type { PacketInSpec } from '../xlate/xlate-context.ts';

/** Beyond it, what only older versions could ask for is forgotten with the next version. */
const KEPT = 1024;

export class PacketInSpecs {
  private readonly numbers = new Map<string, number>();
  private readonly specs = new Map<number, PacketInSpec>();
  private lastNumber = 0;

  /** The number of a spec; equal ones have the same. */
  numberOf(spec: PacketInSpec): number {
    const { reason, tableId, cookie, controllerId, maxLength, userdata, metadata } = spec;
    const name = `${reason} ${tableId} ${cookie} ${controllerId} ${maxLength} ${userdata?.join() ?? ''} ${metadata}`;
    let number = this.numbers.get(name);
    if (number === undefined) {
      // Stays within 31 bits; numbers that old are in no program.
      this.lastNumber = (this.lastNumber + 1) & 0x7fff_ffff;
      number = this.lastNumber;
      this.numbers.set(name, number);
      this.specs.set(number, spec);
    }
    return number;
  }

  get(number: number): PacketInSpec | undefined {
    return this.specs.get(number);
  }

  /** The bridge has a new version. */
  versionChanged(): void {
    if (this.specs.size <= KEPT) return;
    this.numbers.clear();
    this.specs.clear();
  }
}
