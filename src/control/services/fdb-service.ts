// What: the forwarding database, see proto/tsswitch/v1/fdb.proto. Who: grpc-server.ts serves it.

import type { DatapathClient, FdbInfo } from '../../datapath/index.ts';
import type { FdbService, tsswitch } from '../../generated/services.ts';
import { DEFAULT_BRIDGE } from '../bridge-settings.ts';
import type { Handlers } from './handlers.ts';
import { pages } from './pages.ts';

export function fdbService(datapath: DatapathClient): Handlers<typeof FdbService> {
  return {
    async addFdbEntry({ bridge, port, vlan, mac }) {
      await datapath.addFdb(bridge || DEFAULT_BRIDGE, port, vlan, mac);
      return {};
    },
    async deleteFdbEntry({ bridge, vlan, mac }) {
      await datapath.deleteFdb(bridge || DEFAULT_BRIDGE, vlan, mac);
      return {};
    },
    async flushFdb({ bridge, port }) {
      return { flushedCount: await datapath.flushFdb(bridge || DEFAULT_BRIDGE, port || undefined) };
    },
    async *listFdb({ bridge }) {
      const listPage = (after: number) => datapath.listFdb(bridge || DEFAULT_BRIDGE, after);
      for await (const entries of pages(listPage)) yield { entries: entries.map(fdbMessage) };
    },
    async getFdbStats({ bridge }) {
      const name = bridge || DEFAULT_BRIDGE;
      const stats = await datapath.fdbStats(name);
      let staticCount = 0;
      for await (const entries of pages((after) => datapath.listFdb(name, after))) {
        staticCount += entries.filter((entry) => entry.static).length;
      }
      return {
        bridge: name,
        entryCount: stats.entries,
        maximumCount: stats.maximum,
        staticCount,
        learnedTotal: stats.learned,
        expiredTotal: stats.expired,
        evictedTotal: stats.evicted,
        movedTotal: stats.moved,
      };
    },
  };
}

function fdbMessage({ static: isStatic, ...entry }: FdbInfo): tsswitch.v1.IFdbEntry {
  return { ...entry, isStatic };
}
