// What: random tables and frames through the real switch, against the linear pipeline: the first frame of a flow (a
// translation), the second one (the exact-match cache), those after a flush of that cache by other traffic (megaflows),
// and all again after each change of the tables. Why: a cache is right when nobody can tell that it is there.

import { describe, expect, test } from 'vitest';
import { LinearPipeline } from '../support/linear-pipeline.ts';
import { GROUP_MACS, IPV4, IPV6, MACS, PORTS, randomFrame, VLANS } from '../support/random-frame.ts';
import { RandomSource } from '../support/random-source.ts';
import { MemorySwitch } from './memory-switch.ts';

const SWITCH_PORTS = 4;
const TABLES = 4;

function randomMatch(random: RandomSource): string {
  const parts: string[] = [];
  const maybe = (probability: number, make: () => string) => {
    if (random.chance(probability)) parts.push(make());
  };
  maybe(0.3, () => `in_port=${random.integer(1, SWITCH_PORTS)}`);
  maybe(0.2, () => `dl_src=${random.pick(MACS)}`);
  maybe(0.2, () => `dl_dst=${random.pick([...MACS, ...GROUP_MACS, '01:00:00:00:00:00/01:00:00:00:00:00'])}`);
  maybe(0.2, () => random.pick([`dl_vlan=${random.pick(VLANS)}`, 'vlan_tci=0', 'vlan_tci=0x1000/0x1000']));
  maybe(0.2, () => `reg0=${random.pick(['0', '1', '0x0/0x2', '0x2/0x2'])}`);
  maybe(0.15, () => `metadata=${random.pick(['0', '1/1', '2/3'])}`);
  const layer = random.pick(['', 'ip', 'tcp', 'udp', 'ipv6', 'tcp6', 'arp', 'mpls']);
  if (layer !== '') parts.push(layer);
  const bits = () => random.integer(8, 32);
  if (/^(ip|tcp|udp)$/.test(layer)) {
    maybe(0.5, () => `nw_src=${random.pick(IPV4)}/${bits()}`);
    maybe(
      0.5,
      () => `nw_dst=${random.pick(IPV4)}/${random.pick([String(bits()), '0.0.0.3', '255.0.0.255'])}`,
    );
    maybe(0.1, () => `nw_tos=${random.pick([0, 0x20, 0xb8])}`);
  }
  if (layer === 'ipv6' || layer === 'tcp6')
    maybe(0.6, () => `ipv6_dst=${random.pick(IPV6)}/${random.integer(16, 128)}`);
  if (/tcp|udp/.test(layer)) {
    maybe(0.4, () => `tp_src=${random.pick(PORTS)}`);
    maybe(0.4, () => `tp_dst=${random.pick([...PORTS, '0/1', '0x50/0xfff0'])}`);
  }
  return parts.join(',');
}

function randomActions(random: RandomSource, table: number): string {
  const actions: string[] = [];
  if (random.chance(0.3))
    actions.push(
      random.pick(['load:1->NXM_NX_REG0[0]', 'load:3->NXM_NX_REG0[0..1]', 'set_field:0x2/0x2->reg0']),
    );
  if (random.chance(0.2)) actions.push(`set_field:${random.pick(MACS)}->eth_dst`);
  if (random.chance(0.5))
    actions.push(random.pick(['output:1', 'output:2', 'output:3', 'output:9', 'in_port', 'flood']));
  if (table + 1 < TABLES && random.chance(0.3))
    actions.push(`resubmit(,${random.integer(table + 1, TABLES - 1)})`);
  if (random.chance(0.2)) actions.push(`write_metadata:${random.pick(['1', '2/3'])}`);
  if (table + 1 < TABLES && random.chance(0.5))
    actions.push(`goto_table:${random.integer(table + 1, TABLES - 1)}`);
  return actions.length === 0 ? 'drop' : actions.join(',');
}

function randomFlow(random: RandomSource, priority: number): string {
  const table = random.integer(0, TABLES - 1);
  return `table=${table},priority=${priority},${randomMatch(random)},actions=${randomActions(random, table)}`;
}

function load(lab: MemorySwitch, flows: readonly string[]): void {
  const bundle = lab.sw.openBundle('br0', { lines: 'flows', replaceFlows: true });
  lab.sw.addToBundle(bundle, [...flows], 1);
  lab.sw.commitBundle(bundle);
}

describe('the switch does what the linear pipeline does', () => {
  test.each(Array.from({ length: 60 }, (_, i) => i + 1))('seed %i', (seed) => {
    const random = new RandomSource(seed);
    const lab = new MemorySwitch(SWITCH_PORTS, { failMode: 'secure' });
    const frames = Array.from({ length: 60 }, (_, n) => ({
      port: random.integer(1, SWITCH_PORTS),
      frame: randomFrame(random, n),
    }));
    const priorities = random.sample(1, 60_000, 40);
    const flows = priorities.map((priority) => randomFlow(random, priority));
    for (let change = 0; change < 4; change++) {
      load(lab, flows);
      const model = new LinearPipeline(flows, SWITCH_PORTS);
      for (let pass = 0; pass < 3; pass++) {
        for (const [n, { port, frame }] of frames.entries()) {
          const sent = lab.send(`p${port}`, frame).filter((name) => name !== 'br0');
          const ours = sent.map((name) => Number(name.slice(1))).sort((a, b) => a - b);
          expect({ seed, change, pass, n, ports: ours }).toEqual({
            seed,
            change,
            pass,
            n,
            ports: model.outputs(frame, port),
          });
        }
      }
      const at = random.integer(0, flows.length - 1);
      flows[at] = randomFlow(random, priorities[at]!);
      if (random.chance(0.5)) flows.splice(random.integer(0, flows.length - 1), 1);
    }
    const { received, accounted } = lab.balance();
    expect(accounted).toBe(received);
  });
});
