// What: parse-flow and parse-flows: flows as one protocol of OpenFlow says them, or as they were written. Why: two
// commands print the same, that of ovs-ofctl. Who: flow.ts and flow-file.ts.

import type { Command } from 'commander';
import { FlowService, type tsswitch } from '../../src/generated/services.ts';
import { chunksOfLines, sourceName } from '../flow-files.ts';
import type { Session } from '../session.ts';

const HELP = `
Flows are shown as OpenFlow 1.0 with the extensions of Open vSwitch says them, or as 1.3 where 1.0 cannot;
-O OpenFlow10 to -O OpenFlow15 chooses a version. The switch itself keeps flows as they are written.`;

/** Adds what both commands take. */
export function forParsing(command: Command): Command {
  return command
    .option('--as-written', 'only as the switch keeps it, in no version of OpenFlow')
    .addHelpText('after', HELP);
}

interface ParseOptions {
  asWritten?: boolean;
  openflow?: string;
}

type Form = Pick<tsswitch.v1.IParseFlowsRequest, 'asWritten' | 'versions'>;
type Reply = Required<Omit<tsswitch.v1.IParseFlowsResponse, 'texts'>>;

function formOf({ asWritten = false, openflow = '' }: ParseOptions): Form {
  return { asWritten, versions: openflow.split(/[\s,]+/).filter((version) => version !== '') };
}

export async function parseFlow(session: Session, args: string[], options: ParseOptions): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['flow']);
  const request = { bridge, flow: rest[0]!, ...formOf(options) };
  const reply = await session.client.call(FlowService.parseFlow, request);
  const protocols = protocolsJson(reply);
  await session.answer({ ...protocols, flow: reply.text }, () => messages(reply, [reply.text]));
}

export async function parseFlows(session: Session, args: string[], options: ParseOptions): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['file']);
  const source = sourceName(rest[0]!);
  const chunks: string[] = [];
  for await (const text of chunksOfLines(rest[0]!)) chunks.push(text);
  const form = formOf(options);
  let within: string[] = [];
  for (;;) {
    const replies: tsswitch.v1.IParseFlowsResponse[] = [];
    let firstLine = 1;
    for (const text of chunks) {
      const request = { bridge, text, firstLine, source, ...form, within };
      replies.push(await session.client.call(FlowService.parseFlows, request));
      firstLine += text.split('\n').length - 1;
    }
    const filled = replies.filter(({ texts }) => texts!.length > 0);
    const lists = [...new Set(filled.map(({ usableProtocols }) => usableProtocols!))];
    if (lists.length > 1) {
      // One protocol is to say all flows of the file.
      within = lists;
      continue;
    }
    const flows = filled.flatMap(({ texts }) => texts!);
    const first = filled[0] ?? {};
    const reply = { usableProtocols: '', chosenProtocol: '', messageName: '', ...first } as Reply;
    await session.answer({ ...protocolsJson(reply), flows }, () => messages(reply, flows));
    return;
  }
}

function protocolsJson({ usableProtocols, chosenProtocol }: Reply): object {
  return chosenProtocol === '' ? {} : { usableProtocols, chosenProtocol };
}

/** As ovs-ofctl prints messages that it would send. */
function messages({ usableProtocols, chosenProtocol, messageName }: Reply, flows: string[]): string {
  if (chosenProtocol === '') return flows.map((flow) => `${flow}\n`).join('');
  const lines = flows.map((flow, i) => `${messageName} (xid=0x${(i + 1).toString(16)}): ${flow}\n`);
  return `usable protocols: ${usableProtocols}\nchosen protocol: ${chosenProtocol}\n${lines.join('')}`;
}
