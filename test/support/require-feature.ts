// What: what a test needs of the machine (root, namespaces, tap devices, tools), and whether it is there. Why: a test
// that cannot run says why it is skipped; where the environment variable REQUIRE names the feature, as in CI, a
// missing one is a failure instead. Who: tests through describeWith() in describe-with.ts; demo and bench directly.
// Invariant: a probe leaves nothing behind and runs once per process.

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { release } from 'node:os';
import { delimiter, join } from 'node:path';

/** Feature -> a probe that returns why the feature is missing, or '' when it is there. */
const PROBES = {
  root: () => (process.getuid?.() === 0 ? '' : 'this process is not root'),
  netns: probeNamespace,
  tap: probeTap,
  ovs: () => needCommands('ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl'),
  iperf3: () => needCommands('iperf3'),
  ethtool: () => needCommands('ethtool'),
  ping: () => needCommands('ping'),
  'g++': () => needCommands('g++'),
  setpriv: () => needCommands('setpriv'),
  tcx: probeTcx,
} as const satisfies Record<string, () => string>;

export type Feature = keyof typeof PROBES;

const probed = new Map<Feature, string>();

/** Why `feature` is missing on this machine, as half a sentence; '' when it is there. */
export function obstacle(feature: Feature): string {
  let reason = probed.get(feature);
  if (reason === undefined) {
    reason = PROBES[feature]();
    probed.set(feature, reason);
  }
  return reason;
}

/**
 * Why a test that needs `features` is to be skipped; '' when it can run. Throws when a missing feature is one that the
 * comma-separated environment variable REQUIRE names.
 */
export function skipReason(...features: Feature[]): string {
  const lacking = features.filter((feature) => obstacle(feature) !== '');
  const required = (process.env['REQUIRE'] ?? '').split(',');
  for (const feature of lacking) {
    if (required.includes(feature)) {
      throw new Error(`REQUIRE asks for '${feature}', which is missing here: ${obstacle(feature)}.`);
    }
  }
  return lacking.map((feature) => `needs ${feature}: ${obstacle(feature)}`).join('; ');
}

/** True when one of `features` is missing: `describe.skipIf(missing('root', 'tap'))`. Throws as skipReason(). */
export function missing(...features: Feature[]): boolean {
  return skipReason(...features) !== '';
}

/** eBPF programs on the ingress of a device, by which the switch keeps the host's own stack off its ports. */
function probeTcx(): string {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 6) ? '' : `Linux ${release()} is older than 6.6`;
}

function needCommands(...commands: string[]): string {
  const absent = commands.filter((command) => !isOnPath(command));
  return absent.length === 0 ? '' : `${absent.join(', ')} not installed`;
}

/** Daemons live in sbin, which the PATH of a user may leave out. */
function isOnPath(command: string): boolean {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** In a namespace that ends with the command, so nothing stays. */
function probeInNamespace(...command: string[]): string {
  const lacking = needCommands('unshare', 'ip');
  if (lacking !== '') return lacking;
  const { status, stderr, error } = spawnSync('unshare', ['--net', ...command], { encoding: 'utf8' });
  if (error) return error.message;
  return status === 0 ? '' : stderr.trim().replaceAll('\n', ', ') || `${command[0]} failed`;
}

function probeNamespace(): string {
  return probeInNamespace('ip', 'link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'probe1');
}

function probeTap(): string {
  return probeInNamespace('ip', 'tuntap', 'add', 'probe0', 'mode', 'tap');
}
