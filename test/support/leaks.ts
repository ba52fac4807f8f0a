// What: counts what a process and a lab hold: file descriptors, threads, memory, namespaces, devices. Why: what leaks
// a little per port or per restart is found only by counting before and after. Who: tests.

import { readdirSync, readlinkSync } from 'node:fs';
import { labNamespaces, type Namespace } from './netns.ts';

export interface ProcessResources {
  threads: number;
  /** Open file descriptors by what they are, for example `socket`, `/dev/net/tun`, `anon_inode:[eventpoll]`. */
  files: Record<string, number>;
}

/** What the process `pid` holds now. Throws when there is no such process. */
export function processResources(pid: number): ProcessResources {
  const files: Record<string, number> = {};
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    const kind = fileKind(`/proc/${pid}/fd/${descriptor}`);
    if (kind !== '') files[kind] = (files[kind] ?? 0) + 1;
  }
  return { threads: readdirSync(`/proc/${pid}/task`).length, files };
}

export interface LabResources {
  /** Namespaces of this process's labs. */
  namespaces: string[];
  /** Devices of each namespace given. */
  devices: Record<string, string[]>;
}

export function labResources(...namespaces: Namespace[]): LabResources {
  return {
    namespaces: labNamespaces({ own: true }).sort(),
    devices: Object.fromEntries(namespaces.map((namespace) => [namespace.name, namespace.devices().sort()])),
  };
}

/** `socket:[1234]` and `pipe:[5678]` lose their number. '' when the descriptor was closed in between. */
function fileKind(link: string): string {
  try {
    return readlinkSync(link).replace(/:\[\d+\]$/, '');
  } catch {
    return '';
  }
}
