// What: add-flow, dump-flows, del-flows, as ovs-ofctl has them. Who: program.ts.

import type { Command } from 'commander';
import { FlowService } from '../../src/generated/services.ts';
import { FLOWS_HEADER, formatFlow } from '../format/flows.ts';
import { flowJson, jsonList } from '../format/json.ts';
import { action, type Session } from '../session.ts';

const ADD_FLOW_HELP = `
Examples:
  tsswitch add-flow 'priority=100,in_port=1,dl_dst=02:00:00:00:00:02,actions=output:2'
  tsswitch add-flow 'tcp,nw_dst=10.0.0.0/24,tp_dst=80,actions=drop'
  tsswitch add-flow br1 'arp,actions=flood'`;

export function addFlowCommands(program: Command): void {
  program
    .command('add-flow')
    .description('add a flow, or replace the one with the same match and priority')
    .usage('[options] [bridge] <flow>')
    .argument('<flow...>', 'match fields and actions in the syntax of ovs-ofctl')
    .addHelpText('after', ADD_FLOW_HELP)
    .action(action(addFlow));
  program
    .command('dump-flows')
    .description('print the flows of a bridge with their counters')
    .argument('[bridge]', 'name of the bridge')
    .argument('[match]', 'print only what this match covers')
    .action(action(dumpFlows));
  program
    .command('del-flows')
    .description('delete the flows of a bridge')
    .argument('[bridge]', 'name of the bridge')
    .argument('[match]', 'delete only what this match covers')
    .action(action(deleteFlows));
}

async function addFlow(session: Session, args: string[]): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['flow']);
  await session.client.call(FlowService.addFlow, { bridge, flow: rest[0]! });
  await session.answer({}, () => '');
}

async function dumpFlows(session: Session, args: string[]): Promise<void> {
  const { bridge, argument: match } = await session.bridgeAndOptional(args);
  const replies = session.client.stream(FlowService.listFlows, { bridge, match });
  if (session.json) {
    const values = jsonList(replies, ({ flows }) => flows.map(flowJson));
    for await (const text of values) await session.print(text);
    return;
  }
  // As ovs-ofctl: the header is for programs, a terminal does without. It waits for the first reply, so that a
  // refused request prints none.
  let header = process.stdout.isTTY ? '' : FLOWS_HEADER;
  for await (const { flows } of replies) {
    await session.print(header + flows.map(formatFlow).join(''));
    header = '';
  }
  await session.print(header);
}

async function deleteFlows(session: Session, args: string[]): Promise<void> {
  const { bridge, argument: match } = await session.bridgeAndOptional(args);
  const { deletedCount } = await session.client.call(FlowService.deleteFlows, { bridge, match });
  await session.answer({ deletedCount }, () => '');
}
