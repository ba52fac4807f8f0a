// What: medians and ratios of interleaved rounds. Why: on a machine that drifts, figures of the same round compare,
// and the median of the ratios is steadier than the ratio of the medians. Who: report.ts, main.ts.

export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** Middle value; the mean of the two middle ones of an even number. NaN when there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Median of value/reference over the rounds that have both. Undefined when no round has. */
export function medianRatio(
  values: readonly (number | undefined)[],
  references: readonly (number | undefined)[],
): number | undefined {
  const ratios = values.flatMap((value, round) => {
    const reference = references[round];
    return value === undefined || reference === undefined ? [] : [value / reference];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}
