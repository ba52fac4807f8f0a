// What: flows, see proto/tsswitch/v1/flow.proto. Who: grpc-server.ts serves it.

import type { DatapathClient, FlowInfo } from '../../datapath/index.ts';
import type { FlowService, tsswitch } from '../../generated/services.ts';
import { DEFAULT_BRIDGE } from '../bridge-settings.ts';
import { flowModCommandOf } from './enumerations.ts';
import type { Handlers } from './handlers.ts';
import { linesOf, portions } from './lines.ts';
import { pages, textPages } from './pages.ts';
import { parsedFlows } from './parsed-flows.ts';

export function flowService(datapath: DatapathClient): Handlers<typeof FlowService> {
  return {
    async modFlow({ bridge, command, flow }) {
      const name = bridge || DEFAULT_BRIDGE;
      return { changedCount: await datapath.modFlow(name, flowModCommandOf(command), flow) };
    },
    async *listFlows({ bridge, match, strict, names }) {
      const query = { match, strict, names };
      const listPage = (after: number) => datapath.listFlows(bridge || DEFAULT_BRIDGE, query, after);
      for await (const flows of pages(listPage)) yield { flows: flows.map(flowMessage) };
    },
    async *dumpFlows({ bridge, match, strict, names, withoutStats }) {
      const query = { match, strict, names, stats: !withoutStats };
      const dumpPage = (after: number) => datapath.dumpFlows(bridge || DEFAULT_BRIDGE, query, after);
      for await (const text of textPages(dumpPage)) yield { text };
    },
    async aggregateFlows({ bridge, match, strict }) {
      const name = bridge || DEFAULT_BRIDGE;
      const { packets, bytes, flows } = await datapath.aggregateFlows(name, { match, strict });
      return { packets, bytes, flowCount: flows };
    },
    async parseFlow({ bridge, command, flow, asWritten, versions }) {
      const form = asWritten ? undefined : { versions, within: [] };
      return datapath.parseFlow(bridge || DEFAULT_BRIDGE, flowModCommandOf(command), flow, form);
    },
    parseFlows: (request) => parsedFlows(datapath, request),
    async normalizeFlows({ bridge, text, firstLine, source }) {
      const name = bridge || DEFAULT_BRIDGE;
      let normalized = '';
      for (const { lines, at } of portions(linesOf(text))) {
        normalized += await datapath.normalizeFlows(name, lines, (firstLine || 1) + at, source);
      }
      return { text: normalized };
    },
  };
}

/** Also for events that tell of a flow. */
export function flowMessage({ idleTimeout, hardTimeout, ...flow }: FlowInfo): tsswitch.v1.IFlow {
  return { ...flow, idleTimeoutSeconds: idleTimeout, hardTimeoutSeconds: hardTimeout };
}
