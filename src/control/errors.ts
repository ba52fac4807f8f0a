// What: the one place where a failed request becomes a gRPC status. Why: a code that a program acts on and a sentence
// that a person reads must not be chosen anew in each service. Who: grpc-server.ts, and main.ts for the log.

import { type ErrorCode, SwitchError } from '../datapath/index.ts';
import { GRPC_STATUS, type GrpcStatus } from './grpc-status.ts';

const STATUS_BY_CODE: Record<ErrorCode, GrpcStatus> = {
  'invalid-argument': GRPC_STATUS.invalidArgument,
  'not-found': GRPC_STATUS.notFound,
  'already-exists': GRPC_STATUS.alreadyExists,
  'permission-denied': GRPC_STATUS.permissionDenied,
  'failed-precondition': GRPC_STATUS.failedPrecondition,
  'resource-exhausted': GRPC_STATUS.resourceExhausted,
  unavailable: GRPC_STATUS.unavailable,
  internal: GRPC_STATUS.internal,
};

/** Status and sentence for whatever a handler threw. What is no SwitchError is a broken program: internal. */
export function grpcStatusOf(error: unknown): { code: GrpcStatus; details: string } {
  if (error instanceof SwitchError) return { code: STATUS_BY_CODE[error.code], details: error.message };
  const text = error instanceof Error ? error.message : String(error);
  return { code: GRPC_STATUS.internal, details: `The switch failed in itself, please report this: ${text}` };
}

/** `ENOENT` and the like of a failed system call, or ''. */
export function systemErrorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' ? code : '';
}
