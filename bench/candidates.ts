// What: the ways to join two namespaces that the benchmark compares. Why: figures mean something only side by side,
// on one machine, over the same veth pairs. Who: main.ts. Invariant: all candidates have the same ends:
//
//   left eth0 10.0.0.1 ==== s1 [candidate in `middle`] s2 ==== eth0 10.0.0.2 right
//
// only `direct` is one veth pair with nothing in between.

import { join } from 'node:path';
import { LabSwitch } from '../test/support/lab-switch.ts';
import type { Lab, Namespace, Offloads } from '../test/support/netns.ts';
import { type Feature, obstacle } from '../test/support/require-feature.ts';
import { startOpenVswitch } from './open-vswitch.ts';

export const LEFT_MAC = '02:00:00:00:00:01';
export const RIGHT_MAC = '02:00:00:00:00:02';
export const RIGHT_ADDRESS = '10.0.0.2';
const SWITCH_PORTS = ['s1', 's2'];

/** Two namespaces that a candidate joins. */
export interface Topology {
  candidate: string;
  left: Namespace;
  right: Namespace;
  /** Sets the offloads of all four veth ends. */
  setOffloads(offloads: Offloads): void;
}

export interface Candidate {
  name: string;
  title: string;
  needs: Feature[];
  /** Makes `ports` of `middle` one network. */
  join(middle: Namespace, directory: string): Promise<void>;
}

export const CANDIDATES: readonly Candidate[] = [
  { name: 'direct', title: 'direct veth', needs: [], join: async () => {} },
  { name: 'bridge', title: 'Linux bridge', needs: [], join: joinByBridge },
  { name: 'ovs', title: 'OVS netdev', needs: ['ovs'], join: openVswitch(false) },
  { name: 'ovs-tso', title: 'OVS netdev, userspace-tso', needs: ['ovs'], join: openVswitch(true) },
  { name: 'tsswitch', title: 'tsswitch', needs: [], join: joinByTsswitch },
];

/** Why a candidate cannot run here, or ''. */
export function candidateObstacle({ needs }: Candidate): string {
  return needs.map(obstacle).find((reason) => reason !== '') ?? '';
}

/** Builds the namespaces of a candidate and starts it. */
export async function buildTopology(lab: Lab, { name, join: joinPorts }: Candidate): Promise<Topology> {
  const left = lab.namespace(`${name}-l`);
  const right = lab.namespace(`${name}-r`);
  const leftEnd = { namespace: left, name: 'eth0', mac: LEFT_MAC, address: '10.0.0.1/24' };
  const rightEnd = { namespace: right, name: 'eth0', mac: RIGHT_MAC, address: `${RIGHT_ADDRESS}/24` };
  const ends: [Namespace, string][] = [
    [left, 'eth0'],
    [right, 'eth0'],
  ];
  if (name === 'direct') {
    lab.veth(leftEnd, rightEnd);
  } else {
    const middle = lab.namespace(`${name}-m`);
    const [s1, s2] = SWITCH_PORTS as [string, string];
    lab.veth(leftEnd, { namespace: middle, name: s1 });
    lab.veth(rightEnd, { namespace: middle, name: s2 });
    ends.push([middle, s1], [middle, s2]);
    await joinPorts(middle, join(lab.directory, name));
  }
  // Address resolution is not what is measured.
  left.ip('neigh', 'replace', RIGHT_ADDRESS, 'lladdr', RIGHT_MAC, 'dev', 'eth0', 'nud', 'permanent');
  right.ip('neigh', 'replace', '10.0.0.1', 'lladdr', LEFT_MAC, 'dev', 'eth0', 'nud', 'permanent');
  let current: Offloads = 'on';
  const setOffloads = (offloads: Offloads) => {
    if (offloads === current) return;
    for (const [namespace, device] of ends) namespace.setOffloads(device, offloads);
    current = offloads;
  };
  return { candidate: name, left, right, setOffloads };
}

async function joinByBridge(middle: Namespace): Promise<void> {
  middle.ip('link', 'add', 'br0', 'type', 'bridge');
  middle.ip('link', 'set', 'br0', 'up');
  for (const port of SWITCH_PORTS) middle.ip('link', 'set', port, 'master', 'br0');
  // Where br_netfilter is loaded, each frame would pass iptables. Absent keys are fine.
  for (const family of ['iptables', 'ip6tables', 'arptables']) {
    await middle.run('sysctl', '-qw', `net.bridge.bridge-nf-call-${family}=0`);
  }
}

function openVswitch(userspaceTso: boolean): Candidate['join'] {
  return (middle, directory) => startOpenVswitch(middle, { directory, userspaceTso }, SWITCH_PORTS);
}

async function joinByTsswitch(middle: Namespace, directory: string): Promise<void> {
  const lab = await LabSwitch.start(middle, { directory });
  for (const port of SWITCH_PORTS) await lab.cli('add-port', port);
}
