// What: the gRPC status codes, as numbers. Why: the client must know them without loading the gRPC library, which
// costs a CLI command more time than its request. Who: errors.ts on the server side, client.ts on the other.
// Source: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md

export const GRPC_STATUS = {
  ok: 0,
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

export type GrpcStatus = (typeof GRPC_STATUS)[keyof typeof GRPC_STATUS];
