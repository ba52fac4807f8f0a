// What: the layout of a megaflow in the pool of megaflows.ts. Why: the hot loop of forwarder.ts reads and counts in
// these words without a call. Who: megaflows.ts, forwarder.ts, datapath.ts.
//
// A row, ROW_WORDS Int32; a hit on a key of at most six words stays within the first sixteen:
//    0 version (0: free)  1 verdict   2 dependencies A and B, 16 bits each   3 sum of their versions
//    4 table   5 last used, ms modulo 2^32   6, 7 bytes not credited yet (a double)   8 packets, likewise
//    9 touch slot   10..40 key, the words of table.words   41 effects   42 hash   43 EtherType and TPID of the frame that
//    made it, for lists   44..47 packets, bytes credited (doubles)

export const ROW_VERSION = 0;
export const ROW_VERDICT = 1;
export const ROW_DEPENDENCIES = 2;
export const ROW_DEPENDENCY_SUM = 3;
export const ROW_TABLE = 4;
export const ROW_USED = 5;
/** Index into `doubles` from half the row on. */
export const ROW_BYTES_DOUBLE = 3;
export const ROW_PACKETS = 8;
export const ROW_TOUCH_SLOT = 9;
export const ROW_KEY = 10;
export const ROW_EFFECTS = 41;
export const ROW_HASH = 42;
export const ROW_TYPES = 43;
export const ROW_TOTAL_PACKETS_DOUBLE = 22;
export const ROW_TOTAL_BYTES_DOUBLE = 23;
export const ROW_WORDS = 48;

/** A time as rows keep it: whole milliseconds modulo 2^32. */
export function tickOf(nowMs: number): number {
  return Math.floor(nowMs) | 0;
}

/** The last time before `nowMs` that has that tick. */
export function usedMs(tick: number, nowMs: number): number {
  const now = Math.floor(nowMs);
  return now - (((now | 0) - tick) >>> 0);
}
