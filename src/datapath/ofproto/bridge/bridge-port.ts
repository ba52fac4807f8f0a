// What: BridgePort, a port as its bridge knows it: number, name, OpenFlow configuration, liveness. Why: flows speak of
// OpenFlow port numbers and of how a port may be used; port/ knows devices only. Who: bridge.ts owns them, the
// translation looks at them.
// Invariant: after a change of `config`, or of what isLive() says, the bridge gets a new version.

import type { PortConfig } from '../../api.ts';
import type { Port } from '../../port/port.ts';
import type { XlatePort } from '../xlate/xlate-context.ts';

const AS_ADDED: Required<PortConfig> = {
  down: false,
  noFlood: false,
  noForward: false,
  noReceive: false,
  noPacketIn: false,
};

export class BridgePort implements XlatePort {
  readonly name: string;
  readonly ofport: number;
  readonly port: Port;
  /** In the datapath. */
  readonly index: number;
  config = AS_ADDED;
  /** isLive() when the bridge last looked. */
  wasLive: boolean;

  constructor(port: Port, ofport: number, index: number) {
    this.name = port.name;
    this.port = port;
    this.ofport = ofport;
    this.index = index;
    this.wasLive = this.isLive();
  }

  get down(): boolean {
    return this.config.down;
  }

  get noFlood(): boolean {
    return this.config.noFlood;
  }

  get noForward(): boolean {
    return this.config.noForward;
  }

  get noReceive(): boolean {
    return this.config.noReceive;
  }

  get noPacketIn(): boolean {
    return this.config.noPacketIn;
  }

  isLive(): boolean {
    return !this.config.down && this.port.usable;
  }
}
