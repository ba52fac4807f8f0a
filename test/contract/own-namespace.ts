// What: runs a test file once more in a network namespace of its own. Why: a process cannot change the namespace of
// its threads, and devices made for a test must not meet those of the machine; with the process, the namespace and
// all in it are gone. Who: test files that open kernel ports call it, and look at isOwnNamespace to see where they are.

import { spawnSync } from 'node:child_process';

const MARK = 'TSSWITCH_TEST_NAMESPACE';

/** True in the process that runInOwnNamespace() started. */
export const isOwnNamespace = process.env[MARK] === '1';

export interface NamespaceRun {
  passed: number;
  failed: number;
  /** What failed and why, as text; '' when nothing did. */
  report: string;
}

interface JsonReport {
  numPassedTests: number;
  numFailedTests: number;
  testResults: {
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

/** Runs `testFile` (a path) under vitest in a new network namespace and counts what it did. */
export function runInOwnNamespace(testFile: string, timeoutMs: number): NamespaceRun {
  const root = new URL('../..', import.meta.url).pathname;
  const vitest = `${root}node_modules/vitest/vitest.mjs`;
  const own = Object.entries(process.env).filter(([key]) => !/^(VITEST|VITE_|TINYPOOL)/.test(key));
  const child = spawnSync(
    'unshare',
    [
      '--net',
      process.execPath,
      vitest,
      'run',
      '--config',
      'test/vitest.config.ts',
      '--reporter=json',
      testFile,
    ],
    {
      cwd: root,
      encoding: 'utf8',
      timeout: timeoutMs,
      maxBuffer: 64 << 20,
      env: { ...Object.fromEntries(own), [MARK]: '1' },
    },
  );
  const start = child.stdout.indexOf('{');
  if (start < 0) return { passed: 0, failed: 0, report: `no report: ${child.error ?? child.stderr}` };
  const result = JSON.parse(child.stdout.slice(start)) as JsonReport;
  const failures = result.testResults.flatMap((file) => [
    ...(file.message === '' ? [] : [file.message]),
    ...file.assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => `${fullName}\n${failureMessages.join('\n')}`),
  ]);
  return { passed: result.numPassedTests, failed: result.numFailedTests, report: failures.join('\n\n') };
}
