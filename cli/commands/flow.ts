// What: add-flow, mod-flows, del-flows, dump-flows, dump-aggregate, parse-flow, as ovs-ofctl has them. Files of flows are
// in flow-file.ts. Who: program.ts.

import type { Command } from 'commander';
import { FlowService, tsswitch } from '../../src/generated/services.ts';
import { UsageError } from '../failure.ts';
import { FLOWS_HEADER, formatAggregate } from '../format/flows.ts';
import { aggregateJson, flowJson, jsonList } from '../format/json.ts';
import { isSortField, type SortCriterion, sortFlowLines } from '../format/sort-flows.ts';
import { action, type Session } from '../session.ts';
import { forOvs } from './ovs-options.ts';
import { forParsing, parseFlow } from './parsed-flows.ts';

const { FlowModCommand } = tsswitch.v1;

const ADD_FLOW_HELP = `
Examples:
  tsswitch add-flow 'priority=100,in_port=1,dl_dst=02:00:00:00:00:02,actions=output:2'
  tsswitch add-flow 'table=1,tcp,nw_dst=10.0.0.0/24,tp_dst=80,actions=set_field:10.9.0.1->ip_dst,normal'
  tsswitch add-flow br1 'arp,actions=flood'
docs/flows.md lists all fields and actions. Many flows: tsswitch add-flows.`;

const MOD_FLOWS_HELP = `
Counters, timeouts and cookies stay. When no flow is covered the flow is added, unless it selects by a cookie mask.
Examples:
  tsswitch mod-flows 'tcp,actions=drop'           all flows for TCP, whatever else they match, in all tables
  tsswitch mod-flows --strict 'priority=5,tcp,actions=drop'
  tsswitch mod-flows 'cookie=0x10/0xff,actions=drop'`;

const DEL_FLOWS_HELP = `
Examples:
  tsswitch del-flows                              all flows of the bridge
  tsswitch del-flows 'table=3,tcp'                what is covered, in table 3
  tsswitch del-flows --strict 'priority=5,tcp'    this one flow, in any table
  tsswitch del-flows 'cookie=0x10/-1,out_port=2'`;

const DUMP_FLOWS_HELP = `
Examples:
  tsswitch dump-flows br1 'table=3,tcp'
  tsswitch dump-flows --no-stats > flows.txt      a file for add-flows, replace-flows and diff-flows
  tsswitch dump-flows --rsort=priority --sort=in_port`;

export function addFlowCommands(program: Command): void {
  forOvs(program.command('add-flow'), '--bundle', '--strict')
    .description('add a flow, or replace the one with the same table, match and priority')
    .usage('[options] [bridge] <flow>')
    .argument('<flow...>', 'match fields and actions in the syntax of ovs-ofctl')
    .addHelpText('after', ADD_FLOW_HELP)
    .action(action(addFlow));
  forOvs(program.command('mod-flows'), '--bundle')
    .description('give the flows that a match covers new actions')
    .usage('[options] [bridge] <flow>')
    .argument('<flow...>', 'match fields and the new actions')
    .option('--strict', 'only the flow of exactly this match and priority')
    .addHelpText('after', MOD_FLOWS_HELP)
    .action(action(modFlows));
  forOvs(program.command('del-flows'), '--bundle')
    .description('delete the flows of a bridge')
    .argument('[bridge]', 'name of the bridge')
    .argument('[match]', 'delete only what this match covers')
    .option('--strict', 'only the flow of exactly this match and priority')
    .addHelpText('after', DEL_FLOWS_HELP)
    .action(action(deleteFlows));
  addDumpFlows(program);
  program
    .command('dump-aggregate')
    .description('print how many flows a match covers and what they counted together')
    .argument('[bridge]', 'name of the bridge')
    .argument('[match]', 'count only what this match covers')
    .action(action(dumpAggregate));
  forParsing(program.command('parse-flow'))
    .description('print a flow as the switch understands it, and change nothing')
    .usage('[options] [bridge] <flow>')
    .argument('<flow...>', 'match fields and actions')
    .action(action(parseFlow));
}

function addDumpFlows(program: Command): void {
  const criteria: SortCriterion[] = [];
  const sort = (descending: boolean) => (field: string) => {
    if (!isSortField(field)) {
      throw new UsageError(
        `'${field}' is no field to sort by: use priority, table, or a match field such as in_port or nw_src`,
      );
    }
    criteria.push({ field, descending });
    return criteria;
  };
  program
    .command('dump-flows')
    .description('print the flows of a bridge with their counters')
    .argument('[bridge]', 'name of the bridge')
    .argument('[match]', 'print only what this match covers')
    .option('--stats', 'with counters (the default)')
    .option('--no-stats', 'without counters, ages, and what is zero')
    .option('--names', 'ports by name (the default on a terminal)')
    .option('--no-names', 'ports by number')
    .option('--sort <field>', 'by rising values of a field; --sort alone: by priority', sort(false))
    .option('--rsort <field>', 'by falling values', sort(true))
    .addHelpText('after', DUMP_FLOWS_HELP)
    .action(
      action((session, args, options: DumpFlowsOptions) => dumpFlows(session, args, options, criteria)),
    );
}

async function addFlow(session: Session, args: string[]): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['flow']);
  const command = FlowModCommand.FLOW_MOD_COMMAND_ADD;
  await session.client.call(FlowService.modFlow, { bridge, command, flow: rest[0]! });
  await session.answer({}, () => '');
}

interface StrictOption {
  strict?: boolean;
}

async function modFlows(session: Session, args: string[], { strict }: StrictOption): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['flow']);
  const command = strict
    ? FlowModCommand.FLOW_MOD_COMMAND_MODIFY_STRICT
    : FlowModCommand.FLOW_MOD_COMMAND_MODIFY;
  const { changedCount } = await session.client.call(FlowService.modFlow, {
    bridge,
    command,
    flow: rest[0]!,
  });
  await session.answer({ changedCount }, () => '');
}

async function deleteFlows(session: Session, args: string[], { strict }: StrictOption): Promise<void> {
  const { bridge, argument: flow } = await session.bridgeAndOptional(args);
  const command = strict
    ? FlowModCommand.FLOW_MOD_COMMAND_DELETE_STRICT
    : FlowModCommand.FLOW_MOD_COMMAND_DELETE;
  const { changedCount } = await session.client.call(FlowService.modFlow, { bridge, command, flow });
  await session.answer({ deletedCount: changedCount }, () => '');
}

interface DumpFlowsOptions {
  stats?: boolean;
  names?: boolean;
}

async function dumpFlows(
  session: Session,
  args: string[],
  options: DumpFlowsOptions,
  criteria: SortCriterion[],
): Promise<void> {
  const { bridge, argument: match } = await session.bridgeAndOptional(args);
  const names = options.names ?? (process.stdout.isTTY && !session.json);
  if (session.json) {
    const replies = session.client.stream(FlowService.listFlows, { bridge, match, names });
    const values = jsonList(replies, ({ flows }) => flows.map(flowJson));
    for await (const text of values) await session.print(text);
    return;
  }
  const withoutStats = options.stats === false;
  const pages = session.client.stream(FlowService.dumpFlows, { bridge, match, names, withoutStats });
  if (criteria.length > 0) {
    let all = '';
    for await (const { text } of pages) all += text;
    const lines = all.split('\n').slice(0, -1);
    const sorted = sortFlowLines(lines, criteria);
    await session.print(sorted.map((line) => `${line}\n`).join(''));
    return;
  }
  // As ovs-ofctl: the header is for programs. It waits for the first reply, so that a refused request prints none.
  let header = names || withoutStats ? '' : FLOWS_HEADER;
  for await (const { text } of pages) {
    await session.print(header + text);
    header = '';
  }
  await session.print(header);
}

async function dumpAggregate(session: Session, args: string[]): Promise<void> {
  const { bridge, argument: match } = await session.bridgeAndOptional(args);
  const sums = await session.client.call(FlowService.aggregateFlows, { bridge, match });
  await session.answer(aggregateJson(sums), () => formatAggregate(sums));
}
