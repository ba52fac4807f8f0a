// What: the one error type for a bad request to the switch. Why: a caller (gRPC service, CLI, test) must be
// able to act on a stable code and show a sentence. Bad frames never throw; they are counted in drop.ts.

/** Stable class of a failed request. `src/control` maps each to one gRPC status, in one place. */
export type ErrorCode =
  | 'invalid-argument' // the request itself is wrong: bad name, bad flow text
  | 'not-found' // no such bridge, port, device, flow
  | 'already-exists' // the name or number is taken
  | 'permission-denied' // the kernel says EPERM or EACCES
  | 'failed-precondition' // right request, wrong state: device busy, addon not built
  | 'resource-exhausted' // a bound is reached
  | 'unavailable' // the datapath is stopping or gone
  | 'internal'; // a broken program

/** A request that cannot be carried out. `message` is one sentence for a person and says what to do. */
export class SwitchError extends Error {
  override readonly name = 'SwitchError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
