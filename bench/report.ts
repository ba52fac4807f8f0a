// What: the tables of the benchmark. Why: a person reads medians, spread and ratios at a glance. Who: main.ts.

import type { Candidate } from './candidates.ts';
import type { Column, Sample } from './metrics.ts';
import { median, medianRatio, spread } from './statistics.ts';

/** Samples by candidate name, then by round; undefined where a candidate could not be measured. */
export type Results = Map<string, (Sample | undefined)[]>;

/** What the ratios are against: the Open vSwitch that did better in this column. */
const REFERENCES = ['ovs', 'ovs-tso'];

export interface ColumnReport {
  column: Column;
  reference: string | undefined;
  rows: {
    candidate: string;
    values: (number | undefined)[];
    median: number | undefined;
    min: number | undefined;
    max: number | undefined;
    ratio: number | undefined;
  }[];
}

/** Works out one column. */
export function reportColumn(column: Column, results: Results): ColumnReport {
  const valuesOf = (name: string) => (results.get(name) ?? []).map((sample) => sample?.[column.name]);
  const numbersOf = (name: string) => valuesOf(name).filter((value) => value !== undefined);
  const sign = column.better === 'more' ? 1 : -1;
  const judged = column.better === undefined ? [] : REFERENCES;
  const reference = judged
    .filter((name) => numbersOf(name).length > 0)
    .sort((a, b) => sign * (median(numbersOf(b)) - median(numbersOf(a))))[0];
  const rows = [...results.keys()].map((candidate) => {
    const values = valuesOf(candidate);
    const numbers = numbersOf(candidate);
    const { median: middle, min, max } = spread(numbers);
    const ratio = reference === undefined ? undefined : medianRatio(values, valuesOf(reference));
    const has = numbers.length > 0;
    return {
      candidate,
      values,
      median: has ? middle : undefined,
      min: has ? min : undefined,
      max: has ? max : undefined,
      ratio,
    };
  });
  return { column, reference, rows };
}

/** One column as text. `obstacles` says why a candidate has no figure. */
export function formatColumn(
  { column, reference, rows }: ColumnReport,
  candidates: readonly Candidate[],
  obstacles: ReadonlyMap<string, string>,
): string {
  const titleOf = (name: string) => candidates.find((candidate) => candidate.name === name)?.title ?? name;
  const fixed = (value: number) => value.toFixed(column.decimals);
  const against = reference === undefined ? '' : `ratio to ${titleOf(reference)}, `;
  const lines = rows.map(({ candidate, median: middle, min, max, ratio }) => {
    const title = titleOf(candidate).padEnd(27);
    if (middle === undefined || min === undefined || max === undefined) {
      return `  ${title} ${'-'.padStart(9)}   ${obstacles.get(candidate) ?? ''}`;
    }
    const range = `${fixed(min)} - ${fixed(max)}`.padEnd(17);
    return `  ${title} ${fixed(middle).padStart(9)}   ${range} ${ratio === undefined ? '' : `${ratio.toFixed(2)} x`}`.trimEnd();
  });
  const better = column.better === undefined ? '' : `, ${against}${column.better} is better`;
  return `${column.title} [${column.unit}]${better}\n${lines.join('\n')}\n`;
}
