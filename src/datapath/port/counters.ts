// What: the counters of a port as one Float64Array. Why: doubles in object fields may allocate when they change;
// a typed array never does. Exact up to 2^53.

import { DROP_REASON_COUNT } from '../drop.ts';

export const RX_PACKETS = 0;
export const RX_BYTES = 1;
/** Frames lost in the kernel before the switch could read them: full socket buffer or tap queue. */
export const RX_KERNEL_DROPS = 2;
/** Receive calls that the kernel failed, for example an offload that it cannot describe. */
export const RX_ERRORS = 3;
export const TX_PACKETS = 4;
export const TX_BYTES = 5;
/** First of DROP_REASON_COUNT counters, in the order of drop.ts. */
export const DROPS = 6;
const PORT_COUNTERS = DROPS + DROP_REASON_COUNT;

export function newPortCounters(): Float64Array {
  return new Float64Array(PORT_COUNTERS);
}
