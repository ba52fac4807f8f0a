// What: a vitest reporter that closes the run with `N passed, N failed, N skipped` alone on the last line. Why: a
// program that reads the output of a test run finds the result without knowing vitest. Who: vitest.config.ts, .ci/run.
// Invariant: a file that could not be loaded, or an error outside of any test, counts as a failure.

import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // A test that never ran to its end is no success.
        counts[state === 'pending' ? 'failed' : state]++;
      }
    }
    const { passed, failed, skipped } = counts;
    // The default reporter writes its summary in the same turn; this line is to follow it.
    process.once('exit', () => console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`));
  }
}
