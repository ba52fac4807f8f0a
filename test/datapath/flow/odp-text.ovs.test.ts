// What: megaflows as text, against dpif/dump-flows of Open vSwitch for the same frame and the same mask. Why: scripts
// take that text apart.

import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { extractKey } from '../../../src/datapath/flow/extract.ts';
import { FLOW_WORDS, KEY_TYPE_VLAN } from '../../../src/datapath/flow/key.ts';
import { formatFlowKey } from '../../../src/datapath/flow/key-text.ts';
import { formatDatapathKey } from '../../../src/datapath/flow/odp-text.ts';
import { describeWith } from '../../support/describe-with.ts';
import { DummyOpenVswitch } from '../../support/dummy-ovs.ts';
import { RandomSource } from '../../support/random-source.ts';
import { matchOf } from './match-of.ts';
import { anyFrame } from './random-frames.ts';

/** Terms which frames of random-frames.ts meet or nearly meet. */
const TERMS = {
  '': [
    'dl_src=02:00:00:00:00:0a/ff:00:00:00:00:ff',
    'dl_dst=02:00:00:00:00:0b',
    'dl_vlan=5',
    'vlan_tci=0x1000/0x1000',
  ],
  ip: ['nw_src=10.0.0.1', 'nw_dst=10.0.0.0/23', 'nw_tos=0', 'nw_ecn=0', 'nw_ttl=64', 'nw_proto=17'],
  tcp: ['tp_src=1111', 'tp_dst=0x20/0xffe0', 'tcp_flags=+syn-fin', 'nw_ttl=64'],
  udp: ['tp_src=1111', 'tp_dst=53'],
  sctp: ['tp_dst=772'],
  icmp: ['icmp_type=8', 'icmp_code=0'],
  ipv6: ['ipv6_src=2001:db8::/32', 'ipv6_dst=2001:db8::2', 'ipv6_label=0', 'nw_ttl=64', 'nw_tos=0'],
  tcp6: ['tcp_flags=+syn', 'tp_dst=53'],
  icmp6: ['icmp_type=135', 'icmp_type=135,icmp_code=0,nd_target=2001:db8::9,nd_sll=02:00:00:00:00:0a'],
  arp: ['arp_op=1', 'arp_spa=10.0.0.1', 'arp_tha=00:00:00:00:00:00', 'arp_sha=02:00:00:00:00:0a'],
  mpls: ['mpls_label=17', 'mpls_tc=0', 'mpls_bos=1,mpls_ttl=64'],
};

function randomFlow(random: RandomSource): string {
  const [protocol, terms] = random.pick(Object.entries(TERMS));
  const match = [protocol, ...terms.filter(() => random.chance(0.5))].filter((term) => term !== '');
  return [`priority=${random.integer(1, 9)}`, ...match, `actions=output:${random.integer(1, 3)}`].join(',');
}

describeWith(['ovs'], 'against dpif/dump-flows', () => {
  let ovs: DummyOpenVswitch;
  beforeAll(async () => {
    ovs = await DummyOpenVswitch.start(3);
    const database = `--db=unix:${join(dirname(ovs.managementSocket.slice('unix:'.length)), 'db.sock')}`;
    const words = ['remove', 'Open_vSwitch', '.', 'other_config', 'flow-limit'];
    await ovs.spawn('ovs-vsctl', database, ...words).exited;
  });
  afterAll(() => ovs?.stop());

  test('the megaflows of random frames under random flows', async () => {
    const random = new RandomSource(11);
    const frames = fc.sample(anyFrame, { numRuns: 120, seed: 11 });
    let compared = 0;
    for (const bytes of frames) {
      const flows = Array.from({ length: 6 }, () => randomFlow(random));
      await ovs.ofctl(['-O', 'OpenFlow15', 'replace-flows', '-'], `${flows.join('\n')}\n`);
      // Until then Open vSwitch may still look at tables of flows that are gone.
      await ovs.appctl('revalidator/wait');
      await ovs.appctl('revalidator/purge');
      const frame = Buffer.from(bytes).toString('hex');
      const megaflow = /^Megaflow: (.*)$/m.exec(
        await ovs.appctl('ofproto/trace', 'br0', 'in_port=2', frame),
      )![1]!;
      await ovs.inject(2, bytes);
      let dumped = '';
      for (let tries = 0; tries < 50 && dumped === ''; tries++) {
        dumped = (await ovs.appctl('dpif/dump-flows', 'br0')).split(', packets')[0]!;
      }
      // What a flow of a table cannot ask for is not parsed back: parts of an ICMP type.
      if (dumped === '' || /icmp_(type|code)=0x/.test(megaflow)) continue;
      const match = matchOf(megaflow.replace('recirc_id=0,', ''));
      const key = new Int32Array(FLOW_WORDS);
      extractKey(new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length, 2, key, 0);
      expect({ frame, flows, shown: formatFlowKey(key, match.mask) }).toEqual({
        frame,
        flows,
        shown: megaflow,
      });
      // The datapath of Open vSwitch looks at the VLAN number even where its translation did not ask for that.
      if ((match.mask[KEY_TYPE_VLAN]! & 0xffff) === 0) match.mask[KEY_TYPE_VLAN]! |= 0x1fff;
      expect({ frame, flows, shown: formatDatapathKey(key, match.mask) }).toEqual({
        frame,
        flows,
        shown: dumped,
      });
      compared++;
    }
    expect(compared).toBeGreaterThan(60);
  }, 60_000);
});
