// What: random flow tables with groups and meters, in the text of ovs-ofctl, over the same pools as random-frame.ts.
// Why: Open vSwitch and this switch get the same text and must do the same with the same frames. Who: oracle tests.
// What OpenFlow leaves open is left out: no two flows of a table share a priority, a select group has one bucket. So is
// what Open vSwitch 3.1 does not survive: an action set beside what needs a recirculation (the controller, to which
// dec_ttl sends too, pop_mpls, a group that chooses by dp_hash); and tags pushed beside the controller, after which it leaves transport ports alone. A frame
// gets no third tag, since Open vSwitch knows of two.

import { GROUP_MACS, IPV4, IPV6, LABELS, MACS, PORTS, TOS, TTLS, VLANS } from './random-frame.ts';
import type { RandomSource } from './random-source.ts';

export interface Pipeline {
  /** In which ovs-ofctl sends it: it rewrites some actions (mod_vlan_vid) for the versions that lack them. */
  protocol: 'OpenFlow10' | 'OpenFlow13';
  groups: string[];
  meters: string[];
  flows: string[];
}

/** Ports 1 to this number are used. */
export const PIPELINE_PORTS = 4;
const TABLES = 4;
const GROUPS = 4;
/** A meter that never drops: what it counts is compared, what it drops depends on time. */
const METERS = ['meter=1,kbps,burst,stats,bands=type=drop,rate=100000000,burst_size=100000000'];

/** What the match says of the frame, so that the actions fit. */
interface Layers {
  text: string[];
  tagged: boolean;
  l3: 'none' | 'ipv4' | 'ipv6' | 'arp' | 'mpls';
  l4: 'none' | 'tcp' | 'udp' | 'sctp' | 'icmp' | 'icmpv6' | 'nd';
}

export function randomPipeline(random: RandomSource, flowsPerTable: number): Pipeline {
  const usesController = random.chance(0.5);
  const groups = Array.from({ length: GROUPS }, (_, i) => randomGroup(random, i + 1, usesController));
  const flows: string[] = [];
  for (let table = 0; table < TABLES; table++) {
    for (const priority of random.sample(1, 60_000, flowsPerTable)) {
      const match = randomMatch(random, table);
      const actions = randomActions(random, match, table, usesController);
      const cookie = `0x${(flows.length + 1).toString(16)}`;
      flows.push(
        [`table=${table},cookie=${cookie},priority=${priority}`, ...match.text, `actions=${actions}`].join(
          ',',
        ),
      );
    }
    // Most frames are to reach the last table and then something.
    if (random.chance(0.9)) {
      const miss =
        table + 1 < TABLES
          ? `goto_table:${table + 1}`
          : random.pick(['flood', 'output:NXM_NX_REG0[0..2]', 'in_port', 'drop']);
      flows.push(`table=${table},cookie=0x${(flows.length + 1).toString(16)},priority=0,actions=${miss}`);
    }
  }
  return { protocol: 'OpenFlow13', groups, meters: METERS, flows };
}

function randomGroup(random: RandomSource, id: number, usesController: boolean): string {
  const type = random.pick(['all', 'all', 'indirect', 'select', 'ff']);
  const count = type === 'indirect' || type === 'select' ? 1 : random.integer(1, 3);
  const buckets = Array.from({ length: count }, () => {
    const watch = type === 'ff' ? `watch_port:${randomPort(random)},` : '';
    const change = random.pick([
      `set_field:${random.pick(MACS)}->eth_dst,`,
      ...(usesController ? [] : ['push_vlan:0x8100,set_field:4196->vlan_vid,']),
      '',
    ]);
    return `bucket=${watch}actions=${change}output:${randomPort(random)}`;
  });
  const method = type === 'select' ? 'selection_method=hash,fields(eth_dst),' : '';
  return `group_id=${id},type=${type},${method}${buckets.join(',')}`;
}

function randomPort(random: RandomSource): number {
  return random.integer(1, PIPELINE_PORTS);
}

function randomMatch(random: RandomSource, table: number): Layers {
  const match: Layers = { text: [], tagged: false, l3: 'none', l4: 'none' };
  const { text } = match;
  const maybe = (probability: number, make: () => string) => {
    if (random.chance(probability)) text.push(make());
  };
  maybe(0.4, () => `in_port=${randomPort(random)}`);
  maybe(0.2, () => `dl_src=${random.pick([...MACS, '02:00:00:00:00:01/ff:ff:ff:ff:ff:01'])}`);
  maybe(0.25, () => `dl_dst=${random.pick([...MACS, ...GROUP_MACS, '01:00:00:00:00:00/01:00:00:00:00:00'])}`);
  if (random.chance(0.3)) matchVlan(random, match);
  const layer = random.pick([
    matchNothing,
    matchNothing,
    matchIpv4,
    matchIpv4,
    matchIpv4,
    matchIpv6,
    matchIpv6,
    matchArp,
    matchMpls,
  ]);
  layer(random, match);
  if (table > 0) {
    maybe(0.2, () => `metadata=${random.pick(['1', '2', '0x1/0x1', '0/0x2'])}`);
    maybe(0.2, () => `reg${random.integer(0, 3)}=${random.pick(['0', '0/0xff', '1', '0x100/0x100'])}`);
    maybe(0.1, () => `xreg1=${random.pick(['0', '0x100000000/0x100000000'])}`);
    maybe(0.05, () => `tun_id=${random.pick(['0', '5'])}`);
    maybe(0.05, () => `pkt_mark=${random.pick(['0', '0x10/0xf0'])}`);
  }
  return match;
}

function matchNothing(): void {}

function matchVlan(random: RandomSource, match: Layers): void {
  const id = random.pick(VLANS);
  const text = random.pick([
    `dl_vlan=${id}`,
    `vlan_vid=${0x1000 | id}`,
    'vlan_vid=0x1000/0x1000',
    'dl_vlan=0xffff',
    'vlan_tci=0',
    `vlan_tci=${0x1000 | id}/0x1fff`,
  ]);
  match.text.push(text);
  match.tagged = !/0xffff$|tci=0$/.test(text);
  if (match.tagged && !text.startsWith('vlan_tci') && random.chance(0.3))
    match.text.push(`dl_vlan_pcp=${random.pick([0, 3, 7])}`);
}

function matchIpv4(random: RandomSource, match: Layers): void {
  match.l3 = 'ipv4';
  match.l4 = random.pick(['none', 'tcp', 'tcp', 'udp', 'udp', 'sctp', 'icmp']);
  match.text.push(match.l4 === 'none' ? 'ip' : match.l4);
  if (random.chance(0.4))
    match.text.push(`nw_src=${random.pick([...IPV4, '10.0.0.0/24', '10.0.0.0/8', '0.0.0.1/0.0.0.3'])}`);
  if (random.chance(0.4))
    match.text.push(`nw_dst=${random.pick([...IPV4, '10.0.0.0/16', '0.0.0.1/0.0.0.1'])}`);
  matchIpCommon(random, match);
  if (match.l4 === 'icmp' && random.chance(0.5)) match.text.push(`icmp_type=${random.pick([0, 3, 8])}`);
  if (match.l4 === 'icmp' && random.chance(0.2)) match.text.push(`icmp_code=${random.pick([0, 1])}`);
}

function matchIpv6(random: RandomSource, match: Layers): void {
  match.l3 = 'ipv6';
  match.l4 = random.pick(['none', 'tcp', 'udp', 'sctp', 'icmpv6', 'nd', 'nd']);
  const word = {
    none: 'ipv6',
    tcp: 'tcp6',
    udp: 'udp6',
    sctp: 'sctp6',
    icmpv6: 'icmp6',
    nd: 'icmp6',
    icmp: '',
  };
  match.text.push(word[match.l4]);
  if (random.chance(0.4)) match.text.push(`ipv6_src=${random.pick([...IPV6, '2001:db8::/64', '::1/::3'])}`);
  if (random.chance(0.4)) match.text.push(`ipv6_dst=${random.pick([...IPV6, 'ff02::1', '2001:db8::/32'])}`);
  if (random.chance(0.15)) match.text.push(`ipv6_label=${random.pick(['0x12345', '0x12000/0xff000', '0'])}`);
  matchIpCommon(random, match);
  if (match.l4 === 'icmpv6' && random.chance(0.5))
    match.text.push(`icmp_type=${random.pick([128, 129, 135, 136])}`);
  if (match.l4 === 'nd') matchNeighbour(random, match);
}

function matchNeighbour(random: RandomSource, match: Layers): void {
  const type = random.pick([135, 136]);
  match.text.push(`icmp_type=${type},icmp_code=0`);
  if (random.chance(0.6)) match.text.push(`nd_target=${random.pick([...IPV6, '2001:db8::/32'])}`);
  if (random.chance(0.3)) match.text.push(`${type === 135 ? 'nd_sll' : 'nd_tll'}=${random.pick(MACS)}`);
}

/** Fields that IPv4 and IPv6 share, and ports. */
function matchIpCommon(random: RandomSource, match: Layers): void {
  const { text, l4 } = match;
  const maybe = (probability: number, make: () => string) => {
    if (random.chance(probability)) text.push(make());
  };
  maybe(0.12, () => `nw_tos=${random.pick(TOS) & 0xfc}`);
  maybe(0.08, () => `nw_ecn=${random.pick([0, 3])}`);
  maybe(0.08, () => `nw_ttl=${random.pick(TTLS)}`);
  const fragment = random.pick([
    'no',
    'first',
    'yes',
    'not_later',
    ...(l4 === 'none' ? ['later', 'later'] : []),
  ]);
  maybe(0.12, () => `ip_frag=${fragment}`);
  if (l4 === 'tcp' || l4 === 'udp' || l4 === 'sctp') {
    maybe(0.3, () => `tp_src=${random.pick([...PORTS, '0x50/0xfff0'])}`);
    maybe(0.5, () => `tp_dst=${random.pick([...PORTS, '0x0/0x1', '0x50/0xfff0'])}`);
  }
  if (l4 === 'tcp')
    maybe(0.2, () => `tcp_flags=${random.pick(['+syn-ack', '+ack', '+fin', '-rst', '0x002/0x002', '0x10'])}`);
}

function matchArp(random: RandomSource, match: Layers): void {
  match.l3 = 'arp';
  match.text.push('arp');
  if (random.chance(0.5)) match.text.push(`arp_op=${random.pick([1, 2])}`);
  if (random.chance(0.3)) match.text.push(`arp_spa=${random.pick([...IPV4, '10.0.0.0/8'])}`);
  if (random.chance(0.3)) match.text.push(`arp_tpa=${random.pick(IPV4)}`);
  if (random.chance(0.2)) match.text.push(`arp_sha=${random.pick(MACS)}`);
  if (random.chance(0.2)) match.text.push(`arp_tha=${random.pick(MACS)}`);
}

function matchMpls(random: RandomSource, match: Layers): void {
  match.l3 = 'mpls';
  match.text.push(random.pick(['mpls', 'mpls', 'mplsm']));
  if (random.chance(0.5)) match.text.push(`mpls_label=${random.pick(LABELS)}`);
  if (random.chance(0.3)) match.text.push(`mpls_bos=${random.pick([0, 1])}`);
  if (random.chance(0.2)) match.text.push(`mpls_tc=${random.pick([0, 5])}`);
}

function randomActions(random: RandomSource, match: Layers, table: number, usesController: boolean): string {
  const actions: string[] = [];
  if (random.chance(0.05)) actions.push('meter:1');
  // Open vSwitch cuts before it carries out changes of tags, and so cuts off more: only where nothing changed yet.
  if (table === 0 && random.chance(0.08)) {
    actions.push(`output(port=${randomPort(random)},max_len=${random.pick([70, 1000])})`);
  }
  const layers = { ...match };
  for (let i = random.pick([0, 1, 1, 2, 3]); i > 0; i--) {
    actions.push(randomChange(random, layers, table, actions, usesController));
    if (random.chance(0.3)) actions.push(randomOutput(random, usesController));
  }
  if (random.chance(0.6)) actions.push(randomOutput(random, usesController));
  const further = (probability: number, make: () => string) => {
    if (random.chance(probability)) actions.push(make());
  };
  if (table + 1 < TABLES)
    further(
      0.25,
      () =>
        `resubmit(${random.pick(['', '', `${randomPort(random)}`])},${random.integer(table + 1, TABLES - 1)})`,
    );
  further(0.15, () => `group:${random.integer(1, GROUPS)}`);
  further(0.08, () => `clone(${randomEthernetChange(random)},output:${randomPort(random)})`);
  further(0.06, () => `check_pkt_larger(${random.pick([80, 150])})->NXM_NX_REG0[${random.integer(0, 8)}]`);
  further(0.04, () => `multipath(symmetric_l4,50,modulo_n,1,0,NXM_NX_REG2[0..3])`);
  further(
    0.04,
    () => `bundle(symmetric_l4,0,active_backup,ofport,members:${randomPort(random)},${randomPort(random)})`,
  );
  further(0.03, () => `enqueue:${randomPort(random)}:1`);
  further(0.03, () => 'set_queue:3');
  further(0.03, () => 'exit');
  further(0.02, () => 'note:01.02.03');
  further(0.03, () => randomOutput(random, usesController));
  further(0.08, () => 'clear_actions');
  further(
    usesController ? 0 : 0.2,
    () =>
      `write_actions(${random.chance(0.5) ? `${randomEthernetChange(random)},` : ''}output:${randomPort(random)})`,
  );
  further(0.15, () => `write_metadata:${random.pick(['0x1', '0x2', '0x3', '0x3/0x1'])}`);
  if (table + 1 < TABLES) further(0.6, () => `goto_table:${random.integer(table + 1, TABLES - 1)}`);
  return actions.length === 0 ? 'drop' : actions.join(',');
}

function randomOutput(random: RandomSource, usesController: boolean): string {
  const port = `output:${randomPort(random)}`;
  return random.pick([
    port,
    port,
    port,
    port,
    port,
    'in_port',
    'flood',
    'all',
    ...(usesController ? ['CONTROLLER:65535', 'controller(max_len=128,reason=action,id=0)'] : []),
    'output:NXM_NX_REG0[0..2]',
    'output:9',
    'local',
  ]);
}

function randomEthernetChange(random: RandomSource): string {
  return random.pick([
    `set_field:${random.pick(MACS)}->eth_src`,
    `set_field:${random.pick(MACS)}->eth_dst`,
    `mod_dl_dst:${random.pick(MACS)}`,
    'set_field:00:00:00:00:07:00/00:00:00:00:ff:00->eth_dst',
  ]);
}

/** A change that the layers allow; keeps `layers` true after it. */
function randomChange(
  random: RandomSource,
  layers: Layers,
  table: number,
  before: readonly string[],
  usesController: boolean,
): string {
  const choices = [randomEthernetChange(random), randomEthernetChange(random), ...registerChanges(random)];
  const popped = before.some((action) => action === 'pop_vlan' || action === 'strip_vlan');
  if (layers.tagged && !popped)
    choices.push(
      'strip_vlan',
      'pop_vlan',
      `set_field:${0x1000 | random.pick(VLANS)}->vlan_vid`,
      'set_field:5->vlan_pcp',
    );

  choices.push(...layerChanges(random, layers));
  const untagged = layers.text.some((text) => text === 'vlan_tci=0' || text === 'dl_vlan=0xffff');
  if (
    table === 0 &&
    untagged &&
    !usesController &&
    !before.some((action) => action.startsWith('push_vlan'))
  ) {
    choices.push('push_vlan:0x8100,set_field:4196->vlan_vid');
  }
  const forbidden = usesController ? /^$/ : /^(dec_|pop_mpls)/;
  const change = random.pick(choices.filter((choice) => !forbidden.test(choice)));
  if (change === 'pop_vlan' || change === 'strip_vlan') layers.tagged = false;
  if (change.startsWith('push_mpls')) Object.assign(layers, { l3: 'mpls', l4: 'none' });
  if (change.startsWith('pop_mpls')) Object.assign(layers, { l3: 'none', l4: 'none' });
  return change;
}

function registerChanges(random: RandomSource): string[] {
  const reg = random.integer(0, 3);
  return [
    `load:${random.integer(0, 0xffff_ffff)}->NXM_NX_REG${reg}[]`,
    `load:${random.pick([0, 1, 3])}->NXM_NX_REG${reg}[0..1]`,
    `set_field:0x1->reg${reg}`,
    `set_field:0x100/0x100->reg${reg}`,
    'set_field:0x100000000/0x100000000->xreg1',
    'move:NXM_OF_ETH_SRC[0..15]->NXM_NX_REG1[0..15]',
    'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
    'move:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]',
    'push:NXM_OF_ETH_SRC[],pop:NXM_OF_ETH_DST[]',
    'push:NXM_NX_REG0[],pop:NXM_NX_REG3[]',
    `load:${random.integer(0, 255)}->NXM_OF_ETH_DST[0..7]`,
    'set_field:5->tun_id',
    'set_field:0x10->pkt_mark',
  ];
}

function layerChanges(random: RandomSource, { l3, l4, tagged }: Layers): string[] {
  const choices: string[] = [];
  if (l3 === 'ipv4') {
    choices.push(
      `set_field:${random.pick(IPV4)}->ip_src`,
      `mod_nw_dst:${random.pick(IPV4)}`,
      'set_field:0.0.0.9/0.0.0.255->ip_dst',
      'move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]',
      'load:0x3->NXM_OF_IP_SRC[0..7]',
      'push_mpls:0x8847,set_field:77->mpls_label',
    );
  }
  if (l3 === 'ipv6') {
    choices.push(
      `set_field:${random.pick(IPV6)}->ipv6_src`,
      `set_field:${random.pick(IPV6)}->ipv6_dst`,
      'set_field:0x54321->ipv6_label',
    );
  }
  if (l3 === 'ipv4' || l3 === 'ipv6') {
    choices.push(
      'dec_ttl',
      'dec_ttl',
      `mod_nw_ttl:${random.pick([1, 9])}`,
      `mod_nw_tos:${random.pick([0, 32, 184])}`,
      'set_field:46->ip_dscp',
      'mod_nw_ecn:2',
      'set_field:1->nw_ecn',
    );
  }
  if (l4 === 'tcp' || l4 === 'udp' || l4 === 'sctp') {
    choices.push(`set_field:${random.pick(PORTS)}->${l4}_src`, `set_field:${random.pick(PORTS)}->${l4}_dst`);
    if (l4 !== 'sctp') choices.push(`mod_tp_dst:${random.pick(PORTS)}`);
  }
  if (l4 === 'icmp') choices.push(`set_field:${random.pick([0, 3, 8])}->icmp_type`, 'set_field:1->icmp_code');
  if (l4 === 'nd') choices.push(`set_field:${random.pick(IPV6)}->nd_target`);
  if (l3 === 'arp') {
    choices.push(
      `set_field:${random.pick([1, 2])}->arp_op`,
      `set_field:${random.pick(IPV4)}->arp_spa`,
      `set_field:${random.pick(MACS)}->arp_tha`,
      'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
    );
  }
  if (l3 === 'mpls') {
    choices.push(
      `set_field:${random.pick(LABELS)}->mpls_label`,
      'dec_mpls_ttl',
      `set_mpls_ttl:${random.pick([7, 200])}`,
      'set_field:3->mpls_tc',
    );
    if (!tagged) choices.push('pop_mpls:0x0800', 'pop_mpls:0x8847');
  }
  return choices;
}
