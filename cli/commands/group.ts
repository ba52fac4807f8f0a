// What: add-group, mod-group, del-groups and what else ovs-ofctl does with groups. Who: program.ts.

import type { Command } from 'commander';
import { GroupService, tsswitch } from '../../src/generated/services.ts';
import { UsageError } from '../failure.ts';
import { formatGroupStats, formatGroups } from '../format/groups.ts';
import { groupJson, groupStatsJson } from '../format/json.ts';
import { action, type Session } from '../session.ts';
import { applyFile } from './flow-file.ts';
import { forOvs } from './ovs-options.ts';

const { BundleSyntax, GroupModCommand } = tsswitch.v1;

const GROUP_HELP = `
Examples:
  tsswitch add-group 'group_id=1,type=all,bucket=actions=output:1,bucket=actions=output:2'
  tsswitch add-group 'group_id=2,type=select,bucket=weight:2,actions=output:1,bucket=weight:1,actions=output:2'
  tsswitch add-group 'group_id=3,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_port:2,actions=output:2'
  tsswitch add-flow 'in_port=3,actions=group:1'`;

const INSERT_HELP = `
Example:
  tsswitch insert-buckets 'group_id=1,command_bucket_id=last,bucket=bucket_id:7,actions=output:3'`;

const REMOVE_HELP = `
Example:
  tsswitch remove-buckets 'group_id=1,command_bucket_id=7'      also: first, last, all`;

export function addGroupCommands(program: Command): void {
  addModCommands(program);
  forOvs(program.command('add-groups'), '--bundle')
    .description('add, modify and delete the groups of a file, all or none')
    .usage('[options] [bridge] <file>')
    .argument('<file...>', 'name of the file, or - for standard input')
    .action(
      action((session, args) => applyFile(session, args, { syntax: BundleSyntax.BUNDLE_SYNTAX_GROUPS })),
    );
  forOvs(program.command('del-groups'), '--bundle')
    .description('delete a group, or all groups of a bridge, with the flows that send to them')
    .argument('[bridge]', 'name of the bridge')
    .argument('[group]', 'group_id=NUMBER, or the number alone')
    .action(action(deleteGroups));
  program
    .command('dump-groups')
    .description('print the groups of a bridge')
    .argument('[bridge]', 'name of the bridge')
    .argument('[group]', 'number of one group')
    .action(action(dumpGroups));
  program
    .command('dump-group-stats')
    .description('print what the groups of a bridge counted')
    .argument('[bridge]', 'name of the bridge')
    .argument('[group]', 'number of one group')
    .action(action(dumpGroupStats));
}

function addModCommands(program: Command): void {
  const add = (name: string, description: string, command: tsswitch.v1.GroupModCommand, help: string) =>
    forOvs(program.command(name), '--bundle')
      .description(description)
      .usage('[options] [bridge] <group>')
      .argument('<group...>', 'the group in the syntax of ovs-ofctl')
      .addHelpText('after', help)
      .action(
        action((session, args, { mayCreate }: { mayCreate?: boolean }) =>
          modGroup(session, args, mayCreate ? GroupModCommand.GROUP_MOD_COMMAND_ADD_OR_MODIFY : command),
        ),
      );
  add('add-group', 'add a group', GroupModCommand.GROUP_MOD_COMMAND_ADD, GROUP_HELP).option(
    '--may-create',
    'modify the group when there is one',
  );
  add(
    'mod-group',
    'give a group another type and other buckets',
    GroupModCommand.GROUP_MOD_COMMAND_MODIFY,
    GROUP_HELP,
  ).option('--may-create', 'add the group when there is none');
  const insert = GroupModCommand.GROUP_MOD_COMMAND_INSERT_BUCKETS;
  add('insert-buckets', 'put buckets into a group', insert, INSERT_HELP).alias('insert-bucket');
  const remove = GroupModCommand.GROUP_MOD_COMMAND_REMOVE_BUCKETS;
  add('remove-buckets', 'take buckets out of a group', remove, REMOVE_HELP).alias('remove-bucket');
}

async function modGroup(
  session: Session,
  args: string[],
  command: tsswitch.v1.GroupModCommand,
): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['group']);
  await session.client.call(GroupService.modGroup, { bridge, command, group: rest[0]! });
  await session.answer({}, () => '');
}

async function deleteGroups(session: Session, args: string[]): Promise<void> {
  const { bridge, argument } = await session.bridgeAndOptional(args);
  const group = /^\d+$/.test(argument) ? `group_id=${argument}` : argument;
  const command = GroupModCommand.GROUP_MOD_COMMAND_DELETE;
  await session.client.call(GroupService.modGroup, { bridge, command, group });
  await session.answer({}, () => '');
}

async function dumpGroups(session: Session, args: string[]): Promise<void> {
  const { bridge, argument } = await session.bridgeAndOptional(args);
  const { groups } = await session.client.call(GroupService.listGroups, { bridge, groupIds: ids(argument) });
  await session.answer(groups.map(groupJson), () => formatGroups(groups));
}

async function dumpGroupStats(session: Session, args: string[]): Promise<void> {
  const { bridge, argument } = await session.bridgeAndOptional(args);
  const request = { bridge, groupIds: ids(argument) };
  const { groups } = await session.client.call(GroupService.listGroupStats, request);
  await session.answer(groups.map(groupStatsJson), () => formatGroupStats(groups));
}

/** The group that is meant; all when none is. */
function ids(text: string): number[] {
  const number = text.replace(/^group_id=/, '');
  if (number === '' || /^(all|any)$/i.test(number)) return [];
  if (/^(\d+|0x[0-9a-f]+)$/i.test(number) && Number(number) < 2 ** 32) return [Number(number)];
  throw new UsageError(`a group is named by its number, for example 1, not '${text}'`);
}
