// What: the switch as a whole, see proto/tsswitch/v1/switch.proto. Who: grpc-server.ts serves it.

import type { SwitchService } from '../../generated/services.ts';
import type { SwitchConfiguration } from '../switch-configuration.ts';
import type { Handlers } from './handlers.ts';

export interface SwitchIdentity {
  version: string;
  stateDirectory: string;
  /** Monotonic clock, in milliseconds, when the daemon started. */
  startedMs: number;
}

/** `stop` begins the end of the daemon; it is called once the reply is on its way. */
export function switchService(
  configuration: SwitchConfiguration,
  identity: SwitchIdentity,
  stop: () => void,
): Handlers<typeof SwitchService> {
  return {
    async getSwitch() {
      return {
        systemUuid: configuration.systemUuid,
        version: identity.version,
        pid: process.pid,
        uptimeSeconds: (performance.now() - identity.startedMs) / 1000,
        stateDirectory: identity.stateDirectory,
        bridgeCount: configuration.bridges().length,
        portCount: configuration.portCount,
      };
    },
    async stop() {
      setImmediate(stop);
      return { pid: process.pid };
    },
  };
}
