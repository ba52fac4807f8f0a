// What: flow tables, see proto/tsswitch/v1/table.proto. Who: grpc-server.ts serves it.

import type { DatapathClient, TableChange, TableInfo } from '../../datapath/index.ts';
import { type TableService, tsswitch } from '../../generated/services.ts';
import { DEFAULT_BRIDGE } from '../bridge-settings.ts';
import { nameOf } from '../messages.ts';
import type { Handlers } from './handlers.ts';

const { OverflowPolicy } = tsswitch.v1;

const OVERFLOW_POLICIES: Record<TableInfo['overflow'], tsswitch.v1.OverflowPolicy> = {
  refuse: OverflowPolicy.OVERFLOW_POLICY_REFUSE,
  evict: OverflowPolicy.OVERFLOW_POLICY_EVICT,
};

const TABLE_COUNT = 254;

/** A table that the datapath has not made yet, since nothing was said of it. */
function unusedTable(tableId: number): TableInfo {
  const counters = { activeFlows: 0, lookups: 0, matched: 0 };
  return { tableId, name: `table${tableId}`, ...counters, flowLimit: undefined, overflow: 'refuse' };
}

export function tableService(datapath: DatapathClient): Handlers<typeof TableService> {
  return {
    async listTables({ bridge }) {
      const used = new Map<number, TableInfo>();
      for (const table of await datapath.listTables(bridge || DEFAULT_BRIDGE)) used.set(table.tableId, table);
      const all = Array.from({ length: TABLE_COUNT }, (_, id) => used.get(id) ?? unusedTable(id));
      return { tables: all.map(tableMessage) };
    },
    async setTable({ bridge, tableId, name, overflowPolicy, flowLimit, noFlowLimit }) {
      const change: TableChange = {};
      if (name !== '') change.name = name;
      if (overflowPolicy !== OverflowPolicy.OVERFLOW_POLICY_UNSPECIFIED) {
        change.overflow = nameOf(OVERFLOW_POLICIES, overflowPolicy, 'overflow policy');
      }
      if (noFlowLimit) change.flowLimit = null;
      else if (flowLimit !== 0) change.flowLimit = flowLimit;
      await datapath.setTable(bridge || DEFAULT_BRIDGE, tableId, change);
      return {};
    },
  };
}

function tableMessage({ tableId, name, activeFlows, ...rest }: TableInfo): tsswitch.v1.ITable {
  const { lookups, matched, flowLimit = 0, overflow } = rest;
  const overflowPolicy = OVERFLOW_POLICIES[overflow];
  return { tableId, name, activeFlowCount: activeFlows, lookups, matched, flowLimit, overflowPolicy };
}
