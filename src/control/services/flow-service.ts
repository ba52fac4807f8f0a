// What: flows, see proto/tsswitch/v1/flow.proto. Who: grpc-server.ts serves it.

import type { DatapathClient } from '../../datapath/index.ts';
import type { FlowService } from '../../generated/services.ts';
import { DEFAULT_BRIDGE } from '../bridge-settings.ts';
import type { Handlers } from './handlers.ts';
import { pages } from './pages.ts';

export function flowService(datapath: DatapathClient): Handlers<typeof FlowService> {
  return {
    async addFlow({ bridge, flow }) {
      await datapath.addFlow(bridge || DEFAULT_BRIDGE, flow);
      return {};
    },
    async deleteFlows({ bridge, match }) {
      return { deletedCount: await datapath.deleteFlows(bridge || DEFAULT_BRIDGE, match) };
    },
    async *listFlows({ bridge, match }) {
      const listPage = (after: number) => datapath.listFlows(bridge || DEFAULT_BRIDGE, match, after);
      for await (const flows of pages(listPage)) yield { flows };
    },
  };
}
