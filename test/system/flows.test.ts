// What: flow tables, groups and meters end to end: files and commands as people use them, frames and TCP on real
// devices. Why: parser, tables, caches, packet surgery and offloads each have tests of their own; that together they are
// a switch shows only here. A frame that must not arrive is followed by one that must, so no test waits for nothing.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { ethernet } from '../support/frames.ts';
import { Capture, sendFrames } from '../support/packets.ts';
import { type Host, SwitchLab } from '../support/switch-lab.ts';
import { tcpTransfer } from '../support/traffic.ts';

const MAC = { a: '02:00:00:00:00:0a', b: '02:00:00:00:00:0b', c: '02:00:00:00:00:0c' };
/** An address that nobody has: the switch makes it one of b. */
const SERVICE = { address: '10.0.0.99', mac: '02:00:00:00:00:99' };
const TRANSFER_BYTES = 8 << 20;

/** As a lab for Open vSwitch has it: classify, learn, rewrite, forward. */
const LAB_FLOWS = `# service 10.0.0.99 lives on b
table=0, priority=100, in_port=1 actions=load:0x1->NXM_NX_REG0[],resubmit(,1)
table=0, priority=0 actions=goto_table:1

# what was learned of b answers for the service
table=1, priority=200, tcp,nw_dst=${SERVICE.address} actions=learn(table=2,idle_timeout=60,priority=100,eth_type=0x800,nw_proto=6,NXM_OF_IP_DST[]=NXM_OF_IP_SRC[],NXM_OF_TCP_DST[]=NXM_OF_TCP_SRC[],load:0x0a000063->NXM_OF_IP_SRC[],output:NXM_OF_IN_PORT[]),set_field:10.0.0.2->ip_dst,set_field:${MAC.b}->eth_dst,output:2
table=1, priority=100, tcp,nw_src=10.0.0.2 actions=resubmit(,2)
table=1, priority=50, arp actions=NORMAL
table=1, priority=10, reg0=0x1,ip actions=dec_ttl,NORMAL
table=1, priority=0 actions=NORMAL
table=2, priority=1 actions=NORMAL
`;

let marker = 0;

/** A frame that no other is equal to. */
function frameOf(source: string, destination: string, type = 0x88b5): Uint8Array {
  const payload = new Uint8Array(46);
  new DataView(payload.buffer).setUint32(0, ++marker);
  return ethernet({ source, destination, type, payload });
}

const hexOf = (frame: Uint8Array) => Buffer.from(frame).toString('hex');
const send = (host: Host, ...frames: Uint8Array[]) => sendFrames(host.namespace, host.device, frames);
const listen = (host: Host) => Capture.start(host.namespace, host.device, { timeoutMs: 10_000 });

/** What arrived up to and including `last` with the EtherType of frameOf(), as hex. */
async function arrivedUntil(capture: Capture, last: Uint8Array): Promise<string[]> {
  await capture.waitForFrame(last);
  const frames = (await capture.stop()).map(({ frame }) => hexOf(frame));
  return frames.filter((frame) => frame.slice(24, 28) === '88b5');
}

describeWith(['root', 'netns', 'tap', 'g++'], 'flow tables on real devices', () => {
  let world: SwitchLab;
  let a: Host;
  let b: Host;
  let c: Host;

  beforeEach(async () => {
    world = await SwitchLab.create();
    a = await world.addHost('a', 'veth', { address: '10.0.0.1/24', mac: MAC.a });
    b = await world.addHost('b', 'veth', { address: '10.0.0.2/24', mac: MAC.b });
    c = await world.addHost('c', 'veth', { address: '10.0.0.3/24', mac: MAC.c });
  });
  afterEach(() => world?.dispose());

  const cli = (...args: string[]) => world.switch.cli(...args);

  /** A file with this text. */
  function file(name: string, text: string): string {
    const path = join(world.lab.directory, name);
    writeFileSync(path, text);
    return path;
  }

  /** A bridge that does what these flows say and nothing else. */
  const replaceFlows = (...flows: string[]) =>
    cli('replace-flows', file('only.txt', `${flows.join('\n')}\n`));

  async function transfer(from: Host, to: Host, address: string): Promise<void> {
    const namespaces = { from: from.namespace, to: to.namespace };
    const result = await tcpTransfer({ ...namespaces, address, bytes: TRANSFER_BYTES });
    expect(result).toMatchObject({ received: TRANSFER_BYTES, problem: '' });
    expect(result.sha256Received).toBe(result.sha256Sent);
  }

  test('a lab file of several tables carries TCP through learn, registers and rewritten addresses', async () => {
    await cli('replace-flows', file('lab.txt', LAB_FLOWS));
    a.namespace.ip('neigh', 'replace', SERVICE.address, 'lladdr', SERVICE.mac, 'dev', a.device);
    await transfer(a, b, SERVICE.address);
    await transfer(a, c, '10.0.0.3');

    const rows = await world.switch.json<{ tableId: number; match: string; packets: number }[]>('dump-flows');
    const packets = (tableId: number, match: string) =>
      rows.find((row) => row.tableId === tableId && row.match.includes(match))?.packets ?? 0;
    expect(packets(1, SERVICE.address)).toBeGreaterThan(10);
    expect(packets(2, 'nw_dst=10.0.0.1')).toBeGreaterThan(10);
    expect(packets(0, 'in_port=1')).toBeGreaterThan(packets(1, SERVICE.address));
    const tables = await world.switch.json<{ lookups: number; matched: number }[]>('dump-tables');
    expect(tables[2]!.lookups).toBeGreaterThan(10);

    // Trace says of a frame what real ones met.
    const flow =
      `in_port=1,tcp,dl_src=${MAC.a},dl_dst=${SERVICE.mac},nw_src=10.0.0.1,nw_dst=${SERVICE.address},` +
      'nw_ttl=64,tp_src=9999,tp_dst=5001';
    const before = await cli('dump-flows', '--no-stats');
    const { text, datapathActions } = await world.switch.json<{ text: string; datapathActions: string }>(
      'trace',
      flow,
    );
    expect(text).toMatch(/^Flow: tcp,in_port=1,.*\n\nbridge\("br0"\)\n-+\n 0\. in_port=1, priority 100\n/);
    expect(text).toContain(`\n 1. tcp,nw_dst=${SERVICE.address}, priority 200\n`);
    expect(await cli('dump-flows', '--no-stats')).toBe(before);
    const cached = await world.switch.json<{ actions: string; packets: number }[]>('dump-datapath-flows');
    expect(cached.find(({ actions }) => actions === datapathActions)?.packets).toBeGreaterThan(0);
  });

  test('a dump is a file: fed back in it gives the same tables, and counters stay', async () => {
    await cli('replace-flows', file('lab.txt', LAB_FLOWS));
    await transfer(a, c, '10.0.0.3');
    const dump = await cli('dump-flows');
    const path = file('dump.txt', dump);
    expect(await cli('diff-flows', 'br0', path)).toBe('');
    await cli('replace-flows', path);
    const counters = (text: string) => text.match(/n_packets=\d+/g);
    expect(counters(await cli('dump-flows'))).toEqual(counters(dump));
    expect(await cli('diff-flows', 'br0', path)).toBe('');

    await cli('add-br', 'br1', '--fail-mode', 'secure');
    await cli('add-flows', 'br1', path);
    expect(await cli('diff-flows', 'br0', 'br1')).toBe('');
    await cli('del-flows', 'br1', 'table=1,arp');
    const { code, stdout } = await world.switch.run('diff-flows', 'br0', 'br1');
    expect([code, stdout]).toEqual([2, '-table=1 priority=50,arp actions=NORMAL\n']);
  });

  test('a file with a wrong line changes nothing, and the sentence names it', async () => {
    const before = await cli('dump-flows', '--no-stats');
    const path = file('wrong.txt', 'tcp,tp_dst=80 actions=drop\n\nin_port=1,tp_dst=80 actions=drop\n');
    const { code, stderr } = await world.switch.run('add-flows', path);
    expect(code).toBe(1);
    expect(stderr).toContain(`${path}:3: `);
    expect(await cli('dump-flows', '--no-stats')).toBe(before);
  });

  test('VLAN tags are pushed and popped under TCP, on a wire between two ports', async () => {
    const { namespace } = world;
    world.lab.veth({ namespace, name: 'trunk1' }, { namespace, name: 'trunk2' });
    // Linux lets a frame be longer than the MTU by an 802.1Q tag, not by one of 802.1ad.
    for (const trunk of ['trunk1', 'trunk2']) namespace.ip('link', 'set', trunk, 'mtu', '1504');
    await cli('add-port', 'trunk1', '--ofport', '11');
    await cli('add-port', 'trunk2', '--ofport', '12');
    await world.switch.waitForPort('trunk2', ({ link }) => link.up);
    await replaceFlows(
      'in_port=1 actions=push_vlan:0x8100,set_field:4106->vlan_vid,output:11',
      'in_port=12,dl_vlan=10 actions=pop_vlan,output:2',
      'in_port=2 actions=push_vlan:0x88a8,set_field:4126->vlan_vid,output:12',
      'in_port=11,vlan_tci=0x101e/0x1fff actions=strip_vlan,resubmit(,1)',
      'table=1,vlan_tci=0 actions=output:1',
    );
    await transfer(a, b, '10.0.0.2');
    await transfer(b, a, '10.0.0.1');
    expect(await cli('trace', 'in_port=1,ip')).toContain('Datapath actions: push_vlan(vid=10,pcp=0),');
    const aggregate = await world.switch.json<{ packets: number }>('dump-aggregate', 'table=1');
    expect(aggregate.packets).toBeGreaterThan(10);
  });

  test('groups copy, choose, and fail over when a link goes down', async () => {
    await cli('add-group', 'group_id=1,type=all,bucket=actions=output:2,bucket=actions=output:3');
    await cli(
      'add-group',
      'group_id=2,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_port:3,actions=output:3',
    );
    await replaceFlows(`dl_dst=${MAC.b} actions=group:1`, `dl_dst=${MAC.c} actions=group:2`);
    const captures = [await listen(b), await listen(c)] as const;
    const copied = frameOf(MAC.a, MAC.b);
    await send(a, copied);
    await Promise.all(captures.map((capture) => capture.waitForFrame(copied)));

    const first = frameOf(MAC.a, MAC.c);
    await send(a, first);
    expect(await arrivedUntil(captures[0], first)).toEqual([copied, first].map(hexOf));

    world.namespace.setLink(b.port, 'down');
    await world.switch.waitForPort(b.port, ({ link }) => !link.up);
    const second = frameOf(MAC.a, MAC.c);
    await send(a, second);
    expect(await arrivedUntil(captures[1], second)).toEqual([copied, second].map(hexOf));

    const stats =
      await world.switch.json<{ packets: number; buckets: { packets: number }[] }[]>('dump-group-stats');
    expect(
      stats.map(({ packets, buckets }) => [packets, ...buckets.map((bucket) => bucket.packets)]),
    ).toEqual([
      [1, 1, 1],
      [2, 1, 1],
    ]);
    await cli('del-groups', '2');
    expect(await cli('dump-flows', '--no-stats')).toBe(` dl_dst=${MAC.b} actions=group:1\n`);
  });

  test('meters drop what exceeds a rate, and count it', async () => {
    await cli('add-meter', 'meter=1,pktps,bands=type=drop,rate=5');
    await replaceFlows(`dl_dst=${MAC.b} actions=meter:1,output:2`, `dl_dst=${MAC.c} actions=output:2`);
    const capture = await listen(b);
    const end = frameOf(MAC.a, MAC.c);
    const sent = Array.from({ length: 100 }, () => frameOf(MAC.a, MAC.b));
    await send(a, ...sent, end);
    const arrived = (await arrivedUntil(capture, end)).length - 1;
    expect(arrived).toBeGreaterThan(0);
    expect(arrived).toBeLessThan(50);
    const [stats] =
      await world.switch.json<{ packets: number; bands: { packets: number }[] }[]>('meter-stats');
    expect([stats?.packets, stats?.bands[0]?.packets]).toEqual([100, 100 - arrived]);
    const drops = (await world.switch.drops()).reduce((sum, { count }) => sum + count, 0);
    expect(drops).toBeGreaterThanOrEqual(100 - arrived);
  });

  test('packet-out sends a frame, and what goes to the controller can be read', async () => {
    await replaceFlows(`dl_dst=${MAC.c} actions=controller,output:3`, 'in_port=3 actions=output:2');
    const captures = [await listen(b), await listen(c)] as const;
    const direct = frameOf(MAC.a, MAC.b);
    await cli('packet-out', `in_port=controller packet=${hexOf(direct)} actions=output:2`);
    const throughTables = frameOf(MAC.a, MAC.b);
    await cli('packet-out', `in_port=3 packet=${hexOf(throughTables)} actions=table`);
    expect(await arrivedUntil(captures[0], throughTables)).toEqual([direct, throughTables].map(hexOf));

    const told = frameOf(MAC.a, MAC.c);
    await send(a, told);
    await captures[1].waitForFrame(told);
    interface EventRow {
      packetIn?: { inPort: number; reason: string; data: string };
    }
    const events = await world.switch.json<EventRow[]>('dump-events', 'br0');
    const packetIns = events.map(({ packetIn }) => packetIn);
    expect(packetIns).toContainEqual(
      expect.objectContaining({ inPort: 1, reason: 'action', data: hexOf(told) }),
    );
    expect(await cli('dump-events')).toContain(
      `in_port=1 (via action) data_len=60 (unbuffered)\n${hexOf(told)}\n`,
    );
  });

  test('a bundle changes groups and flows and sends frames as one, or does nothing of it', async () => {
    await replaceFlows('in_port=3 actions=drop');
    const capture = await listen(b);
    const sent = [frameOf(MAC.a, MAC.b), frameOf(MAC.a, MAC.b)] as const;
    const lines = [
      `packet-out in_port=controller packet=${hexOf(sent[0])} actions=output:2`,
      'group add group_id=1,type=all,bucket=actions=output:2',
      'flow modify in_port=3,actions=group:1',
      `packet-out in_port=3 packet=${hexOf(sent[1])} actions=table`,
    ];
    const wrong = file('wrong.txt', `${lines.join('\n')}\nflow add in_port=1,actions=group:2\n`);
    const { code, stderr } = await world.switch.run('bundle', wrong);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${wrong}:5: There is no group 2 `)]);
    expect(await cli('dump-flows', '--no-stats')).toBe(' in_port=3 actions=drop\n');

    await cli('bundle', file('right.txt', `${lines.join('\n')}\n`));
    expect(await arrivedUntil(capture, sent[1])).toEqual(sent.map(hexOf));
    expect(await cli('dump-flows', '--no-stats')).toBe(' in_port=3 actions=group:1\n');
    // What trace says is what the frame met.
    expect(await cli('trace', `in_port=3,dl_dst=${MAC.b}`)).toContain('\nDatapath actions: 2\n');
  });

  test('a port is left out of floods, and drops what it may not receive', async () => {
    await replaceFlows('actions=flood');
    await cli('mod-port', b.port, 'no-flood');
    const captures = [await listen(b), await listen(c)] as const;
    const unheard = frameOf(MAC.a, 'ff:ff:ff:ff:ff:ff');
    await send(a, unheard);
    await captures[1].waitForFrame(unheard);
    await cli('mod-port', b.port, 'flood');
    const heard = frameOf(MAC.a, 'ff:ff:ff:ff:ff:ff');
    await send(a, heard);
    expect(await arrivedUntil(captures[0], heard)).toEqual([hexOf(heard)]);

    await cli('mod-port', '1', 'no-receive');
    const refused = frameOf(MAC.a, 'ff:ff:ff:ff:ff:ff');
    await send(a, refused);
    await cli('mod-port', '1', 'receive');
    const last = frameOf(MAC.a, 'ff:ff:ff:ff:ff:ff');
    await send(a, last);
    expect(await arrivedUntil(captures[1], last)).toEqual([unheard, heard, last].map(hexOf));
  });
});
