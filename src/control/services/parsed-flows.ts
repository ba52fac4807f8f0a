// What: the flows of a file as parse-flows prints them. Why: all of them are said in one protocol of OpenFlow, and which
// ones can say them all is known at the end. Who: flow-service.ts.

import type { DatapathClient, ParsedFlow } from '../../datapath/index.ts';
import type { FlowService, tsswitch } from '../../generated/services.ts';
import { DEFAULT_BRIDGE } from '../bridge-settings.ts';
import { commandAndFlow } from './enumerations.ts';
import type { Handlers } from './handlers.ts';
import { atLine, linesOf } from './lines.ts';

type Request = Parameters<Handlers<typeof FlowService>['parseFlows']>[0];

export async function parsedFlows(
  datapath: DatapathClient,
  request: Request,
): Promise<tsswitch.v1.IParseFlowsResponse> {
  let { within } = request;
  for (;;) {
    const flows = await parseAll(datapath, request, within);
    const lists = [...new Set(flows.map(({ usableProtocols }) => usableProtocols))];
    if (lists.length > 1) {
      within = [...within, ...lists];
      continue;
    }
    return { ...flows[0], texts: flows.map(({ text }) => text) };
  }
}

async function parseAll(
  datapath: DatapathClient,
  { bridge, text, firstLine, source, asWritten, versions }: Request,
  within: string[],
): Promise<ParsedFlow[]> {
  const form = asWritten ? undefined : { versions, within };
  const flows: ParsedFlow[] = [];
  for (const [index, line] of linesOf(text).entries()) {
    const { command, flow } = commandAndFlow(line);
    if (flow === '') continue;
    try {
      flows.push(await datapath.parseFlow(bridge || DEFAULT_BRIDGE, command, flow, form));
    } catch (error) {
      throw atLine(error, source, (firstLine || 1) + index);
    }
  }
  return flows;
}
