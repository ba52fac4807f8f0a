// What: file descriptors, threads, devices and namespaces before and after many changes. Why: a switch runs for
// months, and a descriptor lost per port ends it.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { labResources, processResources } from '../support/leaks.ts';
import { SwitchLab } from '../support/switch-lab.ts';
import { reachable } from '../support/traffic.ts';

const ROUNDS = 6;
const TIMEOUT_MS = 60_000;

describeWith(['root', 'netns', 'tap', 'ping'], 'nothing leaks', () => {
  let world: SwitchLab;
  beforeEach(async () => {
    world = await SwitchLab.create();
  });
  afterEach(() => world?.dispose());

  /** What stays the same when the switch is left alone: a connection of the CLI may end a moment after its answer. */
  async function settled() {
    let last = JSON.stringify(processResources(world.switch.pid));
    for (let same = 0; same < 3; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const now = JSON.stringify(processResources(world.switch.pid));
      same = now === last ? same + 1 : 0;
      last = now;
    }
    return JSON.parse(last) as ReturnType<typeof processResources>;
  }

  test(
    'adding and deleting ports and bridges',
    async () => {
      const change = async () => {
        world.namespace.ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
        await world.switch.cli('add-port', 'v0');
        await world.switch.cli('add-port', 'tap0');
        await world.switch.cli('add-br', 'br1');
        await world.switch.cli('add-port', '--bridge', 'br1', 'v1');
        await world.switch.cli('del-port', 'tap0');
        await world.switch.cli('del-br', 'br1');
        // Once by the command, once by the device that goes.
        world.namespace.ip('link', 'del', 'v0');
        await world.switch.waitForPort('v0', ({ link }) => !link.attached);
        await world.switch.cli('del-port', 'v0');
      };
      await change(); // what is made once, at first use
      const devices = labResources(world.namespace);
      const before = await settled();
      for (let round = 0; round < ROUNDS; round++) await change();
      expect(await settled()).toEqual(before);
      expect(labResources(world.namespace)).toEqual(devices);
    },
    TIMEOUT_MS,
  );

  test('requests that are refused', async () => {
    const refused = async () => {
      expect((await world.switch.run('add-port', 'nope', '--type', 'system')).code).toBe(1);
      expect((await world.switch.run('add-port', 'br0')).code).toBe(1);
      expect((await world.switch.run('add-flow', 'nonsense')).code).toBe(1);
    };
    await refused();
    const before = await settled();
    for (let round = 0; round < ROUNDS; round++) await refused();
    expect(await settled()).toEqual(before);
  });

  test('starts and stops', async () => {
    const a = await world.addHost('a', 'veth', { address: '10.0.0.1/24' });
    await world.addHost('b', 'veth', { address: '10.0.0.2/24' });
    await world.switch.cli('add-port', 'tap0');
    const whileRunning = labResources(world.namespace);
    let before: Awaited<ReturnType<typeof settled>> | undefined;
    for (let round = 0; round < 5; round++) {
      const { code } = await world.switch.stop();
      expect(code).toBe(0);
      expect(world.namespace.devices().sort()).toEqual(['s-a', 's-b']);
      await world.switch.start();
      expect(await reachable(a.namespace, '10.0.0.2')).toBe(true);
      const now = await settled();
      before ??= now;
      expect(now).toEqual(before);
      expect(labResources(world.namespace)).toEqual(whileRunning);
    }
  });
});
