// What: bridges, see proto/tsswitch/v1/bridge.proto. Who: grpc-server.ts serves it.

import type { BridgeService } from '../../generated/services.ts';
import { bridgeMessage, failModeOf } from '../messages.ts';
import type { SwitchConfiguration } from '../switch-configuration.ts';
import type { Handlers } from './handlers.ts';

export function bridgeService(configuration: SwitchConfiguration): Handlers<typeof BridgeService> {
  return {
    async addBridge({ name, datapathId, failMode, protocols, mayExist }) {
      const request = { name, datapathId, failMode: failModeOf(failMode), protocols };
      return { bridge: bridgeMessage(await configuration.addBridge(request, mayExist)) };
    },
    async deleteBridge({ name, ifExists }) {
      await configuration.deleteBridge(name, ifExists);
      return {};
    },
    async listBridges() {
      return { bridges: configuration.bridges().map(bridgeMessage) };
    },
  };
}
