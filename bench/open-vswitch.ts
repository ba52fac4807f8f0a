// What: an Open vSwitch of its own (database, switch, sockets, files) inside a namespace, with the user-space
// datapath. Why: it is the switch that people would use instead, so it is the measure. Who: candidates.ts.
// Invariant: touches nothing of an Open vSwitch that the machine may run.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from '../test/support/netns.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export interface OpenVswitchOptions {
  /** Directory for its files; created. */
  directory: string;
  /** Super-frames and partial checksums pass (other_config:userspace-tso-enable). Off is its default. */
  userspaceTso: boolean;
}

/** Starts ovsdb-server and ovs-vswitchd, with a bridge br0 and these ports in it, numbered from 1. */
export async function startOpenVswitch(
  namespace: Namespace,
  { directory, userspaceTso }: OpenVswitchOptions,
  ports: string[],
): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const socket = join(directory, 'db.sock');
  const database = join(directory, 'conf.db');
  const environment = ['OVS_RUNDIR', 'OVS_LOGDIR', 'OVS_DBDIR', 'OVS_SYSCONFDIR'].map(
    (name) => `${name}=${directory}`,
  );
  const start = (...command: string[]) => namespace.start('env', ...environment, ...command);
  const vsctl = (...words: string[]) =>
    namespace.must('env', ...environment, 'ovs-vsctl', `--db=unix:${socket}`, '--timeout=10', ...words);

  await namespace.must('ovsdb-tool', 'create', database, SCHEMA);
  start('ovsdb-server', database, `--remote=punix:${socket}`, '--pidfile', '-vconsole:warn');
  await vsctl('--retry', '--no-wait', 'init');
  const settings = `other_config:userspace-tso-enable=${userspaceTso}`;
  await vsctl('--no-wait', 'set', 'Open_vSwitch', '.', settings);
  start('ovs-vswitchd', `unix:${socket}`, '--pidfile', '-vconsole:warn');
  // Without a request the numbers follow no order.
  const adding = ports.flatMap((port, i) => {
    const number = ['--', 'set', 'interface', port, `ofport_request=${i + 1}`];
    return ['--', 'add-port', 'br0', port, ...number];
  });
  await vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev', ...adding);
}
