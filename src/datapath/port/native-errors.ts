// What: what the kernel's error numbers mean for a port. Why: one place words them. Who: native-port.ts,
// native-provider.ts. Numbers are Linux's (errno(3)); node:os has no EBADFD.

import { constants } from 'node:os';
import type { DropReason } from '../drop.ts';
import { SwitchError } from '../errors.ts';
import type { PortType } from './port.ts';

const { EACCES, EAGAIN, EBUSY, EINVAL, EIO, EMSGSIZE, ENETDOWN, ENOBUFS, ENOENT, ENXIO, EPERM } =
  constants.errno;
export const { ENODEV } = constants.errno;
/** File descriptor in bad state: the tap device behind it was deleted. */
export const EBADFD = 77;

/** Why a frame that the kernel refused with `errno` is dropped. */
export function dropReasonOf(errno: number): DropReason {
  switch (errno) {
    case EAGAIN:
    case ENOBUFS:
      return 'tx-queue-full';
    case ENETDOWN:
    case ENXIO:
    case ENODEV:
    case EIO: // a tap that is down
    case EBADFD:
      return 'tx-link-down';
    case EMSGSIZE:
      return 'tx-too-long';
    default:
      return 'tx-error';
  }
}

/** The error for a device that does not open, worded as Open vSwitch does where it has words for it. */
export function describeOpenError(name: string, type: PortType, errno: number): SwitchError {
  const subject = `could not open network device ${name}`;
  switch (errno) {
    case ENODEV:
      return new SwitchError('not-found', `${subject} (No such device)`);
    case EPERM:
    case EACCES:
      return new SwitchError(
        'permission-denied',
        `${subject} (Operation not permitted): ${permissionHint(name, type)}`,
      );
    case EBUSY:
      return new SwitchError(
        'failed-precondition',
        `${subject} (Device or resource busy): another program holds it`,
      );
    case EINVAL:
      return new SwitchError(
        'failed-precondition',
        `${subject}: a device of that name exists and is not a tap; use another name or --type system`,
      );
    case ENOENT:
      return new SwitchError(
        'failed-precondition',
        `${subject}: /dev/net/tun is missing; run 'modprobe tun'`,
      );
    default:
      return new SwitchError('internal', `${subject} (errno ${errno})`);
  }
}

function permissionHint(name: string, type: PortType): string {
  if (type === 'system')
    return 'a packet socket needs CAP_NET_RAW; run the daemon as root or with that capability';
  return (
    'a tap that the user of the daemon does not own needs CAP_NET_ADMIN; run it as root, or make the tap first: ' +
    `ip tuntap add ${name} mode tap user NAME`
  );
}
