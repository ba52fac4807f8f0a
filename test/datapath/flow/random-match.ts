// What: random match texts over all fields and masks, seeded. Why: printing and parsing must agree with Open vSwitch
// for every combination. Who: match-text.ovs.test.ts and match-text.test.ts.

import type { RandomSource } from '../../support/random-source.ts';

type Term = (random: RandomSource) => string;

const hex = (random: RandomSource, digits: number) =>
  Array.from({ length: digits }, () => random.integer(0, 15).toString(16)).join('');
const number =
  (maximum: number): Term =>
  (random) =>
    random.chance(0.3) ? String(random.integer(0, Math.min(maximum, 3))) : String(random.integer(0, maximum));
const mac: Term = (random) => Array.from({ length: 6 }, () => hex(random, 2)).join(':');
const masked =
  (plain: Term, mask: Term = plain): Term =>
  (random) =>
    random.chance(0.5) ? plain(random) : `${plain(random)}/${mask(random)}`;
const hexNumber =
  (digits: number): Term =>
  (random) =>
    random.chance(0.2) ? '0' : `0x${hex(random, random.integer(1, digits))}`;
const ipv4: Term = (random) =>
  Array.from({ length: 4 }, () => random.pick([0, 10, random.integer(0, 255)])).join('.');
const ipv4Mask: Term = (random) => (random.chance(0.6) ? String(random.integer(0, 32)) : ipv4(random));
const ipv6: Term = (random) => {
  const groups = Array.from({ length: 8 }, () =>
    random.chance(0.6) ? '0' : hex(random, random.integer(1, 4)),
  );
  if (random.chance(0.2)) return `::${random.chance(0.5) ? 'ffff:' : ''}${ipv4(random)}`;
  if (random.chance(0.4))
    return `${groups.slice(0, random.integer(0, 4)).join(':')}::${groups.slice(6).join(':')}`;
  return groups.join(':');
};
/** Open vSwitch reads a mask that starts with a decimal digit as a prefix length, and then refuses it. */
const ipv6Mask: Term = (random) =>
  random.chance(0.6) ? String(random.integer(0, 128)) : ipv6(random).replace(/^[0-9]/, 'f');
const FLAG_NAMES = 'fin syn rst psh ack urg ece cwr ns [200] [400] [800]'.split(' ');
const tcpFlags: Term = (random) => {
  const names = FLAG_NAMES.filter(() => random.chance(0.3));
  if (random.chance(0.3)) return masked(hexNumber(3))(random);
  if (names.length === 0) return '0';
  return random.chance(0.5) ? names.join('|') : names.map((name) => random.pick(['+', '-']) + name).join('');
};

const ANYWHERE: Record<string, Term> = {
  in_port: (random) => random.pick(['1', '7', '65279', 'LOCAL', 'CONTROLLER', 'ANY']),
  dl_src: masked(mac),
  dl_dst: masked(mac),
  metadata: masked(hexNumber(16)),
  tun_id: masked(hexNumber(16)),
  pkt_mark: masked(hexNumber(8)),
  conj_id: number(0xffff_ffff),
  actset_output: (random) => random.pick(['3', 'LOCAL', 'UNSET']),
  reg0: masked(hexNumber(8)),
  reg7: masked(hexNumber(8)),
  reg15: masked(number(0xffff_ffff)),
  xreg1: masked(hexNumber(16)),
  xreg7: masked(hexNumber(16)),
  xxreg2: masked(hexNumber(32)),
};
const VLAN: Record<string, Term> = {
  vlan_tci: masked(hexNumber(4)),
  dl_vlan: (random) => random.pick(['0', '5', '4095', '0xffff']),
  dl_vlan_pcp: number(7),
  vlan_vid: (random) => random.pick(['0', '4101', '0x1005/0x100f', '0/0x1000', '0x1000/0x1000', '5/0xff']),
  vlan_pcp: number(7),
};
const IP: Record<string, Term> = {
  nw_tos: (random) => String(4 * random.integer(0, 63)),
  ip_dscp: number(63),
  nw_ecn: number(3),
  nw_ttl: number(255),
  nw_frag: (random) => random.pick(['no', 'yes', 'first', 'later', 'not_later']),
};
const V4: Record<string, Term> = { ...IP, nw_src: masked(ipv4, ipv4Mask), nw_dst: masked(ipv4, ipv4Mask) };
const V6: Record<string, Term> = {
  ...IP,
  ipv6_src: masked(ipv6, ipv6Mask),
  ipv6_dst: masked(ipv6, ipv6Mask),
  ipv6_label: masked(hexNumber(5)),
};
const PORT = masked(number(65_535), hexNumber(4));
const PORTS = { tp_src: PORT, tp_dst: PORT };
const ICMP = { icmp_type: number(255), icmp_code: number(255) };
const ND = { icmp_code: () => '0', nd_target: masked(ipv6, ipv6Mask) };
const ARP: Record<string, Term> = {
  arp_op: number(255),
  arp_spa: masked(ipv4, ipv4Mask),
  arp_tpa: masked(ipv4, ipv4Mask),
  arp_sha: masked(mac),
  arp_tha: masked(mac),
};
const MPLS = { mpls_label: number(0xf_ffff), mpls_tc: number(7), mpls_bos: number(1), mpls_ttl: number(255) };

/** What stands for the protocol, and the fields that it allows. */
const PROTOCOLS: readonly (readonly [string, Record<string, Term>])[] = [
  ['', {}],
  ['dl_type=0x88cc', {}],
  ['ip', V4],
  ['ip,nw_proto=47', V4],
  ['dl_type=0x0800,nw_proto=6', { ...V4, tcp_src: PORT, tcp_dst: PORT, tcp_flags: tcpFlags }],
  ['tcp', { ...V4, ...PORTS, tcp_flags: tcpFlags }],
  ['udp', { ...V4, udp_src: PORT, udp_dst: PORT }],
  ['sctp', { ...V4, sctp_src: PORT, sctp_dst: PORT }],
  ['icmp', { ...V4, ...ICMP }],
  ['ipv6', V6],
  ['ipv6,nw_proto=0', V6],
  ['tcp6', { ...V6, ...PORTS, tcp_flags: tcpFlags }],
  ['udp6', { ...V6, ...PORTS }],
  ['sctp6', { ...V6, ...PORTS }],
  ['icmp6', { ...V6, icmpv6_type: number(255), icmpv6_code: number(255) }],
  ['icmp6,icmp_type=135', { ...V6, ...ND, nd_sll: masked(mac) }],
  ['icmp6,icmpv6_type=136', { ...V6, ...ND, nd_tll: masked(mac) }],
  ['arp', ARP],
  ['rarp', ARP],
  ['arp', { nw_src: masked(ipv4, ipv4Mask), nw_dst: masked(ipv4, ipv4Mask), nw_proto: number(255) }],
  ['mpls', MPLS],
  ['mplsm', MPLS],
];

/** A match that Open vSwitch takes as it is. */
export function randomMatchText(random: RandomSource): string {
  const [protocol, fields] = random.pick(PROTOCOLS);
  const parts = protocol === '' ? [] : [protocol];
  const add = (terms: Record<string, Term>, probability: number) => {
    for (const [name, term] of Object.entries(terms)) {
      if (random.chance(probability)) parts.push(`${name}=${term(random)}`);
    }
  };
  add(fields, 0.35);
  add(ANYWHERE, random.pick([0.02, 0.2]));
  if (random.chance(0.3)) add(VLAN, 0.3);
  return parts.join(',');
}
