// What: flow texts, addresses and command lines that are wrong, through the real command line and daemon. Why: each
// must say where it is wrong and what was expected, with an exit code, and change nothing.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../support/describe-with.ts';
import { sendFrames } from '../support/packets.ts';
import { SwitchLab } from '../support/switch-lab.ts';
import { reachable } from '../support/traffic.ts';

/** Arguments, what the sentence must name, and for a flow text what of it must be marked. */
const WRONG: [string[], RegExp, string?][] = [
  [['add-flow', ''], /expected "actions="/, ''],
  [['add-flow', 'priority=5'], /expected "actions="/, ''],
  [['add-flow', 'priority=70000,actions=drop'], /0 to 65535/, '70000'],
  [['add-flow', 'priority=x,actions=drop'], /0 to 65535/, 'x'],
  [['add-flow', 'nosuchfield=1,actions=drop'], /expected a match field/, 'nosuchfield'],
  [['add-flow', 'ip,nw_src=300.0.0.1,actions=drop'], /expected an IPv4 address/, '300.0.0.1'],
  [['add-flow', 'ip,nw_src=10.0.0.0/33,actions=drop'], /prefix length 0 to 32/, '10.0.0.0/33'],
  [['add-flow', 'dl_src=02:00:00:00:00,actions=drop'], /expected a MAC address/, '02:00:00:00:00'],
  [['add-flow', 'actions=teleport:1'], /expected an action such as output:2/, 'teleport'],
  [['add-flow', 'actions=output:70000'], /0 to 65279/, '70000'],
  [['add-flow', 'nw_dst=10.0.0.1,actions=drop'], /expected ip or arp/, 'nw_dst'],
  [['add-flow', 'tcp,tp_dst=99999,actions=drop'], /0 to 65535/, '99999'],
  [['del-flows', 'nosuchfield=1'], /expected a match field/, 'nosuchfield'],
  [['dump-flows', 'dl_type=zz'], /0 to 65535/, 'zz'],
  [['fdb', 'add', 's-a', '5000', '02:00:00:00:00:01'], /4095.*5000/],
  [['fdb', 'add', 's-a', '0', 'nomac'], /nomac/],
  [['nosuchcommand'], /nosuchcommand/],
  [['add-port'], /port/],
  [['add-port', 'a', 'b', 'c'], /too many.*'c'/],
  [['show', '--nosuchoption'], /nosuchoption/],
];

/** What of the second line stands over the carets of the third. */
function marked(message: string): string | undefined {
  const [, text, carets] = message.split('\n');
  const start = carets?.indexOf('^') ?? -1;
  return start < 0 ? undefined : text!.slice(start, carets!.length);
}

describeWith(['root', 'netns', 'ping', 'g++'], 'bad input', () => {
  let world: SwitchLab;
  beforeAll(async () => {
    world = await SwitchLab.create();
    await world.addHost('a', 'veth', { address: '10.0.0.1/24' });
    await world.addHost('b', 'veth', { address: '10.0.0.2/24' });
  });
  afterAll(() => world?.dispose());

  for (const [command, named, place] of WRONG) {
    test(`tsswitch ${command.join(' ')}`, async () => {
      const { code, stdout, stderr } = await world.switch.run(...command);
      const [sentence, ...rest] = stderr.trimEnd().split('\n');
      expect(sentence).toMatch(/^tsswitch: /);
      expect(sentence).toMatch(named);
      expect(rest).toHaveLength(place === undefined ? 0 : 2);
      expect(marked(stderr)).toBe(place);
      expect(code).toBeGreaterThan(0);
      expect(stdout).toBe('');
      expect((await world.switch.flows()).map(({ actions }) => actions)).toEqual(['NORMAL']);
      expect(await world.switch.fdb()).toEqual([]);
    });
  }

  test('a frame that is too short harms nobody', async () => {
    // The least that a packet socket sends is an Ethernet header: addresses and type, nothing behind.
    const header = new Uint8Array(14).fill(0xff);
    const truncated = [0x0800, 0x86dd, 0x0806, 0x8100].map((type) => {
      const frame = header.slice();
      frame.set([2, 0, 0, 0, 0, 9, type >> 8, type & 0xff], 6);
      return frame;
    });
    const host = await world.addHost('c', 'veth', { address: '10.0.0.3/24' });
    await sendFrames(host.namespace, 'eth0', truncated);
    expect(await reachable(host.namespace, '10.0.0.2')).toBe(true);
    const counted = (await world.switch.portCounters()).find(({ name }) => name === host.port)!;
    expect(counted.rxPackets).toBeGreaterThanOrEqual(truncated.length);
  });
});
