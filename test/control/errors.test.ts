// What: each kind of refusal has one gRPC status.

import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { grpcStatusOf } from '../../src/control/errors.ts';
import { systemErrorCode } from '../../src/control/system-error.ts';
import { type ErrorCode, SwitchError } from '../../src/datapath/index.ts';

const EXPECTED: Record<ErrorCode, status> = {
  'invalid-argument': status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  'permission-denied': status.PERMISSION_DENIED,
  'failed-precondition': status.FAILED_PRECONDITION,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  internal: status.INTERNAL,
};

describe('grpcStatusOf', () => {
  it.each(Object.entries(EXPECTED))('maps %s', (code, expected) => {
    const error = new SwitchError(code as ErrorCode, 'a sentence');
    expect(grpcStatusOf(error)).toEqual({ code: expected, details: 'a sentence' });
  });

  it('calls everything else internal', () => {
    const expected = { code: status.INTERNAL, details: expect.stringContaining('oops') };
    expect(grpcStatusOf(new TypeError('oops'))).toEqual(expected);
    expect(grpcStatusOf('oops')).toEqual(expected);
  });
});

it('reads the code of a system error', () => {
  expect(systemErrorCode(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT');
  expect(systemErrorCode(Object.assign(new Error('x'), { code: 5 }))).toBe('');
  expect(systemErrorCode('ENOENT')).toBe('');
});
