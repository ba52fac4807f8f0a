// What: what the operating system says of a failed call. Who: all that touches files and sockets. Apart from errors.ts,
// which needs the gRPC library: what opens the ports must not wait for that.

/** `ENOENT` and the like of a failed system call, or ''. */
export function systemErrorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return typeof code === 'string' ? code : '';
}
