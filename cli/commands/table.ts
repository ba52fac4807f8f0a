// What: dump-tables and mod-table, as ovs-ofctl has them; the limit of a table, which ovs-vsctl sets in OVS, is set by
// mod-table too. Who: program.ts.

import type { Command } from 'commander';
import { TableService, tsswitch } from '../../src/generated/services.ts';
import { UsageError } from '../failure.ts';
import { tableJson } from '../format/json.ts';
import { formatTables } from '../format/tables.ts';
import { action, type Session } from '../session.ts';

const { OverflowPolicy } = tsswitch.v1;

const MAX_TABLE = 253;
const SETTINGS = 'evict, noevict, flow_limit=NUMBER, flow_limit=none or name=TEXT';

const MOD_TABLE_HELP = `
A setting is one of ${SETTINGS}.
Examples:
  tsswitch mod-table 0 flow_limit=1000 evict     a full table gives up its least important flow with a timeout
  tsswitch mod-table br1 0 noevict               a full table takes no more flows
  tsswitch mod-table br1 0 flow_limit=none`;

export function addTableCommands(program: Command): void {
  program
    .command('dump-tables')
    .description('print the tables of a bridge with their counters and limits')
    .argument('[bridge]', 'name of the bridge')
    .action(action(dumpTables));
  program
    .command('mod-table')
    .description('change how many flows a table takes, and what it is called')
    .usage('[options] [bridge] <table> <setting...>')
    .argument('<table...>', 'number of the table, and settings')
    .addHelpText('after', MOD_TABLE_HELP)
    .action(action(modTable));
}

async function dumpTables(session: Session, args: string[]): Promise<void> {
  const { bridge } = session.bridgeAndArguments(args, []);
  const { tables } = await session.client.call(TableService.listTables, { bridge });
  await session.answer(tables.map(tableJson), () => formatTables(tables));
}

async function modTable(session: Session, args: string[]): Promise<void> {
  // The table is the first number; a bridge in front of it has a name.
  const numbers = args.slice(0, 2).map((arg) => /^\d+$/.test(arg));
  if (!numbers.includes(true)) tableNumber(args.length > 2 ? args[1] : args[0]);
  const at = numbers[0] && !numbers[1] ? 0 : 1;
  const { bridge, rest } = session.bridgeAndArguments(args.slice(0, at + 1), ['table']);
  const settings = args.slice(at + 1);
  if (settings.length === 0) throw new UsageError(`missing argument setting: ${SETTINGS}`);
  const request: tsswitch.v1.ISetTableRequest = { bridge, tableId: tableNumber(rest[0]!) };
  for (const setting of settings) Object.assign(request, changeOf(setting));
  await session.client.call(TableService.setTable, request);
  await session.answer({}, () => '');
}

function tableNumber(text: string | undefined): number {
  if (/^\d{1,3}$/.test(text ?? '') && Number(text) <= MAX_TABLE) return Number(text);
  throw new UsageError(`a table is a number from 0 to ${MAX_TABLE}, not '${text}'`);
}

function changeOf(setting: string): tsswitch.v1.ISetTableRequest {
  if (setting === 'evict') return { overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_EVICT };
  if (setting === 'noevict') return { overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_REFUSE };
  const [, key, value] = /^(flow_limit|name)[=:](.+)$/.exec(setting) ?? [];
  if (key === 'name') return { name: value! };
  if (key === 'flow_limit' && value === 'none') return { noFlowLimit: true };
  if (key === 'flow_limit' && /^[1-9]\d{0,8}$/.test(value!)) return { flowLimit: Number(value) };
  throw new UsageError(`a table has no setting '${setting}': use ${SETTINGS}`);
}
