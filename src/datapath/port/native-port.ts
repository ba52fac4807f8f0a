// What: NativePort, a port on a kernel device: tap, internal (a tap named after its bridge) or system (packet
// socket). Why: the port object stays the same while its device goes down, vanishes and is created again, so that
// port numbers, flows and counters survive. Who: native-provider.ts makes it and brings it link events.
// States: detached (id < 0: link.error says why, frames to it are dropped as tx-link-down) and attached.

import { DROP } from '../drop.ts';
import { SwitchError } from '../errors.ts';
import { BURST, type FrameBatch, OFFLOAD_ALL, OFFLOAD_USO } from './batch.ts';
import { newPortCounters, RX_ERRORS, RX_KERNEL_DROPS } from './counters.ts';
import type { NativeAddon, NativeIo, NativeLink } from './native-addon.ts';
import { describeOpenError, dropReasonOf, EBADFD, ENODEV } from './native-errors.ts';
import type { LinkState, Port, PortType, ReadyList } from './port.ts';
import { type Finisher, type RawSender, TAKEN } from './segment.ts';

const IFF_UP = 0x1;
const IFF_LOWER_UP = 0x1_0000;

/** What a NativePort shares with the other ports of its provider. */
export interface NativeWorld {
  readonly addon: NativeAddon;
  readonly io: NativeIo;
  readonly ready: ReadyList;
  /** All ports that are not closed: link events go to each of them. */
  readonly ports: Set<NativePort>;
  /** Attached ports by number, so that wait() can find them. */
  readonly byId: (NativePort | undefined)[];
  /** Grows whenever `usable` of a port changed. */
  linkChanges: number;
  /** Finishes what a port cannot carry. */
  readonly finisher: Finisher;
  /** errno of each frame of the last io.send(). */
  readonly errnos: Int32Array;
}

export class NativePort implements Port, RawSender {
  readonly name: string;
  readonly type: PortType;
  readonly counters = newPortCounters();
  readonly offloads: number;
  readonly link: LinkState = {
    attached: false,
    adminUp: false,
    up: false,
    address: '',
    mtu: 0,
    ifindex: 0,
    error: '',
  };
  ready = false;

  private readonly world: NativeWorld;
  private readonly address: Uint8Array | undefined;
  private id = -1;
  /** The tap has another name or lives in another network namespace, whose link events do not reach us. */
  private away = false;
  /** The device's own drop counter when it was last read; only taps count there. */
  private deviceDropsSeen = 0;

  constructor(
    world: NativeWorld,
    name: string,
    type: Exclude<PortType, 'memory'>,
    options: { offloads?: number; address?: Uint8Array | undefined } = {},
  ) {
    this.world = world;
    this.name = name;
    this.type = type;
    this.offloads = options.offloads ?? OFFLOAD_ALL;
    this.address = options.address;
  }

  /** Opens the device. Throws SwitchError and stays detached (link.error set) when that fails. */
  attach(): void {
    const { addon } = this.world;
    const before = addon.getLink(this.name);
    const id = this.openDevice(before);
    if (id < 0) {
      const error = describeOpenError(this.name, this.type, -id);
      this.link.error = error.message;
      throw error;
    }
    this.id = id;
    this.world.byId[id] = this;
    const isNew = typeof before === 'number';
    if (isNew && this.type !== 'system') this.configureNewDevice();
    const now = addon.getLink(this.name);
    if (typeof now === 'number') {
      const gone = this.deviceGone();
      this.detach(gone.message);
      throw gone;
    }
    this.deviceDropsSeen = now.txDropped;
    this.link.attached = true;
    this.link.error = '';
    this.world.linkChanges++;
    this.showLink(now);
    // Frames may have come in before the first wait.
    this.world.ready.add(this);
  }

  /** What happens to a tap in another network namespace is not heard of here, so it counts as usable. */
  get usable(): boolean {
    return this.id >= 0 && (this.link.up || this.away);
  }

  receive(batch: FrameBatch): number {
    batch.count = 0;
    if (this.id < 0) return 0;
    const n = this.world.io.receive(this.id, BURST);
    if (n < 0) {
      this.receiveFailed(-n);
      return 0;
    }
    batch.count = n;
    return n;
  }

  send(_batch: FrameBatch, rows: Int32Array, count: number): void {
    this.world.finisher.send(this, rows, count);
  }

  transmit(_batch: FrameBatch, rows: Int32Array, count: number, status: Int32Array): number {
    if (this.id < 0) {
      status.fill(DROP['tx-link-down'], 0, count);
      return 0;
    }
    const sent = this.world.io.send(this.id, rows, count);
    if (sent === count) return sent;
    const { errnos } = this.world;
    for (let i = 0; i < count; i++) status[i] = errnos[i] === 0 ? TAKEN : DROP[dropReasonOf(errnos[i]!)];
    return sent;
  }

  refreshCounters(): void {
    if (this.id < 0) return;
    this.counters[RX_KERNEL_DROPS]! += this.world.io.takeKernelDrops(this.id);
    if (this.type === 'system') return;
    const link = this.away ? this.world.io.tapLink(this.id) : this.world.addon.getLink(this.name);
    if (typeof link === 'number' || (!this.away && link.ifindex !== this.link.ifindex)) return;
    this.counters[RX_KERNEL_DROPS]! += Math.max(0, link.txDropped - this.deviceDropsSeen);
    this.deviceDropsSeen = link.txDropped;
    if (this.away) this.showLink(link);
  }

  close(): void {
    this.world.ports.delete(this);
    this.detach('The port is closed.');
  }

  /** A device changed, came or went. An event may be older than what we know, so it only says where to look. */
  linkChanged(event: NativeLink): void {
    const ours = this.id >= 0 && event.ifindex === this.link.ifindex;
    if (ours || event.name === this.name) this.resync();
  }

  /** Looks at the device of this port as it is now, and follows it. */
  resync(): void {
    const now = this.world.addon.getLink(this.name);
    const device = typeof now === 'number' ? undefined : now;
    const same = device !== undefined && device.ifindex === this.link.ifindex;
    if (this.id >= 0 && !same && !this.livesElsewhere()) this.detach(this.deviceGone().message);
    if (this.id >= 0 && this.away === same) {
      this.away = !same;
      this.world.linkChanges++;
    }
    if (this.id >= 0 && same) this.showLink(device);
    else if (this.id >= 0) this.refreshCounters();
    else if (device) this.tryAttach();
  }

  /** attach() for a device that may not be there yet: the reason stays in link.error. */
  tryAttach(): void {
    try {
      this.attach();
    } catch (error) {
      if (!(error instanceof SwitchError)) throw error;
    }
  }

  private openDevice(link: NativeLink | number): number {
    const { io } = this.world;
    if (this.type === 'system') {
      return typeof link === 'number' ? link : io.openPacket(link.ifindex);
    }
    return io.openTap(this.name, this.offloads);
  }

  /** A tap that we made goes up at once; an internal port waits for `ip link set up`, as with Open vSwitch. */
  private configureNewDevice(): void {
    this.world.addon.setLink(this.name, this.type === 'tap', this.address ?? null);
  }

  /** A tap that was renamed or moved to another network namespace is gone by name, but its descriptor lives on. */
  private livesElsewhere(): boolean {
    return this.type !== 'system' && this.world.io.alive(this.id);
  }

  private deviceGone(): SwitchError {
    return describeOpenError(this.name, this.type, ENODEV);
  }

  private detach(error: string): void {
    if (this.id >= 0) {
      this.refreshCounters();
      this.world.byId[this.id] = undefined;
      this.world.io.closePort(this.id);
      this.id = -1;
      this.away = false;
      this.world.linkChanges++;
    }
    this.world.ready.remove(this);
    this.link.attached = false;
    this.link.adminUp = false;
    this.link.up = false;
    this.link.ifindex = 0;
    this.link.error = error;
  }

  private showLink(link: NativeLink): void {
    const wasUp = this.link.up;
    this.link.ifindex = link.ifindex;
    this.link.adminUp = (link.flags & IFF_UP) !== 0;
    this.link.up = this.link.adminUp && (link.flags & IFF_LOWER_UP) !== 0;
    if (this.link.up !== wasUp) this.world.linkChanges++;
    this.link.address = link.address;
    this.link.mtu = link.mtu;
  }

  private receiveFailed(errno: number): void {
    if (errno === EBADFD || !this.world.io.alive(this.id)) this.detach(this.deviceGone().message);
    else if (dropReasonOf(errno) !== 'tx-link-down') this.counters[RX_ERRORS]!++;
  }
}

/** Whether this kernel knows UDP segmentation in virtio_net_hdr (Linux 6.2). */
export function kernelOffloads(release: string): number {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 2) ? OFFLOAD_ALL : OFFLOAD_ALL & ~OFFLOAD_USO;
}
