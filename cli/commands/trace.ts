// What: trace, packet-out, dump-datapath-flows: what happens to a frame. As ofproto/trace and dpif/dump-flows of
// ovs-appctl, and packet-out of ovs-ofctl. Who: program.ts.

import type { Command } from 'commander';
import { TraceService } from '../../src/generated/services.ts';
import { UsageError } from '../failure.ts';
import { formatDatapathFlow } from '../format/datapath-flows.ts';
import { datapathFlowJson, jsonList, traceJson } from '../format/json.ts';
import { action, type Session } from '../session.ts';

const TRACE_HELP = `
Examples:
  tsswitch trace 'in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=80'
  tsswitch trace br1 in_port=1 ffffffffffff0200000000010806...
Nothing is sent, learned or counted.`;

const PACKET_OUT_HELP = `
Examples:
  tsswitch packet-out 'in_port=controller packet=ffffffffffff0200000000010806... actions=output:1'
  tsswitch packet-out br1 'in_port=2 packet=ffffffffffff0200000000010806... actions=table'
  tsswitch packet-out br1 none flood ffffffffffff0200000000010806...`;

export function addTraceCommands(program: Command): void {
  program
    .command('trace')
    .description('follow an imagined frame through the tables')
    .usage('[options] [bridge] <flow> [frame]')
    .argument('<flow...>', 'what the frame is, in the syntax of a match; a frame in hexadecimal may follow')
    .addHelpText('after', TRACE_HELP)
    .action(action(trace));
  program
    .command('packet-out')
    .description('carry out actions on a frame')
    .usage('[options] [bridge] <packet-out>')
    .argument('<packet-out...>', 'in_port, packet in hexadecimal, and actions')
    .addHelpText('after', PACKET_OUT_HELP)
    .action(action(packetOut));
  program
    .command('dump-datapath-flows')
    .description('print the megaflows that the datapath has cached')
    .argument('[bridge]', 'name of the bridge (default: all bridges)')
    .action(action(dumpDatapathFlows));
}

/** Digits of a frame, perhaps in groups: at least an Ethernet header. */
const FRAME = /^([0-9a-f]{2}[\s:.]*){14,}$/i;

async function trace(session: Session, args: string[]): Promise<void> {
  const last = args.at(-1)!;
  const hasFrame = args.length > 1 && FRAME.test(last);
  if (!hasFrame && args.length > (args[0]!.includes('=') ? 1 : 2)) {
    throw new UsageError(
      `'${last}' is no frame: give at least the 14 bytes of an Ethernet header in hexadecimal`,
    );
  }
  const frame = hasFrame ? ` ${last.replace(/[\s:.]/g, '')}` : '';
  const { bridge, rest } = session.bridgeAndArguments(hasFrame ? args.slice(0, -1) : args, ['flow']);
  const report = await session.client.call(TraceService.trace, { bridge, flow: `${rest[0]}${frame}` });
  await session.answer(traceJson(report), () =>
    report.text.endsWith('\n') ? report.text : `${report.text}\n`,
  );
}

async function packetOut(session: Session, args: string[]): Promise<void> {
  const { bridge, texts } = packetOuts(session, args);
  for (const text of texts) await session.client.call(TraceService.packetOut, { bridge, text });
  await session.answer({}, () => '');
}

/** Either `[bridge] text`, or the older form of ovs-ofctl: `bridge in_port actions packet...`. */
function packetOuts(session: Session, args: string[]): { bridge: string; texts: string[] } {
  if (args.length <= 2) {
    const { bridge, rest } = session.bridgeAndArguments(args, ['packet-out']);
    return { bridge, texts: rest };
  }
  const [bridgeName, inPort, actions, ...packets] = args;
  if (packets.length === 0) {
    throw new UsageError(
      "a packet-out is one argument, for example 'in_port=controller packet=HEX actions=output:1', " +
        'or four: bridge, in_port, actions and packet',
    );
  }
  const { bridge } = session.bridgeAndArguments([bridgeName!, ''], ['packet-out']);
  return {
    bridge,
    texts: packets.map((packet) => `in_port=${inPort} packet=${packet} actions=${actions}`),
  };
}

async function dumpDatapathFlows(session: Session, args: string[]): Promise<void> {
  const { bridge } = session.bridgeAndArguments(args, []);
  const replies = session.client.stream(TraceService.listDatapathFlows, { bridge });
  if (session.json) {
    const values = jsonList(replies, ({ flows }) => flows.map(datapathFlowJson));
    for await (const text of values) await session.print(text);
    return;
  }
  for await (const { flows } of replies) await session.print(flows.map(formatDatapathFlow).join(''));
}
