// What: the text of dump-tables, in the format of ovs-ofctl with OpenFlow 1.3; a limit that somebody set is told as
// well, in the words of its dump-table-features and dump-table-desc. Who: commands/table.ts.

import { type Table, tsswitch } from '../../src/generated/services.ts';

const { OverflowPolicy } = tsswitch.v1;

/** Tables that are like the one before are put together, as OVS does. */
export function formatTables(tables: Table[]): string {
  const lines = ['OFPST_TABLE reply (OF1.3) (xid=0x2):\n'];
  for (let index = 0; index < tables.length; ) {
    const table = tables[index]!;
    lines.push(`${lines.length > 1 ? '\n' : ''}  ${heading(table)}:\n${body(table)}`);
    const first = ++index;
    while (index < tables.length && isLike(tables[index]!, table)) index++;
    lines.push(ditto(tables[first]?.tableId, tables[index - 1]!.tableId, index - first));
  }
  return lines.join('');
}

/** A table without a name of its own is called by its number. */
function nameOf({ tableId, name }: Table): string {
  return name === `table${tableId}` ? '' : name;
}

function heading(table: Table): string {
  const name = nameOf(table);
  return `table ${table.tableId}${name === '' ? '' : ` (${JSON.stringify(name)})`}`;
}

function body({ activeFlowCount, lookups, matched, flowLimit, overflowPolicy }: Table): string {
  const limit = flowLimit === 0 ? '' : `    max_entries=${flowLimit}\n`;
  const eviction = overflowPolicy === OverflowPolicy.OVERFLOW_POLICY_EVICT ? '    eviction=on\n' : '';
  return `    active=${activeFlowCount}, lookup=${lookups}, matched=${matched}\n${limit}${eviction}`;
}

function isLike(table: Table, previous: Table): boolean {
  return nameOf(table) === '' && body(table) === body(previous);
}

function ditto(first: number | undefined, last: number, count: number): string {
  if (count === 0) return '';
  return count === 1 ? `\n  table ${last}: ditto\n` : `\n  tables ${first}...${last}: ditto\n`;
}
