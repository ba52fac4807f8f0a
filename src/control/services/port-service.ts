// What: ports, see proto/tsswitch/v1/port.proto. Who: grpc-server.ts serves it.

import type { DatapathClient } from '../../datapath/index.ts';
import type { PortService } from '../../generated/services.ts';
import { DEFAULT_BRIDGE } from '../bridge-settings.ts';
import { portConfigOf, portMessage, portTypeOf } from '../messages.ts';
import type { PortRequest, SwitchConfiguration } from '../switch-configuration.ts';
import type { Handlers } from './handlers.ts';

export function portService(
  configuration: SwitchConfiguration,
  datapath: DatapathClient,
): Handlers<typeof PortService> {
  return {
    async addPort({ bridge, name, type, ofport, mayExist }) {
      const request: PortRequest = { bridge: bridge || DEFAULT_BRIDGE, name };
      const wantedType = portTypeOf(type);
      if (wantedType !== undefined) request.type = wantedType;
      if (ofport !== 0) request.ofport = ofport;
      return { port: portMessage(await configuration.addPort(request, mayExist)) };
    },
    async deletePort({ bridge, name, ifExists }) {
      await configuration.deletePort(bridge || undefined, name, ifExists);
      return {};
    },
    async listPorts({ bridge }) {
      return { ports: (await configuration.ports(bridge || undefined)).map(portMessage) };
    },
    async modPort({ bridge, port, set, clear }) {
      await datapath.modPort(bridge || DEFAULT_BRIDGE, port, portConfigOf(set, clear));
      return {};
    },
  };
}
