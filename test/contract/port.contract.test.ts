// What: the contract suite over every port type. Memory ports are tested here; kernel ports in a second run of this
// file in a network namespace of its own.

import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { describeDeviceContract } from './device.contract.ts';
import { internalKind, silenceHost, systemKind, tapKind } from './kernel-world.ts';
import { memoryKind } from './memory-world.ts';
import { isOwnNamespace, runInOwnNamespace } from './own-namespace.ts';
import { describePortContract } from './port.contract.ts';

const CHILD_TIMEOUT_MS = 120_000;

if (isOwnNamespace) {
  silenceHost();
  for (const kind of [systemKind, tapKind, internalKind]) {
    describePortContract(kind);
    describeDeviceContract(kind);
  }
} else {
  describePortContract(memoryKind);

  describeWith(['root', 'netns', 'tap', 'ethtool'], 'system, tap and internal ports', () => {
    it(
      'keep the contract in a network namespace of their own',
      () => {
        const result = runInOwnNamespace(fileURLToPath(import.meta.url), CHILD_TIMEOUT_MS);
        expect(result.report).toBe('');
        expect(result.failed).toBe(0);
        expect(result.passed).toBeGreaterThan(3 * 40);
      },
      CHILD_TIMEOUT_MS,
    );
  });
}
