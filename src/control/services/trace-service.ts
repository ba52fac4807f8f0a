// What: traces, packet-outs and cached megaflows, see proto/tsswitch/v1/trace.proto. Who: grpc-server.ts serves it.

import { type DatapathClient, DROP_REASONS } from '../../datapath/index.ts';
import type { TraceService } from '../../generated/services.ts';
import { DEFAULT_BRIDGE } from '../bridge-settings.ts';
import type { Handlers } from './handlers.ts';
import { pages } from './pages.ts';

export function traceService(datapath: DatapathClient): Handlers<typeof TraceService> {
  return {
    async trace({ bridge, flow }) {
      const { dropReason, ...report } = await datapath.trace(bridge || DEFAULT_BRIDGE, flow);
      if (dropReason === undefined) return report;
      return { ...report, dropReason, dropExplanation: DROP_REASONS[dropReason] };
    },
    async packetOut({ bridge, text }) {
      await datapath.packetOut(bridge || DEFAULT_BRIDGE, text);
      return {};
    },
    async *listDatapathFlows({ bridge }) {
      for await (const flows of pages((after) => datapath.listDatapathFlows(bridge, after))) {
        yield {
          flows: flows.map(({ usedSeconds, ...flow }) =>
            usedSeconds === undefined ? { ...flow, neverUsed: true } : { ...flow, usedSeconds },
          ),
        };
      }
    },
  };
}
