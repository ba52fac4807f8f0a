// What: ports that go down, vanish, come back, are deleted and added again, while a TCP connection runs across them.
// Why: that is the life of devices of containers and VMs; no byte may be lost for good, and the switch must say what
// is wrong in the meantime.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { type Host, SwitchLab } from '../support/switch-lab.ts';
import { reachable, TransferStream } from '../support/traffic.ts';

const CHUNK = 2_000_000;

describeWith(['root', 'netns', 'tap', 'ping', 'g++'], 'while a TCP connection runs', () => {
  let world: SwitchLab;
  let a: Host;
  let b: Host;
  let stream: TransferStream;
  beforeEach(async () => {
    world = await SwitchLab.create();
    a = await world.addHost('a', 'veth', { address: '10.0.0.1/24', mac: '02:00:00:00:00:0a' });
    b = await world.addHost('b', 'tap', { address: '10.0.0.2/24' });
    stream = await TransferStream.open('tcp', { from: a.namespace, to: b.namespace, address: '10.0.0.2' });
    await stream.send(CHUNK);
  });
  afterEach(() => world?.dispose());

  const received = async (count: number) => {
    while (stream.received < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  /**
   * Breaks the path of a connection that works, sends more than the sockets hold, mends it, and expects that all
   * arrives.
   */
  async function survive(breakPath: () => Promise<unknown>, mend: () => Promise<unknown>): Promise<void> {
    await received(CHUNK);
    await breakPath();
    const sending = stream.send(10 * CHUNK);
    expect(stream.received).toBe(CHUNK);
    await mend();
    await sending;
    await expectWhole(11 * CHUNK);
  }

  async function expectWhole(bytes: number): Promise<void> {
    const result = await stream.finish();
    expect(result.problem).toBe('');
    expect(result.received).toBe(bytes);
    expect(result.sha256Received).toBe(result.sha256Sent);
  }

  test('the device of a port goes down and up', () =>
    survive(
      async () => {
        world.namespace.setLink(a.port, 'down');
        const down = await world.switch.waitForPort(a.port, ({ link }) => !link.up);
        expect(down.link).toMatchObject({ attached: true, adminUp: false });
        expect(await world.switch.cli('show')).toMatch(/Interface s-a\n( +error: .*\n)? +link_state: down/);
      },
      async () => {
        world.namespace.setLink(a.port, 'up');
        await world.switch.waitForPort(a.port, ({ link }) => link.up);
      },
    ));

  test('a host takes its own end down and up', () =>
    survive(
      async () => {
        a.namespace.setLink('eth0', 'down');
        const down = await world.switch.waitForPort(a.port, ({ link }) => !link.up);
        expect(down.link).toMatchObject({ attached: true, adminUp: true });
      },
      async () => {
        a.namespace.setLink('eth0', 'up');
        await world.switch.waitForPort(a.port, ({ link }) => link.up);
      },
    ));

  test('the device of a port vanishes and is created again', () =>
    survive(
      async () => {
        world.namespace.ip('link', 'del', a.port);
        const gone = await world.switch.waitForPort(a.port, ({ link }) => !link.attached);
        expect(gone.link.error).toContain(a.port);
        expect(await world.switch.cli('show')).toMatch(/Interface s-a\n +error: ".+"/);
      },
      async () => {
        const end = {
          namespace: a.namespace,
          name: 'eth0',
          address: '10.0.0.1/24',
          mac: '02:00:00:00:00:0a',
        };
        world.lab.veth(end, { namespace: world.namespace, name: a.port });
        const back = await world.switch.waitForPort(a.port, ({ link }) => link.up);
        expect(back.link).toMatchObject({ attached: true, error: '' });
      },
    ));

  test('the port is deleted and added again, with its number', async () => {
    const { ofport } = await world.switch.port(a.port);
    await survive(
      async () => {
        await world.switch.cli('del-port', a.port);
        expect(await world.switch.cli('list-ports')).toBe(`${b.port}\n`);
      },
      () => world.switch.cli('add-port', a.port, '--ofport', String(ofport)),
    );
    expect((await world.switch.port(a.port)).ofport).toBe(ofport);
  });

  test('a flow drops the connection, and is deleted', () =>
    survive(
      () => world.switch.cli('add-flow', 'priority=10,tcp,actions=drop'),
      () => world.switch.cli('del-flows', 'tcp'),
    ));

  test('other ports come and go', async () => {
    for (let round = 0; round < 3; round++) {
      const sending = stream.send(CHUNK);
      const attachment = round % 2 === 0 ? 'veth' : 'tap';
      const other = await world.addHost(`c${round}`, attachment, { address: '10.0.0.3/24' });
      expect(await reachable(other.namespace, '10.0.0.2')).toBe(true);
      await world.switch.cli('del-port', other.port);
      await sending;
    }
    await expectWhole(4 * CHUNK);
  });
});
