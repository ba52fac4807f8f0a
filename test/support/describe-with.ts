// What: describe() for tests that need something of the machine. Why: the reason of a skip stands in the report, and
// a skip that CI forbids is a failure. Who: tests. Apart from require-feature.ts because only tests have vitest.

import { describe } from 'vitest';
import { type Feature, skipReason } from './require-feature.ts';

/** As describe(), skipped with the reason in its title when a feature is missing. Throws as skipReason() does. */
export function describeWith(features: Feature[], title: string, body: () => void): void {
  const reason = skipReason(...features);
  if (reason === '') describe(title, body);
  else describe.skip(`${title} [skipped: ${reason}]`, body);
}
