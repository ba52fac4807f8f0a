// What: the counters of a port as the control plane reads them. Why: the columns of port/counters.ts are made for
// counting; this is where they get their names. Who: switch.ts.

import type { PortStats } from '../api.ts';
import { DROP_REASON_NAMES, type DropReason } from '../drop.ts';
import {
  DROPS,
  RX_BYTES,
  RX_ERRORS,
  RX_KERNEL_DROPS,
  RX_PACKETS,
  TX_BYTES,
  TX_PACKETS,
} from '../port/counters.ts';

/** A copy of the counters. txDropped and txErrors sum up the tx reasons, which `drops` gives one by one. */
export function portStats(counters: Float64Array): PortStats {
  const drops: Partial<Record<DropReason, number>> = {};
  let txDropped = 0;
  for (const [i, reason] of DROP_REASON_NAMES.entries()) {
    const count = counters[DROPS + i]!;
    if (count > 0) drops[reason] = count;
    if (reason.startsWith('tx-') && reason !== 'tx-error') txDropped += count;
  }
  return {
    rxPackets: counters[RX_PACKETS]!,
    rxBytes: counters[RX_BYTES]!,
    rxDropped: counters[RX_KERNEL_DROPS]!,
    rxErrors: counters[RX_ERRORS]!,
    txPackets: counters[TX_PACKETS]!,
    txBytes: counters[TX_BYTES]!,
    txDropped,
    txErrors: drops['tx-error'] ?? 0,
    drops,
  };
}
