// What: the text of dump-meters and meter-stats, in the format of ovs-ofctl with OpenFlow 1.3, the first that has
// meters. Who: commands/meter.ts.

import type { Meter, MeterStats } from '../../src/generated/services.ts';
import { formatDuration } from './duration.ts';

/** Meters with a meaning of their own (OpenFlow 1.3, enum ofp_meter), by their name in flow text. */
export const RESERVED_METERS: Readonly<Record<string, number>> = {
  slowpath: 0xffff_fffd,
  controller: 0xffff_fffe,
};

export function formatMeters(meters: Meter[]): string {
  const texts = meters.map(({ text }) => `${text.trimEnd()}\n`);
  return `OFPST_METER_CONFIG reply (OF1.3) (xid=0x2):\n${texts.join('\n')}`;
}

export function formatMeterStats(meters: MeterStats[]): string {
  return `OFPST_METER reply (OF1.3) (xid=0x2):\n${meters.map(formatCounters).join('\n')}`;
}

function formatCounters({ meterId, flowCount, packets, bytes, durationSeconds, bands }: MeterStats): string {
  const bandTexts = bands.map(
    (band, index) => `${index}: packet_count:${band.packets} byte_count:${band.bytes}\n`,
  );
  return (
    `meter:${meterName(meterId)} flow_count:${flowCount} packet_in_count:${packets} byte_in_count:${bytes} ` +
    `duration:${formatDuration(durationSeconds)} bands:\n${bandTexts.join('')}`
  );
}

function meterName(meterId: number): string {
  const reserved = Object.entries(RESERVED_METERS).find(([, number]) => number === meterId);
  return reserved?.[0] ?? String(meterId);
}
