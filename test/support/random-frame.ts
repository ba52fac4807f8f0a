// What: well-formed frames of all kinds that flows can tell apart, drawn from small pools of addresses, ports and tags.
// Why: random flows over the same pools (random-pipeline.ts) are hit often. Who: tests that compare with an oracle.
// Invariant: the last eight bytes of a frame are MARK and its number, so that what comes out can be told apart.

import {
  checksum,
  concat,
  ethernet,
  hex,
  ip,
  ipBytes,
  ipv6,
  macBytes,
  tcp,
  transportChecksum,
  udp,
} from './frames.ts';
import type { RandomSource } from './random-source.ts';

export const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03', '02:00:00:00:00:04'];
export const GROUP_MACS = ['ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:05', '33:33:00:00:00:01'];
export const IPV4 = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '192.168.5.5'];
export const IPV6 = ['fe80::1', '2001:db8::1', '2001:db8::2', '2001:db8:1::1'];
export const PORTS = [1, 22, 53, 80, 443, 8080];
export const VLANS = [1, 2, 100, 4094];
export const LABELS = [16, 17, 1000];
export const TOS = [0, 0x20, 0xb8, 0x03];
export const TTLS = [1, 2, 64, 255];

const MARK = 'MARK';
const MARK_LENGTH = 8;

/** The number of a frame, or undefined when its end was cut off. */
export function frameNumber(frame: Uint8Array): number | undefined {
  const tail = Buffer.from(frame.subarray(-MARK_LENGTH));
  return tail.length === MARK_LENGTH && tail.subarray(0, 4).toString() === MARK
    ? tail.readUInt32BE(4)
    : undefined;
}

function mark(number: number): Uint8Array {
  const tail = Buffer.from(`${MARK}0000`);
  tail.writeUInt32BE(number, 4);
  return new Uint8Array(tail);
}

interface Packet {
  type: number;
  payload: Uint8Array;
}

/** A frame of at least 60 bytes with the mark of `number` at its end. */
export function randomFrame(random: RandomSource, number: number): Uint8Array {
  const packet = randomPacket(random, number);
  const tags = random.pick([0, 0, 0, 0, 1, 1, 1, 2]);
  const vlans = Array.from({ length: tags }, () => ({
    id: random.pick(VLANS),
    priority: random.pick([0, 0, 3, 7]),
  }));
  const frame = ethernet({
    destination: random.pick(random.chance(0.7) ? MACS : GROUP_MACS),
    source: random.pick(MACS),
    vlans,
    ...packet,
  });
  const padding = Math.max(0, 60 - MARK_LENGTH - frame.length);
  // A packet that already ends in the mark has it as its payload; the others get it as a trailer.
  return frameNumber(frame) === number && padding === 0
    ? frame
    : concat(frame, new Uint8Array(padding), mark(number));
}

function randomPacket(random: RandomSource, number: number): Packet {
  const kinds = [
    randomIpv4,
    randomIpv4,
    randomIpv4,
    randomIpv6,
    randomIpv6,
    randomArp,
    randomMpls,
    randomFragment,
    randomNeighbour,
    randomOther,
  ];
  return random.pick(kinds)(random, number);
}

function payloadOf(random: RandomSource, number: number): Uint8Array {
  const length = random.pick([0, 20, 61, 200]);
  return concat(
    Uint8Array.from({ length }, () => random.integer(0, 255)),
    mark(number),
  );
}

function randomIpv4(random: RandomSource, number: number): Packet {
  const between = { source: random.pick(IPV4), destination: random.pick([...IPV4, '224.0.0.5']) };
  const packet = randomTransport(random, number, between);
  return {
    type: 0x0800,
    payload: withIpv4Fields(packet.payload, random.pick(TOS), random.pick(TTLS), 0x4000),
  };
}

function randomIpv6(random: RandomSource, number: number): Packet {
  const between = { source: random.pick(IPV6), destination: random.pick([...IPV6, 'ff02::1']) };
  const { payload } = randomTransport(random, number, between);
  const label = random.pick([0, 0, 0x12345]);
  payload.set(
    hex(`6${random.pick(TOS).toString(16).padStart(2, '0')}${label.toString(16).padStart(5, '0')}`),
    0,
  );
  payload[7] = random.pick(TTLS);
  return { type: 0x86dd, payload };
}

function randomTransport(
  random: RandomSource,
  number: number,
  between: { source: string; destination: string },
): Packet {
  const ports = {
    sourcePort: random.pick(PORTS),
    destinationPort: random.pick(PORTS),
    payload: payloadOf(random, number),
  };
  const v6 = between.source.includes(':');
  switch (random.pick(['tcp', 'tcp', 'udp', 'udp', 'icmp', 'sctp', 'other'])) {
    case 'tcp':
      return tcp(between, {
        ...ports,
        flags: random.pick([0x02, 0x12, 0x10, 0x11, 0x04, 0x18]),
        sequence: number,
      });
    case 'udp':
      return udp(between, ports);
    case 'icmp': {
      const type = random.pick(v6 ? [128, 129] : [0, 3, 8]);
      const message = concat(Uint8Array.of(type, random.pick([0, 0, 1]), 0, 0, 0, 1, 0, 1), ports.payload);
      const sum = v6 ? transportChecksum(between, 58, message) : checksum(message);
      message.set([sum >> 8, sum & 0xff], 2);
      return ip({ ...between, protocol: v6 ? 58 : 1, payload: message });
    }
    case 'sctp': {
      const { sourcePort, destinationPort } = ports;
      const start = Uint8Array.of(
        sourcePort >> 8,
        sourcePort & 255,
        destinationPort >> 8,
        destinationPort & 255,
      );
      const packet = concat(start, hex('00000001 00000000'), ports.payload);
      new DataView(packet.buffer).setUint32(8, crc32c(packet), true);
      return ip({ ...between, protocol: 132, payload: packet });
    }
    default:
      return ip({
        ...between,
        protocol: random.pick([2, 47, 89]),
        payload: concat(new Uint8Array(8), ports.payload),
      });
  }
}

function randomArp(random: RandomSource): Packet {
  const operation = random.pick([1, 2, 3]);
  const addresses = [random.pick(MACS), random.pick(IPV4), random.pick(MACS), random.pick(IPV4)] as const;
  const [sha, spa, tha, tpa] = addresses;
  const start = concat(hex('0001 0800 0604 00'), Uint8Array.of(operation));
  return { type: 0x0806, payload: concat(start, macBytes(sha), ipBytes(spa), macBytes(tha), ipBytes(tpa)) };
}

function randomMpls(random: RandomSource, number: number): Packet {
  const inner = randomIpv4(random, number).payload;
  const entries = random.pick([1, 1, 2, 3]);
  const stack = Array.from({ length: entries }, (_, i) => {
    const bottom = i === entries - 1 ? 1 : 0;
    const word = (random.pick(LABELS) << 12) | (random.pick([0, 5]) << 9) | (bottom << 8) | random.pick(TTLS);
    return hex((word >>> 0).toString(16).padStart(8, '0'));
  });
  return { type: random.pick([0x8847, 0x8847, 0x8848]), payload: concat(...stack, inner) };
}

/**
 * First, middle and last fragments of IPv4. The later ones are of no protocol with a checksum: Open vSwitch 3.1 corrects
 * one in their payload, where none is, when it changes an address.
 */
function randomFragment(random: RandomSource, number: number): Packet {
  const between = { source: random.pick(IPV4), destination: random.pick(IPV4) };
  const ports = { sourcePort: random.pick(PORTS), destinationPort: random.pick(PORTS) };
  const fragment = random.pick([0x2000, 0x2004, 0x0004]);
  const first = udp(between, { ...ports, payload: payloadOf(random, number) });
  const later = ip({ ...between, protocol: 89, payload: payloadOf(random, number) });
  const { payload } = fragment === 0x2000 ? first : later;
  return { type: 0x0800, payload: withIpv4Fields(payload, random.pick(TOS), random.pick(TTLS), fragment) };
}

/** Neighbour solicitations and advertisements (RFC 4861, 4.3 and 4.4). */
function randomNeighbour(random: RandomSource): Packet {
  const between = { source: random.pick(IPV6), destination: random.pick([...IPV6, 'ff02::1']) };
  const solicits = random.chance(0.5);
  const option = concat(Uint8Array.of(solicits ? 1 : 2, 1), macBytes(random.pick(MACS)));
  const message = concat(
    Uint8Array.of(solicits ? 135 : 136, 0, 0, 0, solicits ? 0 : 0x60, 0, 0, 0),
    ipBytes(random.pick(IPV6)),
    random.chance(0.8) ? option : new Uint8Array(0),
  );
  const sum = transportChecksum(between, 58, message);
  message.set([sum >> 8, sum & 0xff], 2);
  return { type: 0x86dd, payload: ipv6({ ...between, protocol: 58, payload: message, ttl: 255 }) };
}

function randomOther(random: RandomSource, number: number): Packet {
  return { type: random.pick([0x88b5, 0x1234, 0x0842]), payload: payloadOf(random, number) };
}

/** The packet with other ToS, TTL and fragment word, and its header checksum made good. */
function withIpv4Fields(packet: Uint8Array, tos: number, ttl: number, fragment: number): Uint8Array {
  const header = packet.slice(0, 20);
  header[1] = tos;
  header.set([fragment >> 8, fragment & 0xff, ttl], 6);
  header.set([0, 0], 10);
  const sum = checksum(header);
  header.set([sum >> 8, sum & 0xff], 10);
  return concat(header, packet.subarray(20));
}

/** CRC32c of RFC 9260, appendix A, bit by bit. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
