// What: fdb show, flush, add, del, stats-show, as the fdb/… commands of ovs-appctl. Who: program.ts.

import type { Command } from 'commander';
import { FdbService } from '../../src/generated/services.ts';
import { UsageError } from '../failure.ts';
import { FDB_HEADER, formatFdbEntry, formatFdbStats } from '../format/fdb.ts';
import { fdbEntryJson, fdbStatsJson, jsonList } from '../format/json.ts';
import { action, type Session } from '../session.ts';

const MAX_VLAN = 4095;

export function addFdbCommands(program: Command): void {
  const fdb = program.command('fdb').description('which MAC address lives on which port').helpCommand(false);
  fdb
    .command('show')
    .description('print the learned and static addresses of a bridge')
    .argument('[bridge]', 'name of the bridge')
    .action(action(show));
  fdb
    .command('flush')
    .description('forget the learned addresses of a bridge, or of one of its ports')
    .argument('[bridge]', 'name of the bridge')
    .argument('[port]', 'name of the port')
    .action(action(flush));
  fdb
    .command('add')
    .description('pin an address to a port')
    .usage('[options] [bridge] <port> <vlan> <mac>')
    .argument('<port...>', 'name of the port, VLAN id (0: untagged), MAC address')
    .action(action(add));
  fdb
    .command('del')
    .description('delete an address')
    .usage('[options] [bridge] <vlan> <mac>')
    .argument('<vlan...>', 'VLAN id (0: untagged), MAC address')
    .action(action(remove));
  fdb
    .command('stats-show')
    .description('print how many addresses were learned, moved and forgotten')
    .argument('[bridge]', 'name of the bridge')
    .action(action(statsShow));
}

async function show(session: Session, args: string[]): Promise<void> {
  const { bridge } = session.bridgeAndArguments(args, []);
  const replies = session.client.stream(FdbService.listFdb, { bridge });
  if (session.json) {
    const values = jsonList(replies, ({ entries }) => entries.map(fdbEntryJson));
    for await (const text of values) await session.print(text);
    return;
  }
  let header = FDB_HEADER;
  for await (const { entries } of replies) {
    await session.print(header + entries.map(formatFdbEntry).join(''));
    header = '';
  }
  await session.print(header);
}

async function flush(session: Session, args: string[]): Promise<void> {
  const { bridge, argument: port } = await session.bridgeAndOptional(args);
  const { flushedCount } = await session.client.call(FdbService.flushFdb, { bridge, port });
  await session.answer({ flushedCount }, () => 'table successfully flushed\n');
}

async function add(session: Session, args: string[]): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['port', 'vlan', 'mac']);
  const [port, vlanText, mac] = rest as [string, string, string];
  await session.client.call(FdbService.addFdbEntry, { bridge, port, vlan: vlan(vlanText), mac });
  await session.answer({}, () => '');
}

async function remove(session: Session, args: string[]): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['vlan', 'mac']);
  const [vlanText, mac] = rest as [string, string];
  await session.client.call(FdbService.deleteFdbEntry, { bridge, vlan: vlan(vlanText), mac });
  await session.answer({}, () => '');
}

function vlan(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) <= MAX_VLAN) return Number(text);
  throw new UsageError(`a VLAN id is a number from 0 to ${MAX_VLAN}, not '${text}'`);
}

async function statsShow(session: Session, args: string[]): Promise<void> {
  const { bridge } = session.bridgeAndArguments(args, []);
  const stats = await session.client.call(FdbService.getFdbStats, { bridge });
  await session.answer(fdbStatsJson(stats), () => formatFdbStats(stats));
}
