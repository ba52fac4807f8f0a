// What: fast-check arbitraries for frames: well-formed ones of all kinds that the key knows, then cut short and with
// bytes changed. Why: random bytes alone almost never reach the inner headers. Who: property tests.

import fc from 'fast-check';
import { arp, concat, ethernet, icmpEcho, ip, ipv6, tcp, udp, type VlanTag } from '../../support/frames.ts';

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
  // IGMP, ICMP that is too short, TCP with options and with a header that ends early.
  ip({ ...V4, protocol: 2, payload: Uint8Array.of(0x16, 0, 0, 0, 224, 0, 0, 9) }),
  ip({ ...V4, protocol: 1, payload: Uint8Array.of(8, 0, 0, 0, 0, 0, 0) }),
  tcp(V4, { ...DATAGRAM, sequence: 1, flags: 0x1c2 }),
  tcp(V6, { ...DATAGRAM, sequence: 1, flags: 0xe12 }),
  // Neighbor discovery: no option, both, one twice, another option, one that is cut off.
  neighbor(135, 0, []),
  neighbor(135, 0, [1, 1, 2, 0, 0, 0, 0, 10]),
  neighbor(136, 0, [2, 1, 2, 0, 0, 0, 0, 11, 1, 1, 2, 0, 0, 0, 0, 10]),
  neighbor(136, 0, [2, 1, 2, 0, 0, 0, 0, 11, 2, 1, 2, 0, 0, 0, 0, 10]),
  neighbor(135, 0, [1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 10]),
  neighbor(135, 0, [5, 1, 0, 0, 0, 0, 5, 220, 1, 2, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0]),
  neighbor(135, 0, [1, 2, 2, 0, 0, 0, 0, 10]),
  neighbor(135, 1, [1, 1, 2, 0, 0, 0, 0, 10]),
  neighbor(133, 0, [1, 1, 2, 0, 0, 0, 0, 10]),
  // MPLS stacks of one, two, three and four entries, and one without a bottom.
  mpls(0x8847, [0x0001_1140]),
  mpls(0x8847, [0x0001_1040, 0xffff_ffff]),
  mpls(0x8848, [0x0001_1040, 0x0002_2e3f, 0x0003_3180]),
  mpls(0x8847, [0x0001_1040, 0x0002_2e3f, 0x0003_3080, 0x0004_4101]),
  mpls(0x8847, [0x0001_1040, 0x0002_2e3f]),
  { type: 0x8035, payload: arpOf('request').payload },
  { type: 0x88b5, payload: new Uint8Array(20) },
];

function neighbor(type: number, code: number, options: number[]) {
  const target = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
  return ipv6Of(58, [type, code, 0, 0, 0, 0, 0, 0, ...target, ...options]);
}

function mpls(type: number, entries: number[]) {
  const payload = new Uint8Array(4 * entries.length);
  for (const [i, entry] of entries.entries()) new DataView(payload.buffer).setUint32(4 * i, entry);
  return { type, payload };
}

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
const tag = fc.record({ id: fc.nat(4095), priority: fc.nat(7), tpid: fc.constantFrom(0x8100, 0x88a8) });
const tags = fc.oneof(
  { weight: 4, arbitrary: fc.constant<VlanTag[]>([]) },
  { weight: 3, arbitrary: fc.array(tag, { minLength: 1, maxLength: 3 }) },
);

/** SNAP: the EtherType stands behind a length and LLC (RFC 1042). */
const framed = fc.tuple(packet, tags, fc.boolean()).map(([{ type, payload }, vlans, snap]) => {
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
