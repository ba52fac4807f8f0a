// What: what the switch counts, against what was sent, and the conservation of frames. Why: an operator finds a fault
// by counters; one that lies is worse than none.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { SwitchClient } from '../../src/control/client.ts';
import { StatsService } from '../../src/generated/services.ts';
import { describeWith } from '../support/describe-with.ts';
import { BROADCAST, ethernet, pad, udp } from '../support/frames.ts';
import { Capture, sendFrames } from '../support/packets.ts';
import { type Host, SwitchLab } from '../support/switch-lab.ts';
import { tcpTransfer } from '../support/traffic.ts';

const MAC_A = '02:00:00:00:00:0a';
const MAC_B = '02:00:00:00:00:0b';

describeWith(['root', 'netns', 'tap', 'g++'], 'counters', () => {
  let world: SwitchLab;
  let [a, b, c] = [] as unknown as [Host, Host, Host];
  beforeAll(async () => {
    world = await SwitchLab.create();
    a = await world.addHost('a', 'veth', { mac: MAC_A, address: '10.0.0.1/24' });
    b = await world.addHost('b', 'veth', { mac: MAC_B, address: '10.0.0.2/24' });
    c = await world.addHost('c', 'tap');
  });
  afterAll(() => world?.dispose());

  async function counters(host: Host) {
    return (await world.switch.portCounters()).find(({ name }) => name === host.port)!;
  }

  /** Sends frames from `a`, then a broadcast, and waits until `c` has that: all before it has been counted. */
  async function sendFromA(frames: Uint8Array[]): Promise<Uint8Array> {
    const capture = await Capture.start(c.namespace, c.device);
    const end = pad(ethernet({ destination: BROADCAST, source: MAC_A, type: 0x88b5 }));
    await sendFrames(a.namespace, 'eth0', [...frames, end]);
    await capture.waitForFrame(end);
    await capture.stop();
    return end;
  }

  /** Not on the command line: an operator has no use for it. */
  async function datapathStats() {
    const client = new SwitchClient(world.switch.socketPath);
    try {
      return await client.call(StatsService.getDatapathStats, {});
    } finally {
      client.close();
    }
  }

  test('frames and bytes per port are those that were sent', async () => {
    await sendFrames(b.namespace, 'eth0', [
      pad(ethernet({ destination: BROADCAST, source: MAC_B, type: 0x88b5 })),
    ]);
    const before = [await counters(a), await counters(b), await counters(c)] as const;
    const between = { source: '10.0.0.1', destination: '10.0.0.2' };
    const frames = [60, 500, 1500].map((length) =>
      ethernet({
        destination: MAC_B,
        source: MAC_A,
        ...udp(between, { sourcePort: 1, destinationPort: 9, payload: new Uint8Array(length - 42) }),
      }),
    );
    // Answers of b's IP stack would count too.
    b.namespace.ip('address', 'flush', 'dev', 'eth0');
    const end = await sendFromA(frames);
    b.namespace.addAddress('eth0', '10.0.0.2/24');
    const bytes = 60 + 500 + 1500 + end.length;
    const after = [await counters(a), await counters(b), await counters(c)] as const;
    expect(after[0].rxPackets - before[0].rxPackets).toBe(4);
    expect(after[0].rxBytes - before[0].rxBytes).toBe(bytes);
    expect(after[1].txPackets - before[1].txPackets).toBe(4);
    expect(after[1].txBytes - before[1].txBytes).toBe(bytes);
    expect(after[2].txPackets - before[2].txPackets).toBe(1);
    expect(after[2].txBytes - before[2].txBytes).toBe(end.length);
  });

  test('a flow counts the frames and bytes that it took', async () => {
    await world.switch.cli('add-flow', `priority=50,udp,dl_src=${MAC_A},tp_dst=7777,actions=drop`);
    const between = { source: '10.0.0.1', destination: '10.0.0.2' };
    const datagram = (destinationPort: number) =>
      pad(
        ethernet({ destination: MAC_B, source: MAC_A, ...udp(between, { sourcePort: 1, destinationPort }) }),
      );
    await sendFromA([datagram(7777), datagram(7778), datagram(7777), datagram(7777)]);
    const flow = (await world.switch.flows()).find(({ priority }) => priority === 50);
    expect(flow).toMatchObject({ packets: 3, bytes: 180, actions: 'drop' });
    expect((await world.switch.drops()).find(({ reason }) => reason === 'flow-drop')).toMatchObject({
      port: a.port,
      count: 3,
    });
    await world.switch.cli('del-flows', 'udp');
  });

  test('received = sent − copies + dropped, after traffic of all kinds', async () => {
    const way = { from: a.namespace, to: b.namespace, address: '10.0.0.2', bytes: 5_000_000 };
    expect((await tcpTransfer(way)).problem).toBe('');
    await sendFromA([
      pad(ethernet({ destination: '01:80:c2:00:00:00', source: MAC_A, type: 0x88b5 })),
      pad(ethernet({ destination: MAC_A, source: MAC_A, type: 0x88b5 })),
      pad(ethernet({ destination: MAC_B, source: '03:00:00:00:00:01', type: 0x88b5 })),
    ]);
    const ports = await world.switch.portCounters();
    const sum = (key: 'rxPackets' | 'txPackets') => ports.reduce((total, port) => total + port[key], 0);
    const { copies } = await datapathStats();
    const dropped = (await world.switch.drops()).reduce((total, { count }) => total + count, 0);
    expect(sum('rxPackets')).toBe(sum('txPackets') - copies + dropped);
  });
});
