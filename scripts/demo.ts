// What: `npm run demo`: a first look at the switch with real traffic. Why: who tries a switch wants to see it work
// before reading. Who: a person, as root. Invariant: everything happens in network namespaces of its own, which are
// gone at the end, also after Ctrl-C.

import { obstacle } from '../test/support/require-feature.ts';
import { SwitchLab } from '../test/support/switch-lab.ts';
import { ping, tcpTransfer } from '../test/support/traffic.ts';

const TRANSFER_BYTES = 200 << 20;

const isTerminal = process.stdout.isTTY;
const bold = (text: string) => (isTerminal ? `\x1b[1m${text}\x1b[0m` : text);
const dim = (text: string) => (isTerminal ? `\x1b[2m${text}\x1b[0m` : text);

function say(text: string): void {
  console.log(`\n${bold(text)}`);
}

/** Runs a command of the switch, and shows it with what it prints. */
async function tsswitch(world: SwitchLab, ...args: string[]): Promise<void> {
  const shown = args.map((word) => (/[ ,]/.test(word) ? `'${word}'` : word)).join(' ');
  console.log(`  ${dim('$')} tsswitch ${shown}`);
  const output = await world.switch.cli(...args);
  if (output !== '') console.log(output.trimEnd().replace(/^(?=.)/gm, '    '));
}

async function showPing(from: keyof Hosts, to: keyof Hosts, hosts: Hosts): Promise<void> {
  const { address } = hosts[to];
  const { sent, received } = await ping(hosts[from].host.namespace, address, { count: 5 });
  console.log(`  ${from} pings ${to} (${address}): ${received} of ${sent} answered`);
}

type Hosts = Record<
  'alice' | 'bob' | 'carol',
  { host: Awaited<ReturnType<SwitchLab['addHost']>>; address: string }
>;

async function run(world: SwitchLab): Promise<void> {
  say('A switch runs in a network namespace of its own. Three hosts get connected to its bridge br0:');
  const hosts: Hosts = {
    alice: { address: '10.0.0.1', host: await world.addHost('alice', 'veth', { address: '10.0.0.1/24' }) },
    bob: { address: '10.0.0.2', host: await world.addHost('bob', 'veth', { address: '10.0.0.2/24' }) },
    carol: { address: '10.0.0.3', host: await world.addHost('carol', 'tap', { address: '10.0.0.3/24' }) },
  };
  console.log('  alice 10.0.0.1 by a veth pair, bob 10.0.0.2 by a veth pair, carol 10.0.0.3 by a tap device');
  await tsswitch(world, 'show');

  say('They reach each other:');
  await showPing('alice', 'bob', hosts);
  await showPing('bob', 'carol', hosts);
  await showPing('carol', 'alice', hosts);

  say('TCP, with the content compared at both ends:');
  for (const [from, to] of [
    ['alice', 'bob'],
    ['alice', 'carol'],
  ] as const) {
    const { received, sha256Sent, sha256Received, durationMs, problem } = await tcpTransfer({
      from: hosts[from].host.namespace,
      to: hosts[to].host.namespace,
      address: hosts[to].address,
      bytes: TRANSFER_BYTES,
    });
    if (problem !== '' || sha256Sent !== sha256Received) throw new Error(`the transfer failed: ${problem}`);
    const seconds = durationMs / 1000;
    const size = `${(received / (1 << 20)).toFixed(0)} MiB`;
    console.log(
      `  ${from} to ${to}: ${size} in ${seconds.toFixed(2)} s, SHA-256 ${sha256Received.slice(0, 16)}... on both sides`,
    );
  }

  say('The switch learned which station lives where (Port, VLAN, MAC address, age in seconds):');
  await tsswitch(world, 'fdb', 'show');
  say('It counted what each port received and sent:');
  await tsswitch(world, 'dump-ports');
  say('One flow did it all: NORMAL forwards as a learning bridge.');
  await tsswitch(world, 'dump-flows');

  say('Now a flow that drops what alice sends to bob by ICMP:');
  await tsswitch(world, 'add-flow', 'priority=100,icmp,nw_src=10.0.0.1,nw_dst=10.0.0.2,actions=drop');
  await showPing('alice', 'bob', hosts);
  await showPing('alice', 'carol', hosts);
  await tsswitch(world, 'dump-flows');
  say('Each frame that is dropped has a reason:');
  await tsswitch(world, 'drops');
  await tsswitch(world, 'del-flows', 'icmp');
  await showPing('alice', 'bob', hosts);
  say(
    'That is all; namespaces, devices and the switch are gone. The README shows how to start one that stays.',
  );
}

const missing = (['root', 'netns', 'tap', 'ping', 'g++'] as const)
  .map(obstacle)
  .find((reason) => reason !== '');
if (missing !== undefined) {
  console.error(
    `The demo makes network namespaces and devices, and cannot here: ${missing}. Run it as root on Linux.`,
  );
  process.exit(1);
}
const world = await SwitchLab.create();
try {
  await run(world);
} catch (error) {
  console.error(`The demo failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  world.dispose();
}
