// What: what the host itself hears of its switch ports, and what the switch knows of taps that it gave away. Why: a
// packet socket gets copies only; if the host's own stack heard the originals, it would answer past the switch.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { SwitchLab } from '../support/switch-lab.ts';
import { ping } from '../support/traffic.ts';

let world: SwitchLab;
beforeEach(async () => {
  world = await SwitchLab.create();
});
afterEach(() => world?.dispose());

describeWith(['root', 'netns', 'tap', 'ping', 'tcx'], 'the host of the switch', () => {
  test('answers through its internal port, and not on the other ports', async () => {
    const a = await world.addHost('a', 'veth', { address: '10.0.0.1/24' });
    await world.addHost('local', 'internal', { address: '10.0.0.254/24' });
    // Linux answers ARP for any of its addresses on any device that hears the question.
    world.namespace.addAddress('lo', '10.0.0.253/32');
    world.namespace.setLink('br0', 'down');
    expect((await ping(a.namespace, '10.0.0.253')).received).toBe(0);
    expect(a.namespace.ip('neigh', 'show', '10.0.0.253')).not.toContain('lladdr');
    world.namespace.setLink('br0', 'up');
    await world.switch.waitForPort('br0', ({ link }) => link.up);
    expect((await ping(a.namespace, '10.0.0.254')).received).toBe(3);
    expect(a.namespace.ip('neigh', 'show', '10.0.0.254')).toContain(world.namespace.mac('br0'));
  });
});

describeWith(['root', 'netns', 'tap'], 'a tap in another namespace', () => {
  test('shows its link state there', async () => {
    const { namespace, device, port } = await world.addHost('b', 'tap');
    namespace.setLink(device, 'down');
    await world.switch.waitForPort(port, ({ link }) => link.attached && !link.up);
    namespace.setLink(device, 'up');
    await world.switch.waitForPort(port, ({ link }) => link.up);
    namespace.ip('link', 'delete', device);
    const { link } = await world.switch.waitForPort(port, ({ link: { attached } }) => !attached);
    expect(link.error).toContain('No such device');
  });
});
