// What: the worlds of system, tap and internal ports: a device in the network namespace of this process, and a
// packet socket that plays the other end of its wire. Why: what a port writes is judged by what the kernel makes of
// it. Invariant: runs only in a namespace of its own (own-namespace.ts); close() takes its devices away.
//
//   system    port - cp0 ===veth=== cp1 - packet socket
//   tap       port - tap device ct0 - packet socket: what the host would receive and send
//   internal  the same, named cbr0

import { execFileSync } from 'node:child_process';
import { BURST } from '../../src/datapath/port/batch.ts';
import { NativeProvider } from '../../src/datapath/port/native-provider.ts';
import type { PortOptions } from '../../src/datapath/port/port.ts';
import { collect, type DeviceWorld, type PortKind } from './port-world.ts';
import { fillRow, type WireFrame } from './wire-frame.ts';

const WAIT_MS = 100;

export interface KernelKind extends PortKind {
  readonly type: 'system' | 'tap' | 'internal';
  readonly device: string;
  open(options?: Omit<PortOptions, 'type'>): DeviceWorld;
}

export const systemKind: KernelKind = {
  type: 'system',
  device: 'cp0',
  limitsLength: true,
  carriesRunts: false,
  open: (options) => {
    createVeth();
    return openKernelWorld(systemKind, 'cp1', createVeth, options);
  },
};

export const tapKind: KernelKind = tapLikeKind('tap', 'ct0');
export const internalKind: KernelKind = tapLikeKind('internal', 'cbr0');

/** Runs ip(8) or another tool with words separated by spaces; throws with its output when it fails. */
export function run(command: string): string {
  const [file, ...words] = command.split(' ');
  return execFileSync(file!, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Keeps the host's own traffic off devices that are made from now on. */
export function silenceHost(): void {
  run('sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1');
}

function createVeth(): void {
  run('ip link add cp0 type veth peer name cp1');
  run('ip link set cp0 up');
  run('ip link set cp1 up');
}

function tapLikeKind(type: 'tap' | 'internal', device: string): KernelKind {
  const create = () => {
    run(`ip tuntap add ${device} mode tap`);
    run(`ip link set ${device} up`);
  };
  const kind: KernelKind = {
    type,
    device,
    limitsLength: false,
    carriesRunts: false,
    open: (options) => openKernelWorld(kind, device, create, options),
  };
  return kind;
}

/** `wire`: the device on which the other end listens. `create` makes the devices anew after removeDevice(). */
function openKernelWorld(
  kind: KernelKind,
  wire: string,
  create: () => void,
  options: Omit<PortOptions, 'type'> = {},
): DeviceWorld {
  const near = new NativeProvider();
  const far = new NativeProvider();
  const port = near.open(kind.device, { ...options, type: kind.type });
  // An internal device waits for its owner to set it up.
  run(`ip link set ${kind.device} up`);
  const wirePort = far.open(wire, { type: 'system' });
  const wait = () => void near.wait(WAIT_MS, 0);
  const farWait = () => void far.wait(WAIT_MS, 0);
  for (let i = 0; i < 20 && !(port.link.up && wirePort.link.up); i++) {
    near.wait(WAIT_MS / 10, 0);
    far.wait(WAIT_MS / 10, 0);
  }
  return {
    port,
    batch: near.batch,
    ready: near.ready,
    linkChanges: () => near.linkChanges,
    wait,
    put: (frames: readonly WireFrame[]) => {
      for (let from = 0; from < frames.length; from += BURST) {
        const burst = frames.slice(from, from + BURST);
        burst.forEach((frame, row) => {
          fillRow(far.batch, row, frame);
        });
        const rows = Int32Array.from(burst.keys());
        wirePort.send(far.batch, rows, burst.length);
      }
    },
    take: (count) => collect(wirePort, far.batch, farWait, count),
    setUp: (up) => run(`ip link set ${kind.device} ${up ? 'up' : 'down'}`),
    removeDevice: () => {
      run(`ip link del ${kind.device}`);
      for (let i = 0; i < 20 && wirePort.link.attached; i++) farWait();
    },
    createDevice: () => {
      create();
      // Not up: a tap has no carrier before the port is back.
      for (let i = 0; i < 20 && !wirePort.link.adminUp; i++) farWait();
    },
    close: () => {
      far.close();
      near.close();
      if (kind.type === 'system' || devices().includes(kind.device)) run(`ip link del ${kind.device}`);
    },
  };
}

/** Names of the devices of this namespace, without lo. */
export function devices(): string[] {
  const links = JSON.parse(run('ip -json link show')) as { ifname: string }[];
  return links.map(({ ifname }) => ifname).filter((name) => name !== 'lo');
}
