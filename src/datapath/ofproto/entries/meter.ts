// What: meters as plain data (OpenFlow 1.3, 5.7). Who: meter-text.ts reads and prints them, meter-table.ts keeps
// them, dp/meters.ts carries them out.

export interface MeterBand {
  /** kilobits or packets per second, as Meter.unit says. */
  rate: number;
  /** kilobits or packets; 0: not given. */
  burstSize: number;
}

export interface Meter {
  meterId: number;
  unit: 'kbps' | 'pktps';
  /** The word `burst` was given: burstSize counts. */
  burst: boolean;
  /** The word `stats` was given. */
  stats: boolean;
  /** Bands of type drop, the only type there is. */
  bands: readonly MeterBand[];
}

/** As the number of a meter: all of them (OFPM_ALL). */
export const METER_ALL = 0xffff_ffff;
