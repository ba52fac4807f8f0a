// What: MeterTable, the meters of a bridge: which of the datapath's meters each one is, and the changes that meter
// mods ask for. Why: flows name meters by OpenFlow number, the datapath runs them by index. Who: bridge.ts; dp/meters.ts
// does the measuring. What becomes of the flows of a deleted meter is the caller's business.

import type { MeterCommand } from '../../api.ts';
import type { Meters } from '../../dp/meters.ts';
import { SwitchError } from '../../errors.ts';
import { METER_ALL, type Meter } from '../entries/meter.ts';
import { parseMeter } from '../text/meter-text.ts';
import type { Journal } from './journal.ts';

const MAX_METERS = 200_000;

export type MeterChange =
  | { command: 'add' | 'modify'; meter: Meter }
  | { command: 'delete'; meterId: number | 'all' };

/** A meter in the table. */
export interface StoredMeter {
  readonly meter: Meter;
  /** Index in the datapath. */
  readonly index: number;
  readonly createdMs: number;
}

export class MeterTable {
  private readonly meters = new Map<number, StoredMeter>();
  private readonly datapathMeters: Meters;

  constructor(datapathMeters: Meters) {
    this.datapathMeters = datapathMeters;
  }

  get(meterId: number): StoredMeter | undefined {
    return this.meters.get(meterId);
  }

  /** One meter or all of them, by number. */
  list(meterId?: number): StoredMeter[] {
    if (meterId === undefined)
      return [...this.meters.values()].sort((a, b) => a.meter.meterId - b.meter.meterId);
    const stored = this.meters.get(meterId);
    return stored ? [stored] : [];
  }

  /** Carries a meter mod out, and returns the numbers of the meters that it deleted. Throws SwitchError. */
  change(change: MeterChange, nowMs: number, journal: Journal): number[] {
    if (change.command === 'delete') return this.delete(change.meterId, journal);
    const { meter } = change;
    const old = this.meters.get(meter.meterId);
    if (change.command === 'add') {
      if (old) {
        const sentence = `Meter ${meter.meterId} is there already (OFPMMFC_METER_EXISTS): modify it, or delete it first.`;
        throw new SwitchError('already-exists', sentence);
      }
      this.add(meter, nowMs, journal);
    } else {
      if (!old)
        throw new SwitchError(
          'not-found',
          `There is no meter ${meter.meterId} (OFPMMFC_UNKNOWN_METER): add it first.`,
        );
      this.modify(old, meter, nowMs, journal);
    }
    return [];
  }

  private add(meter: Meter, nowMs: number, journal: Journal): void {
    if (this.meters.size >= MAX_METERS) {
      throw new SwitchError(
        'resource-exhausted',
        `The bridge has no room for more than ${MAX_METERS} meters.`,
      );
    }
    const index = this.datapathMeters.add();
    this.meters.set(meter.meterId, { meter, index, createdMs: nowMs });
    const undo = () => {
      this.meters.delete(meter.meterId);
      this.datapathMeters.remove(index);
    };
    journal.record({ undo, finish: () => this.configure(index, meter, nowMs) });
  }

  /** Its counts begin anew, as with Open vSwitch, but not before all of the transaction went well. */
  private modify(old: StoredMeter, meter: Meter, nowMs: number, journal: Journal): void {
    this.meters.set(meter.meterId, { ...old, meter });
    const undo = () => this.meters.set(meter.meterId, old);
    journal.record({ undo, finish: () => this.configure(old.index, meter, nowMs) });
  }

  private delete(meterId: number | 'all', journal: Journal): number[] {
    const deleted = meterId === 'all' ? [...this.meters.keys()] : this.meters.has(meterId) ? [meterId] : [];
    for (const id of deleted) {
      const old = this.meters.get(id)!;
      this.meters.delete(id);
      // Its counts must survive when a later line is refused.
      const undo = () => this.meters.set(id, old);
      journal.record({ undo, finish: () => this.datapathMeters.remove(old.index) });
    }
    return deleted;
  }

  private configure(index: number, { unit, burst, bands }: Meter, nowMs: number): void {
    const rates = bands.map(({ rate, burstSize }) => ({ rate, burst: burst ? burstSize : 0 }));
    this.datapathMeters.set(index, unit, rates, nowMs);
  }
}

/** The change that a meter text asks for; a delete of no meter in particular deletes all. Throws SwitchError. */
export function parseMeterChange(text: string, command: MeterCommand): MeterChange {
  if (command !== 'delete') return { command, meter: parseMeter(text, command) };
  if (text.trim() === '') return { command, meterId: 'all' };
  const { meterId } = parseMeter(text, command);
  return { command, meterId: meterId === METER_ALL ? 'all' : meterId };
}
