// What: the flows that the benchmarks of large tables install. Who: flows.ts, flow-tables.ts.

/** The i-th flow of an access list: two addresses and a port, all different, in the syntax of ovs-ofctl. */
export function flowLine(i: number): string {
  const source = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
  return `priority=${1000 + (i % 60_000)},tcp,nw_src=${source},nw_dst=192.168.${i & 63}.0/24,tp_dst=${1 + (i % 60_000)},actions=output:${1 + (i % 4)}`;
}
