// What: a Switch over memory ports in a few words: ports by name, frames in, frames out, a clock. Why: most tests of
// the datapath are "these frames in, those frames out". Who: tests in this folder.

import type {
  BridgeSpec,
  BundleOptions,
  BundleResult,
  FlowModCommand,
  SwitchEvent,
} from '../../src/datapath/api.ts';
import type { DropReason } from '../../src/datapath/drop.ts';
import { DROP_REASON_NAMES } from '../../src/datapath/drop.ts';
import { DROPS, RX_PACKETS, TX_PACKETS } from '../../src/datapath/port/counters.ts';
import { type MemoryPort, MemoryProvider } from '../../src/datapath/port/memory.ts';
import { Switch } from '../../src/datapath/switch.ts';
import { ethernet } from '../support/frames.ts';

export const BRIDGE: BridgeSpec = {
  name: 'br0',
  datapathId: '0000020000000001',
  address: '02:00:00:00:00:01',
  failMode: 'standalone',
  protocols: [],
  macAgeSeconds: 300,
  macTableSize: 8192,
};

/** MAC address of station `n`. */
export function station(n: number): string {
  return `02:00:00:00:${Math.floor(n / 256)
    .toString(16)
    .padStart(2, '0')}:${(n % 256).toString(16).padStart(2, '0')}`;
}

/** A frame of an experimental EtherType between two stations. */
export function frameBetween(source: number, destination: number, type = 0x88b5): Uint8Array {
  return ethernet({
    destination: station(destination),
    source: station(source),
    type,
    payload: new Uint8Array(46),
  });
}

export class MemorySwitch {
  readonly provider = new MemoryProvider();
  readonly sw = new Switch(this.provider);
  /** All ports that ever were, for sums that must hold over deleted ones as well. */
  readonly everyPort: MemoryPort[] = [];
  nowMs = 1000;
  private lastEvent = 0;

  /** A switch with bridge br0 and ports p1, p2, … of these OpenFlow numbers. */
  constructor(ports: number, spec: Partial<BridgeSpec> = {}) {
    this.sw.advance(this.nowMs);
    this.sw.addBridge({ ...BRIDGE, ...spec });
    this.everyPort.push(this.provider.port(spec.name ?? 'br0'));
    for (let i = 1; i <= ports; i++) this.addPort(`p${i}`, i);
  }

  /** Adds flows to br0. */
  add(...flows: string[]): void {
    for (const flow of flows) this.sw.modFlow('br0', 'add', flow);
  }

  /** Deletes flows of br0, loosely. */
  delete(match: string): number {
    return this.sw.modFlow('br0', 'delete', match);
  }

  /** The whole dump of br0 without what time and frames change, line by line. */
  dump(match = ''): string[] {
    return this.dumpText({ match, stats: false });
  }

  /** `packets` of the flows that the match covers, in the order of the dump. */
  packets(match = ''): number[] {
    return this.sw.listFlows('br0', { match }, 0).items.map(({ packets }) => packets);
  }

  /** Everything that commands have put into br0: flows with counters, groups, meters, ports. */
  state(): unknown {
    const { sw } = this;
    return {
      flows: this.dumpText({ match: '', stats: true }),
      groups: sw.listGroups('br0'),
      groupStats: sw.groupStats('br0'),
      meters: sw.listMeters('br0'),
      meterStats: sw.meterStats('br0'),
      ports: sw.listPorts('br0').map(({ name, config }) => [name, config]),
      tables: sw.listTables('br0').map(({ tableId, activeFlows }) => [tableId, activeFlows]),
    };
  }

  /** Carries lines out as one bundle. */
  bundle(lines: string[], options: Partial<BundleOptions> = {}): BundleResult {
    const bundle = this.sw.openBundle('br0', { lines: 'flows', ...options });
    this.sw.addToBundle(bundle, lines, 1);
    return this.sw.commitBundle(bundle);
  }

  mod(command: FlowModCommand, flow: string): number {
    return this.sw.modFlow('br0', command, flow);
  }

  /** The events since the last call. */
  takeEvents(): SwitchEvent[] {
    const { events, next } = this.sw.listEvents(this.lastEvent);
    this.lastEvent = next;
    return events;
  }

  addPort(name: string, ofport?: number): MemoryPort {
    this.sw.addPort('br0', ofport === undefined ? { name } : { name, ofport });
    const port = this.provider.port(name);
    this.everyPort.push(port);
    return port;
  }

  port(name: string): MemoryPort {
    return this.provider.port(name);
  }

  /** Lets frames come in on a port, forwards them, and returns the names of the ports that sent, once per frame. */
  send(from: string, ...frames: Uint8Array[]): string[] {
    for (const frame of frames) this.port(from).inject(frame);
    this.run();
    return this.takeSent().map(({ port }) => port);
  }

  /** Polls until nothing waits. */
  run(): void {
    do this.sw.poll(this.nowMs);
    while (this.provider.ready.ports.length > 0);
  }

  /** Lets time pass. */
  wait(ms: number): void {
    this.nowMs += ms;
    this.sw.poll(this.nowMs);
  }

  /** What was sent since the last call: by port, in the order of the ports. */
  takeSent(): { port: string; frame: Uint8Array }[] {
    return this.everyPort.flatMap(({ name, sent }) =>
      sent.splice(0).map(({ frame }) => ({ port: name, frame })),
    );
  }

  /** A drop counter of a port. */
  drops(port: string, reason: DropReason): number {
    return this.port(port).counters[DROPS + DROP_REASON_NAMES.indexOf(reason)]!;
  }

  private dumpText(query: { match: string; stats: boolean }): string[] {
    let text = '';
    let after = 0;
    do {
      const page = this.sw.dumpFlows('br0', query, after);
      text += page.text;
      after = page.next;
    } while (after !== 0);
    return text.split('\n').slice(0, -1);
  }

  /**
   * The two sides of the conservation law over all ports that ever were: received, and sent - copies + dropped +
   * given to the control plane.
   */
  balance(): { received: number; accounted: number } {
    const { copies, packetIns } = this.sw.datapathStats();
    let received = 0;
    let accounted = packetIns - copies;
    for (const { counters } of this.everyPort) {
      received += counters[RX_PACKETS]!;
      accounted += counters[TX_PACKETS]!;
      for (let i = 0; i < DROP_REASON_NAMES.length; i++) accounted += counters[DROPS + i]!;
    }
    return { received, accounted };
  }
}
