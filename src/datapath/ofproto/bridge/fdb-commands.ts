// What: FdbCommands, what the control plane asks of the MAC table of one bridge: with names of ports and text of
// addresses. Who: switch.ts passes the commands of api.ts on.

import type { FdbInfo, Page } from '../../api.ts';
import { SwitchError } from '../../errors.ts';
import { formatMac, parseMac } from '../../wire/address-text.ts';
import { isGroupMac } from '../../wire/ethernet.ts';
import type { Bridge } from './bridge.ts';

/** Entries in a page: some tens of microseconds of work between two polls. */
const PAGE_LENGTH = 500;
const MAX_VLAN = 4095;

export class FdbCommands {
  private readonly bridge: Bridge;

  constructor(bridge: Bridge) {
    this.bridge = bridge;
  }

  /** Makes a station static on a port. Throws SwitchError. */
  add(portName: string, vlan: number, mac: string, nowMs: number): void {
    const { fdb, spec } = this.bridge;
    const ofport = this.ofportOf(portName);
    const station = checkStation(vlan, mac);
    if (isGroupMac(station)) {
      throw new SwitchError('invalid-argument', `${mac} is a group address, which no single port can have.`);
    }
    if (!fdb.addStatic(vlan, station, ofport, nowMs)) {
      const sentence = `The MAC table of bridge ${spec.name} is full of static entries: delete some or raise its size.`;
      throw new SwitchError('resource-exhausted', sentence);
    }
  }

  delete(vlan: number, mac: string): void {
    if (!this.bridge.fdb.delete(vlan, checkStation(vlan, mac))) {
      throw new SwitchError('not-found', `Bridge ${this.bridge.spec.name} knows no ${mac} in VLAN ${vlan}.`);
    }
  }

  flush(portName?: string): number {
    return this.bridge.fdb.flush(portName === undefined ? undefined : this.ofportOf(portName));
  }

  list(after: number, nowMs: number): Page<FdbInfo> {
    const { stations, next } = this.bridge.fdb.list(after, PAGE_LENGTH, nowMs);
    const items = stations.map(({ ofport, vlan, mac, isStatic, lastUsedMs }) => ({
      ofport,
      portName: this.bridge.ports.get(ofport)!.name,
      vlan,
      mac: formatMac(mac),
      ageSeconds: isStatic ? 0 : Math.floor((nowMs - lastUsedMs) / 1000),
      static: isStatic,
    }));
    return { items, next };
  }

  private ofportOf(portName: string): number {
    const ofport = this.bridge.resolvePort(portName);
    if (ofport === undefined) {
      throw new SwitchError('not-found', `Bridge ${this.bridge.spec.name} has no port ${portName}.`);
    }
    return ofport;
  }
}

/** The MAC address as an integer. Throws SwitchError invalid-argument. */
function checkStation(vlan: number, mac: string): number {
  if (!Number.isInteger(vlan) || vlan < 0 || vlan > MAX_VLAN) {
    throw new SwitchError('invalid-argument', `${vlan} is no VLAN: use 0 (no VLAN) to ${MAX_VLAN}.`);
  }
  const address = parseMac(mac);
  if (address === undefined) {
    throw new SwitchError('invalid-argument', `"${mac}" is no MAC address: write it like 02:00:00:00:00:01.`);
  }
  return address;
}
