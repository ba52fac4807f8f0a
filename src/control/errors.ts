// What: the one place where a failed request becomes a gRPC status. Why: a code that a program acts on and a sentence
// that a person reads must not be chosen anew in each service. Who: grpc-server.ts, and main.ts for the log.

import { status } from '@grpc/grpc-js';
import { type ErrorCode, SwitchError } from '../datapath/index.ts';

const STATUS_BY_CODE: Record<ErrorCode, status> = {
  'invalid-argument': status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  'permission-denied': status.PERMISSION_DENIED,
  'failed-precondition': status.FAILED_PRECONDITION,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  internal: status.INTERNAL,
};

/** Status and sentence for whatever a handler threw. What is no SwitchError is a broken program: internal. */
export function grpcStatusOf(error: unknown): { code: status; details: string } {
  if (error instanceof SwitchError) return { code: STATUS_BY_CODE[error.code], details: error.message };
  const text = error instanceof Error ? error.message : String(error);
  return { code: status.INTERNAL, details: `The switch failed in itself, please report this: ${text}` };
}
