// What: SwitchPorts, the ports of all bridges by name: opened, attached to the datapath and given to their bridge, and
// all of that in reverse. Why: a name is used once in the whole switch, whichever bridge it is on. Who: switch.ts.
// Invariant: a port is in the datapath, in its bridge and in here, or in none of them.

import type { PortInfo, PortSpec } from './api.ts';
import type { Datapath } from './dp/datapath.ts';
import { portStats } from './dp/port-stats.ts';
import { SwitchError } from './errors.ts';
import { OFPORT_LOCAL, OFPORT_MAX } from './flow/port-number.ts';
import type { Bridge } from './ofproto/bridge/bridge.ts';
import { BridgePort } from './ofproto/bridge/bridge-port.ts';
import type { PortProvider } from './port/port.ts';

/** A port, and the bridge that it is on. */
interface Placement {
  readonly port: BridgePort;
  readonly bridge: Bridge;
}

export class SwitchPorts {
  private readonly provider: PortProvider;
  private readonly datapath: Datapath;
  private readonly placements = new Map<string, Placement>();

  constructor(provider: PortProvider, datapath: Datapath) {
    this.provider = provider;
    this.datapath = datapath;
  }

  /** Gives a bridge its local port. It works without its device, for example where nobody may create one. */
  addLocal(bridge: Bridge): void {
    const { name, address } = bridge.spec;
    this.open(bridge, { name, type: 'internal', address, allowMissing: true }, OFPORT_LOCAL);
  }

  add(bridge: Bridge, spec: PortSpec): PortInfo {
    this.checkName(spec.name);
    const { name } = bridge.spec;
    const ofport = spec.ofport ?? bridge.freeOfport();
    if (ofport === undefined) {
      throw new SwitchError(
        'resource-exhausted',
        `Bridge ${name} has all ${OFPORT_MAX} port numbers in use.`,
      );
    }
    if (!Number.isInteger(ofport) || ofport < 1 || ofport > OFPORT_MAX) {
      throw new SwitchError('invalid-argument', `${ofport} is no port number: use 1 to ${OFPORT_MAX}.`);
    }
    const taken = bridge.ports.get(ofport);
    if (taken) {
      const sentence = `Port number ${ofport} of bridge ${name} belongs to ${taken.name}: use another one.`;
      throw new SwitchError('already-exists', sentence);
    }
    return describe(this.open(bridge, spec, ofport));
  }

  /** `bridge` undefined: wherever the port is. */
  delete(bridge: Bridge | undefined, name: string): void {
    const placement = this.placements.get(name);
    if (!placement || (bridge && placement.bridge !== bridge)) {
      const where = bridge ? `Bridge ${bridge.spec.name} has` : 'There is';
      throw new SwitchError('not-found', `${where} no port ${name}.`);
    }
    if (placement.port.ofport === OFPORT_LOCAL) {
      const sentence = `${name} is the local port of its bridge: delete the bridge to get rid of it.`;
      throw new SwitchError('failed-precondition', sentence);
    }
    this.close(placement);
  }

  /** Closes all ports of a bridge. */
  deleteOf(bridge: Bridge): void {
    for (const port of bridge.ports.values()) this.close({ port, bridge });
  }

  /** The ports of a bridge, by number. */
  list(bridge: Bridge): PortInfo[] {
    return [...bridge.ports.values()].map((port) => describe({ port, bridge }));
  }

  /** Throws SwitchError when the name is in use. */
  checkName(name: string): void {
    const holder = this.placements.get(name);
    if (!holder) return;
    throw new SwitchError(
      'already-exists',
      `${name} is already a port of bridge ${holder.bridge.spec.name}.`,
    );
  }

  private open(bridge: Bridge, spec: PortSpec, ofport: number): Placement {
    const { name, type, address, allowMissing } = spec;
    const port = this.provider.open(name, {
      ...(type !== undefined && { type }),
      ...(address !== undefined && { address }),
      ...(allowMissing !== undefined && { allowMissing }),
    });
    let index: number;
    try {
      index = this.datapath.attach(port, ofport, bridge);
    } catch (error) {
      port.close();
      throw error;
    }
    const placement = { port: new BridgePort(port, ofport, index), bridge };
    bridge.addPort(placement.port);
    this.placements.set(name, placement);
    return placement;
  }

  private close({ port: { name, ofport, port }, bridge }: Placement): void {
    this.placements.delete(name);
    this.datapath.detach(port);
    bridge.removePort(ofport);
    port.close();
  }
}

function describe({ port, bridge }: Placement): PortInfo {
  const device = port.port;
  device.refreshCounters();
  return {
    bridge: bridge.spec.name,
    name: port.name,
    type: device.type,
    ofport: port.ofport,
    link: { ...device.link },
    config: { ...port.config },
    stats: portStats(device.counters),
  };
}
