// What: loads the C++ addon and declares its calls. Why: one place knows where it lies and what it takes. Who:
// native-*.ts, worker.ts and client.ts of the datapath; nobody else imports the addon. Calls answer numbers or -errno.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SwitchError } from '../errors.ts';

/** A network device as rtnetlink shows it. */
export interface NativeLink {
  deleted: boolean;
  ifindex: number;
  /** IFF_* bits. */
  flags: number;
  mtu: number;
  name: string;
  address: string;
  /** A tun device that carries Ethernet frames. */
  tap: boolean;
  /** Frames that the device could not queue for the reader of a tap. */
  txDropped: number;
}

/** All kernel ports of one worker. Port numbers are small integers. */
export interface NativeIo {
  readonly arena: ArrayBuffer;
  /** Descriptor for wake(); may be used from any thread. */
  readonly wakeFd: number;
  openTap(name: string, offloads: number): number;
  openPacket(ifindex: number): number;
  closePort(id: number): void;
  alive(id: number): boolean;
  /** The device of a tap, also when it was moved to another network namespace. */
  tapLink(id: number): NativeLink | number;
  takeKernelDrops(id: number): number;
  /** Fills the ready column with port numbers, READY_WAKE, READY_LINKS; returns how many. */
  wait(timeoutMs: number, spinUs: number): number;
  receive(id: number, max: number): number;
  /** Returns how many frames the kernel took; errnos[i] is 0 or says why it refused rows[i]. */
  send(id: number, rows: Int32Array, count: number): number;
  linkEvents(): NativeLink[] | number;
  close(): void;
}

export const READY_WAKE = -1;
export const READY_LINKS = -2;

export interface NativeAddon {
  Io: new (
    offset: Int32Array,
    length: Int32Array,
    offload: Int32Array,
    errnos: Int32Array,
    ready: Int32Array,
    arenaLength: number,
  ) => NativeIo;
  getLink(name: string): NativeLink | number;
  setLink(name: string, up: boolean, address: Uint8Array | null): number;
  wake(wakeFd: number): number;
  lockFile(path: string): number;
}

let loaded: NativeAddon | undefined;

/** The addon: the one built here, else the prebuilt one of the package. Throws SwitchError failed-precondition. */
export function loadAddon(): NativeAddon {
  if (loaded) return loaded;
  const root = packageRoot();
  const places = [
    join(root, 'native/build/Release/tsswitch.node'),
    join(root, `prebuilds/linux-${process.arch}/tsswitch.node`),
  ];
  const place = places.find((path) => existsSync(path));
  if (!place) {
    throw new SwitchError(
      'failed-precondition',
      `The native addon is not built for linux-${process.arch}: run 'npm run build' in ${root}.`,
    );
  }
  try {
    loaded = createRequire(import.meta.url)(place) as NativeAddon;
  } catch (cause) {
    throw new SwitchError(
      'failed-precondition',
      `The native addon ${place} does not load (${(cause as Error).message}): run 'npm run build' in ${root}.`,
      { cause },
    );
  }
  return loaded;
}

/** The folder of the package: this file runs from src/ as well as from dist/src/. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'native/binding.gyp')) && folder !== '/') folder = dirname(folder);
  return folder;
}
