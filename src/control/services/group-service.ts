// What: groups, see proto/tsswitch/v1/group.proto. Who: grpc-server.ts serves it.

import type { DatapathClient } from '../../datapath/index.ts';
import type { GroupService } from '../../generated/services.ts';
import { DEFAULT_BRIDGE } from '../bridge-settings.ts';
import { groupCommandOf } from './enumerations.ts';
import type { Handlers } from './handlers.ts';

export function groupService(datapath: DatapathClient): Handlers<typeof GroupService> {
  return {
    async modGroup({ bridge, command, group }) {
      await datapath.modGroup(bridge || DEFAULT_BRIDGE, groupCommandOf(command), group);
      return {};
    },
    async listGroups({ bridge, groupIds }) {
      return { groups: await selected(groupIds, (id) => datapath.listGroups(bridge || DEFAULT_BRIDGE, id)) };
    },
    async listGroupStats({ bridge, groupIds }) {
      const groups = await selected(groupIds, (id) => datapath.groupStats(bridge || DEFAULT_BRIDGE, id));
      return {
        groups: groups.map(({ references, ...stats }) => ({ ...stats, referenceCount: references })),
      };
    },
  };
}

/** All, or those of the given numbers. */
async function selected<T>(ids: number[], list: (id?: number) => Promise<T[]>): Promise<T[]> {
  if (ids.length === 0) return list();
  return (await Promise.all(ids.map((id) => list(id)))).flat();
}
