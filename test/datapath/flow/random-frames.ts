// What: fast-check arbitraries for frames: well-formed ones of all kinds that the key knows, then cut short and with
// bytes changed. Why: random bytes alone almost never reach the inner headers. Who: property tests.

import fc from 'fast-check';
import { arp, concat, ethernet, icmpEcho, ip, ipv6, tcp, udp } from '../../support/frames.ts';

const MAC_A = '02:00:00:00:00:0a';
const MAC_B = '02:00:00:00:00:0b';
const V4 = { source: '10.0.0.1', destination: '10.0.0.2' };
const V6 = { source: '2001:db8::1', destination: '2001:db8::2' };
const DATAGRAM = { sourcePort: 1111, destinationPort: 53, payload: new Uint8Array(6) };

/** EtherType and payload of one packet of each kind. */
const PACKETS: { type: number; payload: Uint8Array }[] = [
  udp(V4, DATAGRAM),
  udp(V6, DATAGRAM),
  tcp(V4, { ...DATAGRAM, sequence: 1 }),
  tcp(V6, { ...DATAGRAM, sequence: 1 }),
  icmpEcho(V4, { identifier: 1, sequence: 2 }),
  arpOf('request'),
  arpOf('reply'),
  ip({ ...V4, protocol: 132, payload: Uint8Array.from({ length: 16 }, (_, i) => i + 1) }),
  ip({ ...V4, protocol: 47, payload: new Uint8Array(8).fill(7) }),
  // A hop-by-hop header, then a routing header, then UDP.
  ipv6Of(0, [43, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 10, 0, 8, 0, 0]),
  // A fragment header: first fragment, then a later one.
  ipv6Of(44, [17, 0, 0, 1, 0, 0, 0, 1, 0, 9, 0, 10, 0, 8, 0, 0]),
  ipv6Of(44, [17, 0, 1, 0, 0, 0, 0, 1, 0, 9, 0, 10, 0, 8, 0, 0]),
  // An authentication header, then TCP's number with nothing behind it.
  ipv6Of(51, [6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  { type: 0x88b5, payload: new Uint8Array(20) },
];

function arpOf(operation: 'request' | 'reply') {
  return {
    type: 0x0806,
    payload: arp({ operation, senderMac: MAC_A, senderIp: '10.0.0.1', targetIp: '10.0.0.2' }),
  };
}

function ipv6Of(protocol: number, payload: number[]) {
  return { type: 0x86dd, payload: ipv6({ ...V6, protocol, payload: Uint8Array.from(payload) }) };
}

const packet = fc.constantFrom(...PACKETS);
const tags = fc.option(fc.record({ id: fc.nat(4095), priority: fc.nat(7) }), { nil: undefined });

/** SNAP: the EtherType stands behind a length and LLC (RFC 1042). */
const framed = fc.tuple(packet, tags, fc.boolean()).map(([{ type, payload }, tag, snap]) => {
  const vlans = tag ? [tag] : [];
  const head = { destination: MAC_B, source: MAC_A, vlans };
  if (!snap) return ethernet({ ...head, type, payload });
  const llc = Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0, type >> 8, type & 0xff);
  return ethernet({ ...head, type: payload.length + 8, payload: concat(llc, payload) });
});

const change = fc.tuple(fc.nat(79), fc.nat(255));

/** Frames of at least 14 bytes, most of them well-formed up to some header. */
export const anyFrame: fc.Arbitrary<Uint8Array> = fc
  .tuple(framed, fc.array(change, { maxLength: 3 }), fc.option(fc.nat(90), { nil: undefined }), fc.nat(4))
  .map(([frame, changes, cut, padding]) => {
    const changed = concat(frame, new Uint8Array(padding));
    // Addresses stay, so that changes hit what is parsed.
    for (const [at, value] of changes) if (12 + at < changed.length) changed[12 + at] = value;
    return cut === undefined ? changed : changed.slice(0, Math.max(14, cut));
  });
