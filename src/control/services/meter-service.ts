// What: meters, see proto/tsswitch/v1/meter.proto. Who: grpc-server.ts serves it.

import type { DatapathClient } from '../../datapath/index.ts';
import type { MeterService } from '../../generated/services.ts';
import { DEFAULT_BRIDGE } from '../bridge-settings.ts';
import { meterCommandOf } from './enumerations.ts';
import type { Handlers } from './handlers.ts';

export function meterService(datapath: DatapathClient): Handlers<typeof MeterService> {
  return {
    async modMeter({ bridge, command, meter }) {
      await datapath.modMeter(bridge || DEFAULT_BRIDGE, meterCommandOf(command), meter);
      return {};
    },
    async listMeters({ bridge, meterId }) {
      return { meters: await datapath.listMeters(bridge || DEFAULT_BRIDGE, meterId || undefined) };
    },
    async listMeterStats({ bridge, meterId }) {
      const meters = await datapath.meterStats(bridge || DEFAULT_BRIDGE, meterId || undefined);
      return { meters: meters.map(({ flows, ...stats }) => ({ ...stats, flowCount: flows })) };
    },
  };
}
