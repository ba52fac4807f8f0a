// What: what a key takes from the transport header: ports, ICMP types, TCP flags, neighbor discovery. Why: it is the
// same over IPv4 and IPv6. Who: extract.ts, whose promises hold here too: each length is checked, nothing throws.

import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  ND_ADVERT,
  ND_LENGTH,
  ND_OPTION_SOURCE,
  ND_OPTION_TARGET,
  ND_SOLICIT,
  TCP_HEADER_LENGTH,
} from '../wire/ip-protocol.ts';
import { KEY_ARP_MAC, KEY_ND_TARGET, KEY_TP, KEY_TPID_TCP_FLAGS } from './key.ts';

/** Source and destination port, or type and code, of the transport header at [l4, end); 0 when it is cut off. */
export function transportWord(view: DataView, l4: number, end: number, proto: number): number {
  const length = end - l4;
  if (proto === IPPROTO_TCP) return hasTcpHeader(view, l4, length) ? view.getInt32(l4) : 0;
  if (proto === IPPROTO_UDP) return length >= 8 ? view.getInt32(l4) : 0;
  if (proto === IPPROTO_SCTP) return length >= 12 ? view.getInt32(l4) : 0;
  if (proto === IPPROTO_ICMP || proto === IPPROTO_IGMP || proto === IPPROTO_ICMPV6) {
    return length >= 8 ? (view.getUint8(l4) << 16) | view.getUint8(l4 + 1) : 0;
  }
  return 0;
}

/** Whether the `length` bytes at l4 hold the header, as long as it says it is. */
function hasTcpHeader(view: DataView, l4: number, length: number): boolean {
  if (length < TCP_HEADER_LENGTH) return false;
  const headerLength = (view.getUint8(l4 + 12) >>> 4) * 4;
  return headerLength >= TCP_HEADER_LENGTH && headerLength <= length;
}

/** `end`: where the packet ends, from here on without padding. */
export function extractTcpFlags(view: DataView, l4: number, end: number, key: Int32Array, at: number): void {
  if (hasTcpHeader(view, l4, end - l4)) key[at + KEY_TPID_TCP_FLAGS]! |= view.getUint16(l4 + 12) & 0xfff;
}

/** Target and link-layer addresses of a neighbor solicitation or advertisement (RFC 4861, 4.3 and 4.4). */
export function extractNeighborDiscovery(
  view: DataView,
  l4: number,
  end: number,
  key: Int32Array,
  at: number,
): void {
  const type = key[at + KEY_TP]! >>> 16;
  const code = key[at + KEY_TP]! & 0xffff;
  if ((type !== ND_SOLICIT && type !== ND_ADVERT) || code !== 0 || end - l4 < ND_LENGTH) return;
  let option = l4 + ND_LENGTH;
  while (end - option >= 8) {
    const optionLength = view.getUint8(option + 1) * 8;
    if (optionLength === 0 || optionLength > end - option) break;
    const kind = view.getUint8(option);
    if (optionLength === 8 && (kind === ND_OPTION_SOURCE || kind === ND_OPTION_TARGET)) {
      if (!setNeighborAddress(view, option + 2, kind, key, at)) return;
    }
    option += optionLength;
  }
  for (let i = 0; i < 4; i++) key[at + KEY_ND_TARGET + i] = view.getInt32(l4 + 8 + 4 * i);
}

/** False, and all addresses cleared, when the message has two addresses of one kind. */
function setNeighborAddress(view: DataView, mac: number, kind: number, key: Int32Array, at: number): boolean {
  const middle = key[at + KEY_ARP_MAC + 1]!;
  const isSource = kind === ND_OPTION_SOURCE;
  const taken = isSource
    ? key[at + KEY_ARP_MAC]! | (middle >>> 16)
    : key[at + KEY_ARP_MAC + 2]! | (middle & 0xffff);
  if (taken !== 0) {
    key.fill(0, at + KEY_ARP_MAC, at + KEY_ARP_MAC + 3);
    return false;
  }
  if (isSource) {
    key[at + KEY_ARP_MAC] = view.getInt32(mac);
    key[at + KEY_ARP_MAC + 1] = (view.getUint16(mac + 4) << 16) | (middle & 0xffff);
  } else {
    key[at + KEY_ARP_MAC + 1] = (middle & 0xffff_0000) | view.getUint16(mac);
    key[at + KEY_ARP_MAC + 2] = view.getInt32(mac + 2);
  }
  return true;
}
