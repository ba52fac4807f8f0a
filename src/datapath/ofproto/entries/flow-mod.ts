// What: FlowMod, what a flow text asks for: a flow to add, or which flows to change or delete, or which to list.
// Why: text, learn actions, bundles and (later) OpenFlow messages all come down to this one form. Who: flow-text.ts
// and learn.ts make it, flow-table.ts and bridge.ts carry it out.

import type { Action } from '../../actions/action.ts';
import type { Match } from '../../flow/match.ts';

export type FlowModCommand = 'add' | 'modify' | 'modify_strict' | 'delete' | 'delete_strict';

/** Priority of a flow that names none (OFP_DEFAULT_PRIORITY). */
export const DEFAULT_PRIORITY = 32_768;
/** As the table of a delete or a listing: all tables. */
export const ALL_TABLES = 0xff;
export const MAX_COOKIE = 2n ** 64n - 1n;

export const FLAG_SEND_FLOW_REM = 1;
export const FLAG_CHECK_OVERLAP = 2;
export const FLAG_RESET_COUNTS = 4;
export const FLAG_NO_PACKET_COUNTS = 8;
export const FLAG_NO_BYTE_COUNTS = 16;

export interface FlowMod {
  command: FlowModCommand;
  /** 0..LAST_TABLE, or ALL_TABLES. */
  tableId: number;
  match: Match;
  /** 0..65535, higher wins. */
  priority: number;
  /** The cookie of a flow that is added; `setsCookie` is true when the text names one (a modify then changes it). */
  cookie: bigint;
  setsCookie: boolean;
  /** Only flows whose cookie agrees with cookieFilter in the bits of cookieMask are modified, deleted or listed. */
  cookieFilter: bigint;
  cookieMask: bigint;
  /** Seconds; 0: none. */
  idleTimeout: number;
  hardTimeout: number;
  importance: number;
  /** FLAG_*. */
  flags: number;
  /** Only flows that output to this port, or to this group, are deleted or listed; undefined: any. */
  outPort: number | undefined;
  outGroup: number | undefined;
  actions: readonly Action[];
}

/** A request that names nothing but its match: the default priority, all tables, no filter, no actions. */
export function newFlowMod(command: FlowModCommand, match: Match): FlowMod {
  return {
    command,
    tableId: ALL_TABLES,
    match,
    priority: DEFAULT_PRIORITY,
    cookie: 0n,
    setsCookie: false,
    cookieFilter: 0n,
    cookieMask: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    importance: 0,
    flags: 0,
    outPort: undefined,
    outGroup: undefined,
    actions: [],
  };
}
