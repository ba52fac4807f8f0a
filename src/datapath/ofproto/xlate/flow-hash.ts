// What: hashes of a flow over fields (enum nx_hash_fields of Open vSwitch). Why: multipath, bundle and select groups
// spread flows by them. Who: multipath.ts, select.ts. What is hashed was looked at.
// Invariant: symmetric hashes are the same for both directions of a conversation.

import type { HashFields } from '../../actions/action.ts';
import {
  finishHash,
  KEY_IPV6_DST,
  KEY_IPV6_SRC,
  KEY_MAC,
  KEY_NW,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TYPE_VLAN,
  mixHash,
  NW_FRAG_ANY,
  NW_FRAG_LATER,
  VLAN_PRESENT,
  VLAN_VID_MASK,
} from '../../flow/key.ts';
import { ETH_TYPE_IPV4, ETH_TYPE_IPV6 } from '../../wire/ethernet.ts';
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../../wire/ip-protocol.ts';
import type { FrameState } from './xlate-frame.ts';

/** The hash, 32 bits without sign. */
export function hashFlow(frame: FrameState, fields: HashFields, basis: number): number {
  return finishHash(hashOf(frame, fields, basis)) >>> 0;
}

function hashOf(frame: FrameState, fields: HashFields, basis: number): number {
  switch (fields) {
    case 'eth_src':
      return hashSource(frame, basis);
    case 'symmetric_l4':
      return hashSymmetricL4(frame, basis);
    case 'symmetric_l3l4':
      return hashSymmetricL3L4(frame, basis, false);
    case 'symmetric_l3l4+udp':
      return hashSymmetricL3L4(frame, basis, true);
    case 'symmetric_l3':
      return hashBothAddresses(frame, mixHash(basis, frame.type));
    case 'nw_src':
      return hashAddress(frame, KEY_NW_SRC, KEY_IPV6_SRC, basis);
    case 'nw_dst':
      return hashAddress(frame, KEY_NW_DST, KEY_IPV6_DST, basis);
  }
}

function read(frame: FrameState, word: number, bits: number): number {
  frame.look(word, bits);
  return frame.flow[word]! & bits;
}

function hashSource(frame: FrameState, basis: number): number {
  return mixHash(mixHash(basis, read(frame, KEY_MAC + 1, 0xffff)), read(frame, KEY_MAC + 2, -1));
}

/** Addresses of all layers, VLAN, protocol, and ports but those of UDP. */
function hashSymmetricL4(frame: FrameState, basis: number): number {
  let hash = hashSymmetricL2(frame, basis);
  if (!frame.isIp) return hash;
  hash = mixHash(hashBothAddresses(frame, hash), frame.proto);
  const { proto } = frame;
  if (proto !== IPPROTO_TCP && proto !== IPPROTO_SCTP) return hash;
  frame.look(KEY_NW, NW_FRAG_LATER);
  return mixHash(hash, bothPorts(frame));
}

/** IP addresses, protocol and ports of IP packets; the Ethernet header of others. */
function hashSymmetricL3L4(frame: FrameState, basis: number, udp: boolean): number {
  if (!frame.isIp) return hashSymmetricL2(frame, basis);
  const { proto } = frame;
  const hash = mixHash(hashBothAddresses(frame, basis), proto);
  if (proto !== IPPROTO_TCP && proto !== IPPROTO_SCTP && !(udp && proto === IPPROTO_UDP)) return hash;
  // Only the first fragment has ports, and all are to go the same way.
  return read(frame, KEY_NW, NW_FRAG_ANY | NW_FRAG_LATER) === 0 ? mixHash(hash, bothPorts(frame)) : hash;
}

function hashSymmetricL2(frame: FrameState, basis: number): number {
  const high = read(frame, KEY_MAC, -1);
  const middle = read(frame, KEY_MAC + 1, -1);
  const low = read(frame, KEY_MAC + 2, -1);
  // Destination is high and the upper half of middle, source is the lower half of middle and low.
  const upper = (high >>> 16) ^ (middle & 0xffff);
  const lower = ((high << 16) | (middle >>> 16)) ^ low;
  frame.look(KEY_TYPE_VLAN, VLAN_PRESENT);
  const vlan = read(frame, KEY_TYPE_VLAN, VLAN_VID_MASK);
  return mixHash(mixHash(mixHash(basis, upper), lower), (frame.type << 16) | vlan);
}

function hashBothAddresses(frame: FrameState, basis: number): number {
  const { type } = frame;
  if (type === ETH_TYPE_IPV4) {
    return mixHash(basis, read(frame, KEY_NW_SRC, -1) ^ read(frame, KEY_NW_DST, -1));
  }
  if (type !== ETH_TYPE_IPV6) return basis;
  let hash = basis;
  for (let i = 0; i < 4; i++) {
    hash = mixHash(hash, read(frame, KEY_IPV6_SRC + i, -1) ^ read(frame, KEY_IPV6_DST + i, -1));
  }
  return hash;
}

function hashAddress(frame: FrameState, word: number, ipv6Word: number, basis: number): number {
  const { type } = frame;
  if (type === ETH_TYPE_IPV4) return mixHash(basis, read(frame, word, -1));
  if (type !== ETH_TYPE_IPV6) return basis;
  let hash = basis;
  for (let i = 0; i < 4; i++) hash = mixHash(hash, read(frame, ipv6Word + i, -1));
  return hash;
}

function bothPorts(frame: FrameState): number {
  const ports = read(frame, KEY_TP, -1);
  return (ports >>> 16) ^ (ports & 0xffff);
}
