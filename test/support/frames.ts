// What: builds Ethernet frames from readable parts, and hex with comments into bytes. Why: a test says what it sends
// in the terms of the field, and shares no code with the switch that it judges. Who: tests; packets.ts sends them.
// Addresses are text (`02:00:00:00:00:01`, `10.0.0.1`, `fd00::1`), numbers are in host order, checksums are right.

import { isIPv6 } from 'node:net';

export interface Ethernet {
  destination: string;
  source: string;
  /** VLAN tags from outer to inner. */
  vlans?: VlanTag[];
  /** EtherType of the payload. */
  type: number;
  payload?: Uint8Array;
}

export interface VlanTag {
  /** VLAN id, 0 to 4095. */
  id: number;
  /** Priority code point, 0 to 7. */
  priority?: number;
  /** 0x8100 (802.1Q) unless said otherwise. */
  tpid?: number;
}

export interface Ip {
  source: string;
  destination: string;
  /** IP protocol number of the payload. */
  protocol: number;
  payload: Uint8Array;
  ttl?: number;
}

export interface Ports {
  sourcePort: number;
  destinationPort: number;
  payload?: Uint8Array;
}

export const TYPE_IPV4 = 0x0800;
export const TYPE_ARP = 0x0806;
export const TYPE_IPV6 = 0x86dd;
export const BROADCAST = 'ff:ff:ff:ff:ff:ff';
/** Shortest Ethernet frame without its check sequence (IEEE 802.3). */
export const MIN_FRAME_LENGTH = 60;

/** Bytes from hex text. White space and what follows `#` on a line do not count. Throws on anything else. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/#.*$/gm, '').replace(/\s+/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not an even number of hex digits: ${digits}`);
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

/** Zeros behind a frame until it has `length` bytes. */
export function pad(frame: Uint8Array, length: number = MIN_FRAME_LENGTH): Uint8Array {
  return frame.length >= length ? frame : concat(frame, new Uint8Array(length - frame.length));
}

/** An Ethernet II frame, without padding (IEEE 802.3, 802.1Q). */
export function ethernet({
  destination,
  source,
  vlans = [],
  type,
  payload = new Uint8Array(),
}: Ethernet): Uint8Array {
  const tags = vlans.map(({ id, priority = 0, tpid = 0x8100 }) =>
    concat(uint16(tpid), uint16((priority << 13) | id)),
  );
  return concat(macBytes(destination), macBytes(source), ...tags, uint16(type), payload);
}

/** An ARP packet for IPv4 over Ethernet (RFC 826). */
export function arp(packet: {
  operation: 'request' | 'reply';
  senderMac: string;
  senderIp: string;
  targetMac?: string;
  targetIp: string;
}): Uint8Array {
  const { operation, senderMac, senderIp, targetMac = '00:00:00:00:00:00', targetIp } = packet;
  return concat(
    hex('0001 0800 06 04'), // Ethernet, IPv4, lengths of their addresses
    uint16(operation === 'request' ? 1 : 2),
    macBytes(senderMac),
    ipBytes(senderIp),
    macBytes(targetMac),
    ipBytes(targetIp),
  );
}

/** An IPv4 packet without options, not to be fragmented (RFC 791). */
export function ipv4({ source, destination, protocol, payload, ttl = 64 }: Ip): Uint8Array {
  const header = concat(
    hex('45 00'),
    uint16(20 + payload.length),
    hex('0000 4000'), // identification, don't fragment
    Uint8Array.of(ttl, protocol, 0, 0),
    ipBytes(source),
    ipBytes(destination),
  );
  header.set(uint16(checksum(header)), 10);
  return concat(header, payload);
}

/** An IPv6 packet without extension headers (RFC 8200). */
export function ipv6({ source, destination, protocol, payload, ttl = 64 }: Ip): Uint8Array {
  const start = concat(hex('60000000'), uint16(payload.length), Uint8Array.of(protocol, ttl));
  return concat(start, ipBytes(source), ipBytes(destination), payload);
}

/** IPv4 or IPv6, by the look of the addresses, with its EtherType. */
export function ip(packet: Ip): { type: number; payload: Uint8Array } {
  const v6 = isIPv6(packet.source);
  return { type: v6 ? TYPE_IPV6 : TYPE_IPV4, payload: v6 ? ipv6(packet) : ipv4(packet) };
}

/** A UDP datagram in its IP packet (RFC 768). */
export function udp(between: Pick<Ip, 'source' | 'destination'>, datagram: Ports) {
  const { sourcePort, destinationPort, payload = new Uint8Array() } = datagram;
  const header = concat(uint16(sourcePort), uint16(destinationPort), uint16(8 + payload.length), uint16(0));
  const segment = concat(header, payload);
  // A sum of zero is sent as all ones: zero would say that there is no checksum.
  segment.set(uint16(transportChecksum(between, 17, segment) || 0xffff), 6);
  return ip({ ...between, protocol: 17, payload: segment });
}

export interface Tcp extends Ports {
  sequence?: number;
  acknowledgement?: number;
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16. */
  flags?: number;
  window?: number;
}

/** A TCP segment without options in its IP packet (RFC 9293). */
export function tcp(between: Pick<Ip, 'source' | 'destination'>, segment: Tcp) {
  const {
    sourcePort,
    destinationPort,
    sequence = 0,
    acknowledgement = 0,
    flags = 16,
    window = 65_535,
  } = segment;
  const bytes = concat(
    uint16(sourcePort),
    uint16(destinationPort),
    uint32(sequence),
    uint32(acknowledgement),
    Uint8Array.of(5 << 4, flags),
    uint16(window),
    uint32(0), // checksum, urgent pointer
    segment.payload ?? new Uint8Array(),
  );
  bytes.set(uint16(transportChecksum(between, 6, bytes)), 16);
  return ip({ ...between, protocol: 6, payload: bytes });
}

export interface Echo {
  identifier?: number;
  sequence?: number;
  payload?: Uint8Array;
}

/** An ICMP echo request in its IPv4 packet (RFC 792). */
export function icmpEcho(
  between: Pick<Ip, 'source' | 'destination'>,
  { identifier = 1, sequence = 1, payload = new Uint8Array() }: Echo = {},
) {
  const message = concat(hex('08 00 0000'), uint16(identifier), uint16(sequence), payload);
  message.set(uint16(checksum(message)), 2);
  return ip({ ...between, protocol: 1, payload: message });
}

/** The Internet checksum of RFC 1071 over any number of byte strings of even length (the last may be odd). */
export function checksum(...parts: Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += part[i]! * 256 + (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return 0xffff - sum;
}

/** Checksum over the pseudo header (RFC 9293, RFC 8200) and a segment. 0 when the segment holds the right one. */
export function transportChecksum(
  { source, destination }: Pick<Ip, 'source' | 'destination'>,
  protocol: number,
  segment: Uint8Array,
): number {
  const end = concat(uint32(segment.length), uint32(protocol));
  return checksum(ipBytes(source), ipBytes(destination), end, segment);
}

/** Six bytes of `aa:bb:cc:dd:ee:ff`. */
export function macBytes(text: string): Uint8Array {
  const bytes = hex(text.replaceAll(':', ''));
  if (bytes.length !== 6) throw new Error(`not a MAC address: ${text}`);
  return bytes;
}

/** Four or sixteen bytes of an IP address. */
export function ipBytes(text: string): Uint8Array {
  if (!isIPv6(text)) return Uint8Array.from(text.split('.'), Number);
  const [left = '', right] = text.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':') : []);
  const [head, tail] = [groups(left), groups(right)];
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return concat(...[...head, ...zeros, ...tail].map((group) => uint16(Number.parseInt(group, 16))));
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function uint32(value: number): Uint8Array {
  return concat(uint16(value >>> 16), uint16(value & 0xffff));
}
