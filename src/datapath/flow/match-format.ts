// What: values and masks of the fields of a flow as text, in the order and form of Open vSwitch. Why: dumps of flows,
// the lines of a trace and megaflows all print the same list of fields. Who: match-text.ts passes formatMatch on,
// key-text.ts prints keys, ofproto/text/flow-format.ts lines of dumps. Dumps hold millions of flows: no bigints, no closures,
// no strings on the way. Each field is written with a comma behind it; the last one goes.

import {
  ETH_TYPE_ARP,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_MPLS,
  ETH_TYPE_MPLS_MULTICAST,
  ETH_TYPE_RARP,
} from '../wire/ethernet.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/ip-protocol.ts';
import { formatFragment, formatTcpFlags } from './field-format.ts';
import {
  writeDecimal,
  writeFirstMac,
  writeHex,
  writeMasked16,
  writeMasked32,
  writeMasked64,
  writeMaskedIpv4,
  writeMaskedIpv6,
  writePort,
  writeSecondMac,
} from './field-write.ts';
import {
  IPV6_LABEL_MASK,
  KEY_ACTSET_OUTPUT,
  KEY_ARP_MAC,
  KEY_CONJ_ID,
  KEY_IN_PORT,
  KEY_INNER_VLAN,
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
  NO_ACTSET_OUTPUT,
  REGISTERS,
  VLAN_PCP_MASK,
  VLAN_PCP_SHIFT,
  VLAN_PRESENT,
  VLAN_VID_MASK,
} from './key.ts';
import type { Match } from './match.ts';
import { OFPORT_UNSET, type PortNamer } from './port-number.ts';
import { TextWriter } from './text-writer.ts';

const COMMA = 44;
const REGISTER_NAMES = Array.from({ length: REGISTERS }, (_, i) => `reg${i}=`);

type Transports = Readonly<Record<'tcp' | 'udp' | 'sctp', string>>;
const TRANSPORTS: Transports = { tcp: 'tcp', udp: 'udp', sctp: 'sctp' };
const TRANSPORTS6: Transports = { tcp: 'tcp6', udp: 'udp6', sctp: 'sctp6' };

/** What the functions that return a string write into. */
const scratch = new TextWriter();

/** The match as Open vSwitch prints it, '' when it accepts all frames. */
export function formatMatch(match: Match, portName?: PortNamer): string {
  return formatFields(match.value, match.mask, false, portName);
}

/**
 * The fields of FLOW_WORDS words that `mask` asks for. `isMegaflow` shows recirc_id and `eth`, which flows of a table
 * never ask for.
 */
export function formatFields(
  value: Int32Array,
  mask: Int32Array,
  isMegaflow: boolean,
  portName?: PortNamer,
): string {
  writeFields(scratch, value, mask, isMegaflow, portName);
  return scratch.take();
}

/** The same, written. */
export function writeFields(
  out: TextWriter,
  value: Int32Array,
  mask: Int32Array,
  isMegaflow: boolean,
  portName?: PortNamer,
): void {
  const start = out.length;
  const type = mask[KEY_TYPE_VLAN]! >>> 16 === 0 ? -1 : value[KEY_TYPE_VLAN]! >>> 16;
  writePipeline(out, value, mask, isMegaflow, portName);
  const shorthand = protocolName(value, mask, type);
  if (shorthand !== '') {
    out.text(shorthand);
    out.char(COMMA);
  }
  writeRegisters(out, value, mask);
  if (mask[KEY_IN_PORT]! & 0xffff) writePort(out, 'in_port=', value[KEY_IN_PORT]! & 0xffff, portName);
  writeEthernet(out, value, mask, type, shorthand);
  if (
    (mask[KEY_NW]! | mask[KEY_NW_SRC]! | mask[KEY_NW_DST]! | mask[KEY_TP]!) !== 0 ||
    type >= ETH_TYPE_IPV4
  ) {
    writeNetwork(out, value, mask, type, shorthand);
  }
  if (out.length > start) out.dropLast();
}

/** What stands before the protocol. */
function writePipeline(
  out: TextWriter,
  value: Int32Array,
  mask: Int32Array,
  isMegaflow: boolean,
  portName: PortNamer | undefined,
): void {
  if (mask[KEY_PKT_MARK] !== 0) writeMasked32(out, 'pkt_mark=', value, mask, KEY_PKT_MARK);
  if (isMegaflow) writeHex(out, 'recirc_id=', value[KEY_IN_PORT]! >>> 16);
  if (mask[KEY_CONJ_ID] !== 0) writeDecimal(out, 'conj_id=', value[KEY_CONJ_ID]! >>> 0);
  if (mask[KEY_SKB_PRIORITY] !== 0) writeHex(out, 'skb_priority=', value[KEY_SKB_PRIORITY]!);
  if (mask[KEY_ACTSET_OUTPUT] !== 0) {
    const port = value[KEY_ACTSET_OUTPUT]! & 0xffff;
    writePort(out, 'actset_output=', port === NO_ACTSET_OUTPUT ? OFPORT_UNSET : port, portName);
  }
  if (isMegaflow) out.text('eth,');
}

/** The word that stands for dl_type, and for nw_proto where it has one; '' for types without. */
function protocolName(value: Int32Array, mask: Int32Array, type: number): string {
  const proto = mask[KEY_NW]! >>> 24 === 0 ? -1 : value[KEY_NW]! >>> 24;
  switch (type) {
    case ETH_TYPE_IPV4:
      return proto === IPPROTO_ICMP ? 'icmp' : transportName(proto, TRANSPORTS, 'ip');
    case ETH_TYPE_IPV6:
      return proto === IPPROTO_ICMPV6 ? 'icmp6' : transportName(proto, TRANSPORTS6, 'ipv6');
    case ETH_TYPE_ARP:
      return 'arp';
    case ETH_TYPE_RARP:
      return 'rarp';
    case ETH_TYPE_MPLS:
      return 'mpls';
    case ETH_TYPE_MPLS_MULTICAST:
      return 'mplsm';
    default:
      return '';
  }
}

function transportName(proto: number, names: Transports, otherwise: string): string {
  if (proto === IPPROTO_TCP) return names.tcp;
  if (proto === IPPROTO_UDP) return names.udp;
  return proto === IPPROTO_SCTP ? names.sctp : otherwise;
}

function writeRegisters(out: TextWriter, value: Int32Array, mask: Int32Array): void {
  for (let i = 0; i < REGISTERS; i++) {
    if (mask[KEY_REG + i] !== 0) writeMasked32(out, REGISTER_NAMES[i]!, value, mask, KEY_REG + i);
  }
  if ((mask[KEY_TUN_ID]! | mask[KEY_TUN_ID + 1]!) !== 0)
    writeMasked64(out, 'tun_id=', value, mask, KEY_TUN_ID);
  if ((mask[KEY_METADATA]! | mask[KEY_METADATA + 1]!) !== 0) {
    writeMasked64(out, 'metadata=', value, mask, KEY_METADATA);
  }
}

function writeEthernet(
  out: TextWriter,
  value: Int32Array,
  mask: Int32Array,
  type: number,
  shorthand: string,
): void {
  if (mask[KEY_TYPE_VLAN]! & 0xffff) {
    writeTag(out, value[KEY_TYPE_VLAN]! & 0xffff, mask[KEY_TYPE_VLAN]! & 0xffff, '');
    const inner = mask[KEY_INNER_VLAN]! & 0xffff;
    if (inner !== 0) writeTag(out, value[KEY_INNER_VLAN]! & 0xffff, inner, '1');
  }
  writeSecondMac(out, 'dl_src=', value, mask, KEY_MAC);
  writeFirstMac(out, 'dl_dst=', value, mask, KEY_MAC);
  if (shorthand === '' && type >= 0) {
    out.text('dl_type=0x');
    out.hex(type, 4);
    out.char(COMMA);
  }
}

/** The bits of a tag together, since their best name depends on which of them are asked for. */
function writeTag(out: TextWriter, value: number, mask: number, suffix: string): void {
  const vid = mask & VLAN_VID_MASK;
  const pcp = mask & VLAN_PCP_MASK;
  const wholeParts = (vid === 0 || vid === VLAN_VID_MASK) && (pcp === 0 || pcp === VLAN_PCP_MASK);
  if ((mask & value & VLAN_PRESENT) !== 0 && wholeParts && (vid | pcp) !== 0) {
    if (vid !== 0) writeDecimal(out, `dl_vlan${suffix}=`, value & VLAN_VID_MASK);
    if (pcp !== 0) writeDecimal(out, `dl_vlan_pcp${suffix}=`, (value & VLAN_PCP_MASK) >>> VLAN_PCP_SHIFT);
    return;
  }
  out.text(`vlan_tci${suffix}=0x`);
  out.hex(value, 4);
  if (mask !== 0xffff) {
    out.text('/0x');
    out.hex(mask, 4);
  }
  out.char(COMMA);
}

function writeNetwork(
  out: TextWriter,
  value: Int32Array,
  mask: Int32Array,
  type: number,
  shorthand: string,
): void {
  const isArp = type === ETH_TYPE_ARP || type === ETH_TYPE_RARP;
  if (type === ETH_TYPE_IPV6) {
    writeIpv6Fields(out, value, mask);
  } else {
    writeMaskedIpv4(out, isArp ? 'arp_spa=' : 'nw_src=', value[KEY_NW_SRC]!, mask[KEY_NW_SRC]!);
    writeMaskedIpv4(out, isArp ? 'arp_tpa=' : 'nw_dst=', value[KEY_NW_DST]!, mask[KEY_NW_DST]!);
  }
  const nwMask = mask[KEY_NW]!;
  const nw = value[KEY_NW]!;
  if (nwMask >>> 24 !== 0 && (isArp || shorthand === '' || shorthand.startsWith('ip'))) {
    writeDecimal(out, isArp ? 'arp_op=' : 'nw_proto=', nw >>> 24);
  }
  if (isArp) {
    writeFirstMac(out, 'arp_sha=', value, mask, KEY_ARP_MAC);
    writeSecondMac(out, 'arp_tha=', value, mask, KEY_ARP_MAC);
  }
  if (nwMask & 0xfc_0000) writeDecimal(out, 'nw_tos=', (nw >>> 16) & 0xfc);
  if (nwMask & 0x3_0000) writeDecimal(out, 'nw_ecn=', (nw >>> 16) & 3);
  if (nwMask & 0xff00) writeDecimal(out, 'nw_ttl=', (nw >>> 8) & 0xff);
  if (type === ETH_TYPE_MPLS || type === ETH_TYPE_MPLS_MULTICAST) writeMpls(out, value, mask);
  if (nwMask & 3) out.text(`nw_frag=${formatFragment(nw & 3, nwMask & 3)},`);
  writeTransport(out, value, mask, type);
}

function writeIpv6Fields(out: TextWriter, value: Int32Array, mask: Int32Array): void {
  writeMaskedIpv6(out, 'ipv6_src=', value, mask, KEY_IPV6_SRC);
  writeMaskedIpv6(out, 'ipv6_dst=', value, mask, KEY_IPV6_DST);
  const label = mask[KEY_IPV6_LABEL]! & IPV6_LABEL_MASK;
  if (label === 0) return;
  out.text('ipv6_label=0x');
  out.hex(value[KEY_IPV6_LABEL]!, 5);
  if (label !== IPV6_LABEL_MASK) {
    out.text('/0x');
    out.hex(label, 5);
  }
  out.char(COMMA);
}

function writeMpls(out: TextWriter, value: Int32Array, mask: Int32Array): void {
  const entry = value[KEY_MPLS]!;
  const asked = mask[KEY_MPLS]!;
  if (asked >>> 12 !== 0) writeDecimal(out, 'mpls_label=', entry >>> 12);
  if (asked & 0xe00) writeDecimal(out, 'mpls_tc=', (entry >>> 9) & 7);
  if (asked & 0xff) writeDecimal(out, 'mpls_ttl=', entry & 0xff);
  if (asked & 0x100) writeDecimal(out, 'mpls_bos=', (entry >>> 8) & 1);
  for (let i = 1; i < 3; i++) {
    const lower = mask[KEY_MPLS + i]!;
    if (lower === 0) continue;
    const shown = value[KEY_MPLS + i]!;
    if (lower === -1) {
      writeDecimal(out, `mpls_lse${i}=`, shown >>> 0);
      continue;
    }
    out.text(`mpls_lse${i}=0x`);
    out.hex(shown, 8);
    out.text('/0x');
    out.hex(lower, 8);
    out.char(COMMA);
  }
}

function writeTransport(out: TextWriter, value: Int32Array, mask: Int32Array, type: number): void {
  const proto = value[KEY_NW]! >>> 24;
  const isIcmp = type === ETH_TYPE_IPV4 && proto === IPPROTO_ICMP;
  const isIcmpv6 = type === ETH_TYPE_IPV6 && proto === IPPROTO_ICMPV6;
  const names = isIcmp || isIcmpv6;
  const asked = mask[KEY_TP]!;
  const ports = value[KEY_TP]!;
  writeMasked16(out, names ? 'icmp_type=' : 'tp_src=', ports >>> 16, asked >>> 16);
  writeMasked16(out, names ? 'icmp_code=' : 'tp_dst=', ports & 0xffff, asked & 0xffff);
  if (isIcmpv6) {
    writeMaskedIpv6(out, 'nd_target=', value, mask, KEY_ND_TARGET);
    writeFirstMac(out, 'nd_sll=', value, mask, KEY_ARP_MAC);
    writeSecondMac(out, 'nd_tll=', value, mask, KEY_ARP_MAC);
  }
  const flags = mask[KEY_TPID_TCP_FLAGS]! & 0xfff;
  if (flags !== 0 && proto === IPPROTO_TCP && (type === ETH_TYPE_IPV4 || type === ETH_TYPE_IPV6)) {
    out.text(`tcp_flags=${formatTcpFlags(value[KEY_TPID_TCP_FLAGS]! & 0xfff, flags)},`);
  }
}
