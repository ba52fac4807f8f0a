// What: NativeProvider, the kernel ports of one worker. Why: one arena, one wait, one stream of link events for all
// of them. Who: worker.ts makes one and loops around wait() and Switch.poll(); the contract suite uses it directly.

import { release } from 'node:os';
import { SwitchError } from '../errors.ts';
import { FrameBatch } from './batch.ts';
import { ARENA_LENGTH, ARENA_ROWS } from './copy-rows.ts';
import { loadAddon, type NativeIo, type NativeLink, READY_LINKS, READY_WAKE } from './native-addon.ts';
import { kernelOffloads, NativePort, type NativeWorld } from './native-port.ts';
import { type Port, type PortOptions, type PortProvider, ReadyList } from './port.ts';
import { Finisher, TRANSMIT_MAX } from './segment.ts';

const READY_CAPACITY = 64;

export class NativeProvider implements PortProvider {
  readonly batch: FrameBatch;
  readonly ready = new ReadyList();
  /** Set by wait() when wake() was called from outside; whoever acts on it clears it. */
  woken = false;

  private readonly world: NativeWorld;
  private readonly io: NativeIo;
  private readonly readyColumn = new Int32Array(READY_CAPACITY);

  /** Throws SwitchError failed-precondition when the addon is not built. */
  constructor() {
    const addon = loadAddon();
    const offset = new Int32Array(ARENA_ROWS);
    const length = new Int32Array(ARENA_ROWS);
    const offload = new Int32Array(ARENA_ROWS);
    const errnos = new Int32Array(TRANSMIT_MAX);
    this.io = new addon.Io(offset, length, offload, errnos, this.readyColumn, ARENA_LENGTH);
    this.batch = new FrameBatch(this.io.arena, { offset, length, offload });
    this.world = {
      addon,
      io: this.io,
      ready: this.ready,
      finisher: new Finisher(this.batch),
      errnos,
      ports: new Set(),
      byId: [],
      linkChanges: 0,
    };
  }

  get linkChanges(): number {
    return this.world.linkChanges;
  }

  /** Descriptor for the addon's wake(): ends a wait() from another thread. */
  get wakeFd(): number {
    return this.io.wakeFd;
  }

  open(name: string, options: PortOptions): Port {
    checkDeviceName(name);
    const { addon } = this.world;
    const link = addon.getLink(name);
    const device = typeof link === 'number' ? undefined : link;
    const type = options.type ?? detectType(device);
    if (type === 'memory') throw new SwitchError('invalid-argument', 'A memory port exists only in tests.');
    const port = this.makePort(name, type, options);
    if (options.allowMissing) {
      port.tryAttach();
      this.world.ports.add(port);
      return port;
    }
    try {
      port.attach();
    } catch (error) {
      // A tap that another program reads (a virtual machine, a VPN) is still a device with a wire to it.
      const busyTap = options.type === undefined && device?.tap && error instanceof SwitchError;
      if (!busyTap || error.code !== 'failed-precondition') throw error;
      const system = this.makePort(name, 'system', options);
      system.attach();
      this.world.ports.add(system);
      return system;
    }
    this.world.ports.add(port);
    return port;
  }

  /**
   * Waits until a port has frames, a device changed or wake() was called: spins for `spinUs` microseconds, then
   * sleeps for at most `timeoutMs` (-1: no limit). Marks ports ready. Returns how many things happened.
   */
  wait(timeoutMs: number, spinUs: number): number {
    const n = this.io.wait(timeoutMs, spinUs);
    for (let i = 0; i < n; i++) {
      const what = this.readyColumn[i]!;
      if (what === READY_WAKE) this.woken = true;
      else if (what === READY_LINKS) this.takeLinkEvents();
      else {
        const port = this.world.byId[what];
        if (port) this.ready.add(port);
      }
    }
    return n;
  }

  /** Closes all ports and descriptors. */
  close(): void {
    for (const port of this.world.ports) port.close();
    this.io.close();
  }

  private makePort(name: string, type: 'tap' | 'system' | 'internal', options: PortOptions): NativePort {
    const offloads = (options.offloads ?? -1) & kernelOffloads(release());
    const address = options.address === undefined ? undefined : parseAddress(options.address);
    return new NativePort(this.world, name, type, { offloads, address });
  }

  private takeLinkEvents(): void {
    const events = this.io.linkEvents();
    for (const port of this.world.ports) {
      if (typeof events === 'number') port.resync();
      else for (const link of events) port.linkChanged(link);
    }
  }
}

function detectType(device: NativeLink | undefined): 'tap' | 'system' {
  return device === undefined || device.tap ? 'tap' : 'system';
}

function parseAddress(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (byte) => Number.parseInt(byte, 16));
}

/** The kernel's rule for device names (dev_valid_name). Throws SwitchError invalid-argument. */
function checkDeviceName(name: string): void {
  if (name === '' || name === '.' || name === '..' || name.length > 15 || /[\s/:]/.test(name)) {
    throw new SwitchError(
      'invalid-argument',
      `"${name}" is no device name: use 1 to 15 characters without space, slash and colon.`,
    );
  }
}
