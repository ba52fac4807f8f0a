// What: THE field table: each field that a flow can match on, a `load` can write or a `move` can read: its names, its
// bits in the key, how its value is written, and what must be matched with it. Why: the parser, the printer, actions
// and the documentation read this one table, so that they cannot disagree. Who: match-text.ts, actions, ofproto;
// adding a field is adding a row (and, for a new place in the key, its bits to key.ts and extract.ts).
// Invariants: `bit` counts from the highest bit of key word 0; a field of up to 32 bits lies within one word.

import {
  ETH_TYPE_ARP,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_MPLS,
  ETH_TYPE_MPLS_MULTICAST,
  ETH_TYPE_RARP,
} from '../wire/ethernet.ts';
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  ND_ADVERT,
  ND_SOLICIT,
} from '../wire/ip-protocol.ts';
import {
  KEY_ACTSET_OUTPUT,
  KEY_ARP_MAC,
  KEY_CONJ_ID,
  KEY_IN_PORT,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MAC,
  KEY_METADATA,
  KEY_MPLS,
  KEY_ND_TARGET,
  KEY_NW,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_PKT_MARK,
  KEY_REG,
  KEY_SKB_PRIORITY,
  KEY_TP,
  KEY_TPID_TCP_FLAGS,
  KEY_TUN_ID,
  KEY_TYPE_VLAN,
  REGISTERS,
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
  | 'vid_present'
  | 'pcp'
  | 'dscp'
  | 'frag'
  | 'tcp_flags';

export interface Field {
  /** The name that set_field prints (mf_field.name of Open vSwitch); dumps of matches use older ones for some fields. */
  name: string;
  /** Other names: those of dumps, of OpenFlow and of older versions, then the NXM and OXM names. */
  aliases: readonly string[];
  /** The name that load, move, learn and their like print. */
  nxm: string;
  bit: number;
  /** Bits that a subfield, name[from..to], can address. */
  width: number;
  syntax: FieldSyntax;
  /** Any mask may follow the value after a slash. */
  maskable: boolean;
  /** Actions may change it. */
  writable: boolean;
  /** What the flow must match for an action to use the field. */
  prerequisite?: PrerequisiteName;
  /** What it must match for a match on the field, where that is less. */
  matchPrerequisite?: PrerequisiteName;
  /** What the field is, for people. */
  about: string;
}

export type PrerequisiteName = keyof typeof PREREQUISITES;

/** What must be matched for a field to mean anything, and a way to write it. */
export interface Prerequisite {
  /** EtherTypes, one of which is matched; none: a VLAN tag is. */
  types: readonly number[];
  /** IP protocols, one of which is matched. */
  protos?: readonly number[];
  /** ICMPv6 types, one of which is matched, with code 0. */
  icmpTypes?: readonly number[];
  write: string;
}

const IP = [ETH_TYPE_IPV4, ETH_TYPE_IPV6];
const ND_WRITE = 'icmp6,icmp_type=';

export const PREREQUISITES = {
  vlan: { types: [], write: 'vlan_tci=0x1000/0x1000 (or dl_vlan)' },
  ip: { types: IP, write: 'ip or ipv6' },
  ipv4: { types: [ETH_TYPE_IPV4], write: 'ip' },
  ipv4OrArp: { types: [ETH_TYPE_IPV4, ETH_TYPE_ARP, ETH_TYPE_RARP], write: 'ip or arp' },
  ipOrArp: { types: [...IP, ETH_TYPE_ARP, ETH_TYPE_RARP], write: 'ip, ipv6 or arp' },
  arp: { types: [ETH_TYPE_ARP, ETH_TYPE_RARP], write: 'arp or rarp' },
  ipv6: { types: [ETH_TYPE_IPV6], write: 'ipv6' },
  mpls: { types: [ETH_TYPE_MPLS, ETH_TYPE_MPLS_MULTICAST], write: 'mpls or mplsm' },
  transport: {
    types: IP,
    protos: [IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, IPPROTO_SCTP],
    write: 'tcp, udp or sctp (or tcp6, udp6, sctp6)',
  },
  tcp: { types: IP, protos: [IPPROTO_TCP], write: 'tcp or tcp6' },
  udp: { types: IP, protos: [IPPROTO_UDP], write: 'udp or udp6' },
  sctp: { types: IP, protos: [IPPROTO_SCTP], write: 'sctp or sctp6' },
  icmp: { types: IP, protos: [IPPROTO_ICMP, IPPROTO_ICMPV6], write: 'icmp or icmp6' },
  icmpv4: { types: [ETH_TYPE_IPV4], protos: [IPPROTO_ICMP], write: 'icmp' },
  icmpv6: { types: [ETH_TYPE_IPV6], protos: [IPPROTO_ICMPV6], write: 'icmp6' },
  nd: {
    types: [ETH_TYPE_IPV6],
    protos: [IPPROTO_ICMPV6],
    icmpTypes: [ND_SOLICIT, ND_ADVERT],
    write: `${ND_WRITE}135,icmp_code=0 or ${ND_WRITE}136,icmp_code=0`,
  },
  ndSolicit: {
    types: [ETH_TYPE_IPV6],
    protos: [IPPROTO_ICMPV6],
    icmpTypes: [ND_SOLICIT],
    write: `${ND_WRITE}135,icmp_code=0`,
  },
  ndAdvert: {
    types: [ETH_TYPE_IPV6],
    protos: [IPPROTO_ICMPV6],
    icmpTypes: [ND_ADVERT],
    write: `${ND_WRITE}136,icmp_code=0`,
  },
} as const satisfies Record<string, Prerequisite>;

const TCI = KEY_TYPE_VLAN * 32 + 16;
const NW = KEY_NW * 32;
const TP = KEY_TP * 32;
const MPLS = KEY_MPLS * 32;
const TARGET_MAC = KEY_ARP_MAC * 32 + 48;
/** Low bits of nw_tos that belong to another field. */
const ECN_BITS = 3n;

/** `can`: m, takes a mask in a match; w, actions may write it. */
type Can = '' | 'm' | 'w' | 'mw';

/** One row. `names` starts with the main name and ends with the NXM and OXM names, the printed one of them first. */
function row(
  names: string,
  bit: number,
  width: number,
  syntax: FieldSyntax,
  can: Can,
  about: string,
  prerequisite?: PrerequisiteName,
  matchPrerequisite?: PrerequisiteName,
): Field {
  const [name, ...aliases] = names.split(' ') as [string, ...string[]];
  const nxm = aliases.find((alias) => /^[A-Z]/.test(alias)) ?? '';
  const maskable = can.includes('m');
  const writable = can.includes('w');
  return {
    name,
    aliases,
    nxm,
    bit,
    width,
    syntax,
    maskable,
    writable,
    about,
    ...(prerequisite && { prerequisite }),
    ...(matchPrerequisite && { matchPrerequisite }),
  };
}

function registers(name: string, nxm: string, words: number): Field[] {
  const width = 32 * words;
  return Array.from({ length: REGISTERS / words }, (_, i) =>
    row(`${name}${i} ${nxm}${i}`, KEY_REG * 32 + i * width, width, 'hex', 'mw', `register of ${width} bits`),
  );
}

// The table keeps one field a line, however long.
// biome-ignore format: a table
const PACKET_FIELDS: readonly Field[] = [
  row('in_port NXM_OF_IN_PORT', KEY_IN_PORT * 32 + 16, 16, 'port', 'w', 'port on which the frame came'),
  row('in_port_oxm OXM_OF_IN_PORT', KEY_IN_PORT * 32 + 16, 16, 'port', 'w', 'port on which the frame came'),
  row('eth_src dl_src NXM_OF_ETH_SRC OXM_OF_ETH_SRC', KEY_MAC * 32 + 48, 48, 'mac', 'mw', 'source MAC address'),
  row('eth_dst dl_dst NXM_OF_ETH_DST OXM_OF_ETH_DST', KEY_MAC * 32, 48, 'mac', 'mw', 'destination MAC address'),
  row('eth_type dl_type NXM_OF_ETH_TYPE OXM_OF_ETH_TYPE', KEY_TYPE_VLAN * 32, 16, 'hex', '', 'EtherType'),
  row('vlan_tci NXM_OF_VLAN_TCI', TCI, 16, 'hex', 'mw', 'tag control information; 0x1000 stands for "has a tag"'),
  row('dl_vlan', TCI + 4, 12, 'vid', 'w', 'VLAN number 0..4095; 0xffff for "no tag"'),
  row('vlan_vid OXM_OF_VLAN_VID', TCI + 4, 12, 'vid_present', 'mw', 'VLAN number with 0x1000 for "has a tag"'),
  row('dl_vlan_pcp', TCI, 3, 'pcp', 'w', 'VLAN priority 0..7'),
  row('vlan_pcp OXM_OF_VLAN_PCP', TCI, 3, 'pcp', 'w', 'VLAN priority 0..7', 'vlan'),
  row('mpls_label OXM_OF_MPLS_LABEL', MPLS, 20, 'decimal', 'w', 'label of the outermost MPLS entry', 'mpls'),
  row('mpls_tc OXM_OF_MPLS_TC', MPLS + 20, 3, 'decimal', 'w', 'traffic class of the outermost MPLS entry', 'mpls'),
  row('mpls_bos OXM_OF_MPLS_BOS', MPLS + 23, 1, 'decimal', '', '1 when the MPLS entry is the last', 'mpls'),
  row('mpls_ttl NXM_NX_MPLS_TTL', MPLS + 24, 8, 'decimal', 'w', 'time to live of the outermost MPLS entry', 'mpls'),
  row('ip_src nw_src NXM_OF_IP_SRC OXM_OF_IPV4_SRC', KEY_NW_SRC * 32, 32, 'ipv4', 'mw', 'IPv4 source address', 'ipv4', 'ipv4OrArp'),
  row('ip_dst nw_dst NXM_OF_IP_DST OXM_OF_IPV4_DST', KEY_NW_DST * 32, 32, 'ipv4', 'mw', 'IPv4 destination address', 'ipv4', 'ipv4OrArp'),
  row('ipv6_src NXM_NX_IPV6_SRC OXM_OF_IPV6_SRC', KEY_IPV6_SRC * 32, 128, 'ipv6', 'mw', 'IPv6 source address', 'ipv6'),
  row('ipv6_dst NXM_NX_IPV6_DST OXM_OF_IPV6_DST', KEY_IPV6_DST * 32, 128, 'ipv6', 'mw', 'IPv6 destination address', 'ipv6'),
  row('ipv6_label NXM_NX_IPV6_LABEL OXM_OF_IPV6_FLABEL', KEY_IPV6_LABEL * 32 + 12, 20, 'hex', 'mw', 'IPv6 flow label', 'ipv6'),
  row('nw_proto ip_proto NXM_OF_IP_PROTO OXM_OF_IP_PROTO', NW, 8, 'decimal', '', 'IP protocol', 'ip', 'ipOrArp'),
  row('nw_tos NXM_OF_IP_TOS', NW + 8, 8, 'dscp', 'w', 'DSCP as it stands in the ToS byte: a multiple of 4', 'ip'),
  row('ip_dscp nw_tos_shifted OXM_OF_IP_DSCP', NW + 8, 6, 'decimal', 'w', 'DSCP 0..63', 'ip'),
  row('nw_ecn ip_ecn NXM_NX_IP_ECN OXM_OF_IP_ECN', NW + 14, 2, 'decimal', 'w', 'ECN bits 0..3', 'ip'),
  row('nw_ttl NXM_NX_IP_TTL', NW + 16, 8, 'decimal', 'w', 'time to live, or IPv6 hop limit', 'ip'),
  row('ip_frag nw_frag NXM_NX_IP_FRAG', NW + 30, 2, 'frag', 'm', 'fragment: no, yes, first, later, not_later', 'ip'),
  row('arp_op NXM_OF_ARP_OP OXM_OF_ARP_OP', NW, 8, 'decimal', 'w', 'ARP operation: 1 request, 2 reply', 'arp'),
  row('arp_spa NXM_OF_ARP_SPA OXM_OF_ARP_SPA', KEY_NW_SRC * 32, 32, 'ipv4', 'mw', 'ARP sender IPv4 address', 'arp'),
  row('arp_tpa NXM_OF_ARP_TPA OXM_OF_ARP_TPA', KEY_NW_DST * 32, 32, 'ipv4', 'mw', 'ARP target IPv4 address', 'arp'),
  row('arp_sha NXM_NX_ARP_SHA OXM_OF_ARP_SHA', KEY_ARP_MAC * 32, 48, 'mac', 'mw', 'ARP sender MAC address', 'arp'),
  row('arp_tha NXM_NX_ARP_THA OXM_OF_ARP_THA', TARGET_MAC, 48, 'mac', 'mw', 'ARP target MAC address', 'arp'),
  row('tcp_src tp_src NXM_OF_TCP_SRC OXM_OF_TCP_SRC', TP, 16, 'decimal', 'mw', 'TCP source port', 'tcp'),
  row('tcp_dst tp_dst NXM_OF_TCP_DST OXM_OF_TCP_DST', TP + 16, 16, 'decimal', 'mw', 'TCP destination port', 'tcp'),
  row('tcp_flags NXM_NX_TCP_FLAGS ONFOXM_ET_TCP_FLAGS OXM_OF_TCP_FLAGS', KEY_TPID_TCP_FLAGS * 32 + 20, 12, 'tcp_flags', 'm', 'TCP flags', 'tcp'),
  row('udp_src NXM_OF_UDP_SRC OXM_OF_UDP_SRC', TP, 16, 'decimal', 'mw', 'UDP source port', 'udp'),
  row('udp_dst NXM_OF_UDP_DST OXM_OF_UDP_DST', TP + 16, 16, 'decimal', 'mw', 'UDP destination port', 'udp'),
  row('sctp_src OXM_OF_SCTP_SRC', TP, 16, 'decimal', 'mw', 'SCTP source port', 'sctp'),
  row('sctp_dst OXM_OF_SCTP_DST', TP + 16, 16, 'decimal', 'mw', 'SCTP destination port', 'sctp'),
  row('icmp_type NXM_OF_ICMP_TYPE OXM_OF_ICMPV4_TYPE', TP + 8, 8, 'decimal', 'w', 'ICMP or ICMPv6 type', 'icmpv4', 'icmp'),
  row('icmp_code NXM_OF_ICMP_CODE OXM_OF_ICMPV4_CODE', TP + 24, 8, 'decimal', 'w', 'ICMP or ICMPv6 code', 'icmpv4', 'icmp'),
  row('icmpv6_type NXM_NX_ICMPV6_TYPE OXM_OF_ICMPV6_TYPE', TP + 8, 8, 'decimal', 'w', 'ICMPv6 type', 'icmpv6'),
  row('icmpv6_code NXM_NX_ICMPV6_CODE OXM_OF_ICMPV6_CODE', TP + 24, 8, 'decimal', 'w', 'ICMPv6 code', 'icmpv6'),
  row('nd_target NXM_NX_ND_TARGET OXM_OF_IPV6_ND_TARGET', KEY_ND_TARGET * 32, 128, 'ipv6', 'mw', 'address that neighbor discovery asks for', 'nd'),
  row('nd_sll NXM_NX_ND_SLL OXM_OF_IPV6_ND_SLL', KEY_ARP_MAC * 32, 48, 'mac', 'mw', 'source MAC of a neighbor solicitation', 'ndSolicit'),
  row('nd_tll NXM_NX_ND_TLL OXM_OF_IPV6_ND_TLL', TARGET_MAC, 48, 'mac', 'mw', 'target MAC of a neighbor advertisement', 'ndAdvert'),
];

/** Fields that live in the pipeline only. */
// biome-ignore format: a table
const PIPELINE_FIELDS: readonly Field[] = [
  row('metadata OXM_OF_METADATA', KEY_METADATA * 32, 64, 'hex', 'mw', 'metadata that tables hand on'),
  row('tun_id tunnel_id NXM_NX_TUN_ID OXM_OF_TUNNEL_ID', KEY_TUN_ID * 32, 64, 'hex', 'mw', 'tunnel key (VNI)'),
  row('pkt_mark NXM_NX_PKT_MARK', KEY_PKT_MARK * 32, 32, 'hex', 'mw', 'mark of the frame'),
  ...registers('reg', 'NXM_NX_REG', 1),
  ...registers('xreg', 'OXM_OF_PKT_REG', 2),
  ...registers('xxreg', 'NXM_NX_XXREG', 4),
  row('conj_id NXM_NX_CONJ_ID', KEY_CONJ_ID * 32, 32, 'decimal', '', 'conjunction that the frame fulfils'),
  row('actset_output ONFOXM_ET_ACTSET_OUTPUT OXM_OF_ACTSET_OUTPUT', KEY_ACTSET_OUTPUT * 32, 32, 'port', '', 'output in the action set'),
];

/** All fields that flows can name. Several may share bits (tcp_src and udp_src). */
export const FIELDS: readonly Field[] = [...PACKET_FIELDS, ...PIPELINE_FIELDS];

/** Fields that stand in a key but that no flow can name; an argument of trace can. */
export const KEY_ONLY_FIELDS: readonly Field[] = [
  row('recirc_id', KEY_IN_PORT * 32, 16, 'hex', '', 'recirculation that the frame comes from'),
  row('skb_priority', KEY_SKB_PRIORITY * 32, 32, 'hex', '', 'queue that set_queue chose'),
];

/** Fields by each of their names. */
export const FIELD_BY_NAME: ReadonlyMap<string, Field> = new Map(
  FIELDS.flatMap((field) => [field.name, ...field.aliases].map((name) => [name, field] as const)),
);

/** The bits of a value that belong to the field, lowest first: all `width` of them, but for nw_tos. */
export function fieldMask(field: Field): bigint {
  const all = (1n << BigInt(field.width)) - 1n;
  return field.syntax === 'dscp' ? all ^ ECN_BITS : all;
}

/** Fields of Open vSwitch that this version does not have. */
const NOT_SUPPORTED_YET =
  /^((NXM_NX_|NXOXM_|NXOXM_ET_|ERICOXM_OF_(ICMPV6_)?)?(ct_|tun_|nsh_|erspan_|gtpu_|nd_reserved|nd_options_type|dp_hash|recirc_id)|(OXM_OF_)?packet_type|nsp$|nsi$|nshc[1-4]$|skb_priority$|(x?x?reg|OXM_OF_PKT_REG|NXM_NX_XX?REG)[0-9]+$)/i;

/** Whether Open vSwitch has a field of this name that is not supported here yet. */
export function isUnsupportedField(name: string): boolean {
  return !FIELD_BY_NAME.has(name) && NOT_SUPPORTED_YET.test(name);
}

/** `tcp` and its like: words that stand for an EtherType and perhaps an IP protocol. */
export interface Shorthand {
  /** The first one is printed. */
  names: readonly string[];
  type: number;
  proto?: number;
}

export const SHORTHANDS: readonly Shorthand[] = [
  { names: ['ip', 'ipv4', 'ip4'], type: ETH_TYPE_IPV4 },
  { names: ['ipv6', 'ip6'], type: ETH_TYPE_IPV6 },
  { names: ['arp'], type: ETH_TYPE_ARP },
  { names: ['rarp'], type: ETH_TYPE_RARP },
  { names: ['mpls'], type: ETH_TYPE_MPLS },
  { names: ['mplsm'], type: ETH_TYPE_MPLS_MULTICAST },
  { names: ['icmp'], type: ETH_TYPE_IPV4, proto: IPPROTO_ICMP },
  { names: ['tcp'], type: ETH_TYPE_IPV4, proto: IPPROTO_TCP },
  { names: ['udp'], type: ETH_TYPE_IPV4, proto: IPPROTO_UDP },
  { names: ['sctp'], type: ETH_TYPE_IPV4, proto: IPPROTO_SCTP },
  { names: ['icmp6', 'icmpv6'], type: ETH_TYPE_IPV6, proto: IPPROTO_ICMPV6 },
  { names: ['tcp6'], type: ETH_TYPE_IPV6, proto: IPPROTO_TCP },
  { names: ['udp6'], type: ETH_TYPE_IPV6, proto: IPPROTO_UDP },
  { names: ['sctp6'], type: ETH_TYPE_IPV6, proto: IPPROTO_SCTP },
];

export const SHORTHAND_BY_NAME: ReadonlyMap<string, Shorthand> = new Map(
  SHORTHANDS.flatMap((shorthand) => shorthand.names.map((name) => [name, shorthand] as const)),
);
