// What: add-meter, mod-meter, del-meters, dump-meters, meter-stats, as ovs-ofctl has them. Who: program.ts.

import type { Command } from 'commander';
import { MeterService, tsswitch } from '../../src/generated/services.ts';
import { UsageError } from '../failure.ts';
import { meterJson, meterStatsJson } from '../format/json.ts';
import { formatMeterStats, formatMeters, RESERVED_METERS } from '../format/meters.ts';
import { action, type Session } from '../session.ts';

const { MeterModCommand } = tsswitch.v1;

const METER_HELP = `
Examples:
  tsswitch add-meter 'meter=1,pktps,bands=type=drop,rate=1000'
  tsswitch add-meter 'meter=2,kbps,burst,stats,bands=type=drop,rate=50000,burst_size=5000'
  tsswitch add-flow 'in_port=1,actions=meter:1,normal'`;

export function addMeterCommands(program: Command): void {
  const mod = (name: string, description: string, command: tsswitch.v1.MeterModCommand) =>
    program
      .command(name)
      .description(description)
      .usage('[options] [bridge] <meter>')
      .argument('<meter...>', 'the meter in the syntax of ovs-ofctl')
      .addHelpText('after', METER_HELP)
      .action(action((session, args) => modMeter(session, args, command)));
  mod('add-meter', 'add a meter', MeterModCommand.METER_MOD_COMMAND_ADD);
  mod('mod-meter', 'give a meter other rates', MeterModCommand.METER_MOD_COMMAND_MODIFY);
  const optional = (name: string, alias: string, description: string) =>
    program
      .command(name)
      .alias(alias)
      .description(description)
      .argument('[bridge]', 'name of the bridge')
      .argument('[meter]', 'meter=NUMBER, or the number alone');
  optional('del-meters', 'del-meter', 'delete a meter, or all, with the flows that use them').action(
    action(deleteMeters),
  );
  optional('dump-meters', 'dump-meter', 'print the meters of a bridge').action(action(dumpMeters));
  optional('meter-stats', 'dump-meter-stats', 'print what the meters of a bridge counted').action(
    action(meterStats),
  );
}

async function modMeter(
  session: Session,
  args: string[],
  command: tsswitch.v1.MeterModCommand,
): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['meter']);
  await session.client.call(MeterService.modMeter, { bridge, command, meter: rest[0]! });
  await session.answer({}, () => '');
}

async function deleteMeters(session: Session, args: string[]): Promise<void> {
  const { bridge, argument } = await session.bridgeAndOptional(args);
  const meterId = id(argument);
  const meter = meterId === 0 ? '' : `meter=${meterId}`;
  const command = MeterModCommand.METER_MOD_COMMAND_DELETE;
  await session.client.call(MeterService.modMeter, { bridge, command, meter });
  await session.answer({}, () => '');
}

async function dumpMeters(session: Session, args: string[]): Promise<void> {
  const { bridge, argument } = await session.bridgeAndOptional(args);
  const { meters } = await session.client.call(MeterService.listMeters, { bridge, meterId: id(argument) });
  await session.answer(meters.map(meterJson), () => formatMeters(meters));
}

async function meterStats(session: Session, args: string[]): Promise<void> {
  const { bridge, argument } = await session.bridgeAndOptional(args);
  const request = { bridge, meterId: id(argument) };
  const { meters } = await session.client.call(MeterService.listMeterStats, request);
  await session.answer(meters.map(meterStatsJson), () => formatMeterStats(meters));
}

/** The meter that is meant; 0 for all. */
function id(text: string): number {
  const number = text.replace(/^meter=/, '');
  if (number === '' || number.toLowerCase() === 'all') return 0;
  if (Object.hasOwn(RESERVED_METERS, number)) return RESERVED_METERS[number]!;
  const isNumber = /^(\d+|0x[0-9a-f]+)$/i.test(number);
  if (isNumber && Number(number) > 0 && Number(number) < 2 ** 32) return Number(number);
  throw new UsageError(`a meter is named by its number, for example meter=1, not '${text}'`);
}
