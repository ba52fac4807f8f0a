// What: counters, see proto/tsswitch/v1/stats.proto. Who: grpc-server.ts serves it.

import {
  type DatapathClient,
  DROP_REASON_NAMES,
  DROP_REASONS,
  type PortInfo,
  SwitchError,
} from '../../datapath/index.ts';
import type { StatsService, tsswitch } from '../../generated/services.ts';
import { LOCAL_OFPORT } from '../bridge-settings.ts';
import { portStatsMessage } from '../messages.ts';
import type { SwitchConfiguration } from '../switch-configuration.ts';
import type { Handlers } from './handlers.ts';

export function statsService(
  configuration: SwitchConfiguration,
  datapath: DatapathClient,
): Handlers<typeof StatsService> {
  return {
    async listPortStats({ bridge, port }) {
      const ports = (await configuration.ports(bridge || undefined)).sort(byOfport);
      if (port === '') return { ports: ports.map(portStatsMessage) };
      const selected = ports.filter(({ name, ofport }) => name === port || ofport === ofportOf(port));
      if (selected.length === 0) throw new SwitchError('not-found', `no port named ${port}`);
      return { ports: selected.map(portStatsMessage) };
    },
    async listDrops({ bridge }) {
      const ports = (await configuration.ports(bridge || undefined)).sort(byOfport);
      return { drops: ports.flatMap(dropsOfPort) };
    },
    async getDatapathStats() {
      const { megaflows, megaflowMasks, ...counters } = await datapath.datapathStats();
      return { ...counters, megaflowCount: megaflows, megaflowMaskCount: megaflowMasks };
    },
  };
}

function dropsOfPort({ bridge, name, ofport, stats }: PortInfo): tsswitch.v1.IDrop[] {
  return DROP_REASON_NAMES.flatMap((reason) => {
    const count = stats.drops[reason] ?? 0;
    return count === 0
      ? []
      : [{ bridge, port: name, ofport, reason, explanation: DROP_REASONS[reason], count }];
  });
}

/** A port number as a person writes it; NaN when it is none. */
function ofportOf(text: string): number {
  return text.toUpperCase() === 'LOCAL' ? LOCAL_OFPORT : Number(text);
}

function byOfport(a: PortInfo, b: PortInfo): number {
  return a.bridge === b.bridge ? a.ofport - b.ofport : a.bridge < b.bridge ? -1 : 1;
}
