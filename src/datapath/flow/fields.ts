// What: THE field table: each field that a flow can match on, its names, its bits in the key, how its value is
// written, and what must be matched with it. Why: the parser, the printer and the documentation read this one
// table, so that they cannot disagree. Who: match-text.ts; adding a field is adding a row (and, for a new place in
// the key, its bits to key.ts and extract.ts).
// Invariant: `bit` counts from the highest bit of key word 0.

import { ETH_TYPE_ARP, ETH_TYPE_IPV4, ETH_TYPE_IPV6, ETH_TYPE_RARP } from '../wire/ethernet.ts';
import {
  KEY_ARP_MAC,
  KEY_IPV6_DST,
  KEY_IPV6_SRC,
  KEY_MAC,
  KEY_NW,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TYPE_VLAN,
} from './key.ts';

/** How the value of a field is written. */
export type FieldSyntax =
  | 'decimal'
  | 'hex'
  | 'port'
  | 'mac'
  | 'ipv4'
  | 'ipv6'
  | 'vid'
  | 'pcp'
  | 'dscp'
  | 'frag';

export interface Field {
  /** The name that flow dumps use. */
  name: string;
  /** Other names: OpenFlow's, and those of older Open vSwitch. */
  aliases: readonly string[];
  bit: number;
  width: number;
  syntax: FieldSyntax;
  /** Any mask may follow the value after a slash. */
  maskable: boolean;
  prerequisite?: keyof typeof PREREQUISITES;
  /** What the field is, for people. */
  about: string;
}

/** What must be matched for a field to mean anything: the EtherTypes and IP protocols, and a way to write it. */
export const PREREQUISITES = {
  ip: { types: [ETH_TYPE_IPV4, ETH_TYPE_IPV6], write: 'ip or ipv6' },
  ipv4: { types: [ETH_TYPE_IPV4], write: 'ip' },
  ipv4OrArp: { types: [ETH_TYPE_IPV4, ETH_TYPE_ARP, ETH_TYPE_RARP], write: 'ip or arp' },
  ipOrArp: { types: [ETH_TYPE_IPV4, ETH_TYPE_IPV6, ETH_TYPE_ARP, ETH_TYPE_RARP], write: 'ip, ipv6 or arp' },
  arp: { types: [ETH_TYPE_ARP, ETH_TYPE_RARP], write: 'arp or rarp' },
  ipv6: { types: [ETH_TYPE_IPV6], write: 'ipv6' },
  transport: {
    types: [ETH_TYPE_IPV4, ETH_TYPE_IPV6],
    protos: [1, 6, 17, 58, 132],
    write: 'tcp, udp or sctp (or tcp6, udp6, sctp6)',
  },
  tcp: { types: [ETH_TYPE_IPV4, ETH_TYPE_IPV6], protos: [6], write: 'tcp or tcp6' },
  udp: { types: [ETH_TYPE_IPV4, ETH_TYPE_IPV6], protos: [17], write: 'udp or udp6' },
  sctp: { types: [ETH_TYPE_IPV4, ETH_TYPE_IPV6], protos: [132], write: 'sctp or sctp6' },
  icmp: { types: [ETH_TYPE_IPV4, ETH_TYPE_IPV6], protos: [1, 58], write: 'icmp or icmp6' },
  icmpv6: { types: [ETH_TYPE_IPV6], protos: [58], write: 'icmp6' },
} as const satisfies Record<string, { types: number[]; protos?: number[]; write: string }>;

const TCI = KEY_TYPE_VLAN * 32 + 16;
const NW = KEY_NW * 32;
const TP = KEY_TP * 32;

function row(
  names: string,
  bit: number,
  width: number,
  syntax: FieldSyntax,
  maskable: 'exact' | 'masked',
  about: string,
  prerequisite?: keyof typeof PREREQUISITES,
): Field {
  const [name, ...aliases] = names.split(' ') as [string, ...string[]];
  const field: Field = { name, aliases, bit, width, syntax, maskable: maskable === 'masked', about };
  return prerequisite === undefined ? field : { ...field, prerequisite };
}

/** All fields. Several may share bits (tcp_src and udp_src): the first that fits is the one that is printed. */
export const FIELDS: readonly Field[] = [
  row('in_port', 16, 16, 'port', 'exact', 'port on which the frame came'),
  row('vlan_tci', TCI, 16, 'hex', 'masked', 'tag control information; 0x1000 stands for "has a tag"'),
  row('dl_vlan', TCI + 3, 13, 'vid', 'exact', 'VLAN number 0..4095; 0xffff for "no tag"'),
  row('vlan_vid', TCI + 3, 13, 'decimal', 'masked', 'VLAN number with 0x1000 for "has a tag"'),
  row('dl_vlan_pcp vlan_pcp', TCI, 3, 'pcp', 'exact', 'VLAN priority 0..7'),
  row('dl_src eth_src', KEY_MAC * 32 + 48, 48, 'mac', 'masked', 'source MAC address'),
  row('dl_dst eth_dst', KEY_MAC * 32, 48, 'mac', 'masked', 'destination MAC address'),
  row('dl_type eth_type', KEY_TYPE_VLAN * 32, 16, 'hex', 'exact', 'EtherType'),
  row('ipv6_src', KEY_IPV6_SRC * 32, 128, 'ipv6', 'masked', 'IPv6 source address', 'ipv6'),
  row('ipv6_dst', KEY_IPV6_DST * 32, 128, 'ipv6', 'masked', 'IPv6 destination address', 'ipv6'),
  row('nw_src ip_src', KEY_NW_SRC * 32, 32, 'ipv4', 'masked', 'IPv4 source address', 'ipv4OrArp'),
  row('nw_dst ip_dst', KEY_NW_DST * 32, 32, 'ipv4', 'masked', 'IPv4 destination address', 'ipv4OrArp'),
  row('arp_spa', KEY_NW_SRC * 32, 32, 'ipv4', 'masked', 'ARP sender IPv4 address', 'arp'),
  row('arp_tpa', KEY_NW_DST * 32, 32, 'ipv4', 'masked', 'ARP target IPv4 address', 'arp'),
  row('nw_proto ip_proto', NW, 8, 'decimal', 'exact', 'IP protocol', 'ipOrArp'),
  row('arp_op', NW, 8, 'decimal', 'exact', 'ARP operation: 1 request, 2 reply', 'arp'),
  row('arp_sha', KEY_ARP_MAC * 32, 48, 'mac', 'masked', 'ARP sender MAC address', 'arp'),
  row('arp_tha', KEY_ARP_MAC * 32 + 48, 48, 'mac', 'masked', 'ARP target MAC address', 'arp'),
  row('nw_tos', NW + 8, 6, 'dscp', 'exact', 'DSCP as it stands in the ToS byte: a multiple of 4', 'ip'),
  row('ip_dscp', NW + 8, 6, 'decimal', 'exact', 'DSCP 0..63', 'ip'),
  row('nw_ecn ip_ecn', NW + 14, 2, 'decimal', 'exact', 'ECN bits 0..3', 'ip'),
  row('nw_ttl', NW + 16, 8, 'decimal', 'exact', 'time to live, or IPv6 hop limit', 'ip'),
  row('nw_frag ip_frag', NW + 30, 2, 'frag', 'exact', 'fragment: no, yes, first, later, not_later', 'ip'),
  row('tp_src', TP, 16, 'decimal', 'masked', 'transport source port', 'transport'),
  row('tp_dst', TP + 16, 16, 'decimal', 'masked', 'transport destination port', 'transport'),
  row('tcp_src', TP, 16, 'decimal', 'masked', 'TCP source port', 'tcp'),
  row('tcp_dst', TP + 16, 16, 'decimal', 'masked', 'TCP destination port', 'tcp'),
  row('udp_src', TP, 16, 'decimal', 'masked', 'UDP source port', 'udp'),
  row('udp_dst', TP + 16, 16, 'decimal', 'masked', 'UDP destination port', 'udp'),
  row('sctp_src', TP, 16, 'decimal', 'masked', 'SCTP source port', 'sctp'),
  row('sctp_dst', TP + 16, 16, 'decimal', 'masked', 'SCTP destination port', 'sctp'),
  row('icmp_type', TP + 8, 8, 'decimal', 'exact', 'ICMP or ICMPv6 type', 'icmp'),
  row('icmp_code', TP + 24, 8, 'decimal', 'exact', 'ICMP or ICMPv6 code', 'icmp'),
  row('icmpv6_type', TP + 8, 8, 'decimal', 'exact', 'ICMPv6 type', 'icmpv6'),
  row('icmpv6_code', TP + 24, 8, 'decimal', 'exact', 'ICMPv6 code', 'icmpv6'),
];

/** Fields by each of their names. */
export const FIELD_BY_NAME: ReadonlyMap<string, Field> = new Map(
  FIELDS.flatMap((field) => [field.name, ...field.aliases].map((name) => [name, field] as const)),
);

/** A word that stands for an EtherType and perhaps an IP protocol. */
export interface Shorthand {
  names: readonly string[];
  type: number;
  proto?: number;
}

export const SHORTHANDS: readonly Shorthand[] = [
  { names: ['ip', 'ipv4', 'ip4'], type: ETH_TYPE_IPV4 },
  { names: ['ipv6', 'ip6'], type: ETH_TYPE_IPV6 },
  { names: ['arp'], type: ETH_TYPE_ARP },
  { names: ['rarp'], type: ETH_TYPE_RARP },
  { names: ['icmp'], type: ETH_TYPE_IPV4, proto: 1 },
  { names: ['tcp'], type: ETH_TYPE_IPV4, proto: 6 },
  { names: ['udp'], type: ETH_TYPE_IPV4, proto: 17 },
  { names: ['sctp'], type: ETH_TYPE_IPV4, proto: 132 },
  { names: ['icmp6', 'icmpv6'], type: ETH_TYPE_IPV6, proto: 58 },
  { names: ['tcp6'], type: ETH_TYPE_IPV6, proto: 6 },
  { names: ['udp6'], type: ETH_TYPE_IPV6, proto: 17 },
  { names: ['sctp6'], type: ETH_TYPE_IPV6, proto: 132 },
];

export const SHORTHAND_BY_NAME: ReadonlyMap<string, Shorthand> = new Map(
  SHORTHANDS.flatMap((shorthand) => shorthand.names.map((name) => [name, shorthand] as const)),
);
