// What: builds TCP and UDP frames of any size with the vnet header that a kernel would put in front, and takes
// segments apart again. Why: tests of segmentation need a second opinion, so this file shares no code with the
// switch: the checksum is the definition, word by word. Who: tests of ports.

export interface SuperFrameSpec {
  ipv6?: boolean;
  udp?: boolean;
  /** VLAN tags from outer to inner, each TPID and TCI, for example [[0x8100, 10]]. */
  vlans?: [number, number][];
  /** IPv4 options, a multiple of 4 bytes. */
  ipOptions?: Uint8Array;
  /** IPv6 destination options headers. */
  extensions?: number;
  tcpOptions?: Uint8Array;
  tcpFlags?: number;
  sequence?: number;
  identification?: number;
  payload: Uint8Array;
  /** 0: not a super-frame, only the checksum is left open. */
  gsoSize: number;
}

export interface BuiltFrame {
  frame: Uint8Array;
  vnetHeader: Uint8Array;
  l3: number;
  l4: number;
  headerLength: number;
}

/** One parsed segment, with what its checksums say. */
export interface Segment {
  payload: Uint8Array;
  ipHeader: Uint8Array;
  l4Header: Uint8Array;
  identification: number;
  sequence: number;
  tcpFlags: number;
  /** Length as the IP header tells it agrees with the frame, and UDP's with both. */
  lengthsAgree: boolean;
  ipChecksumGood: boolean;
  l4ChecksumGood: boolean;
}

/** Bytes from hex text; spaces do not count. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/\s+/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16),
  );
}

/** RFC 1071 as it is defined: 16-bit big-endian words, carries added back, an odd byte padded with zero. */
export function onesComplementSum(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** Payload in which every place is different for a long way, so that a shifted copy shows. */
export function patternPayload(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed | 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

/** The frame of `spec` with a partial checksum, and its vnet header. */
export function buildSuperFrame(spec: SuperFrameSpec): BuiltFrame {
  const ethernet = [...hex('020000000002 020000000001')];
  for (const [tpid, tci] of spec.vlans ?? []) ethernet.push(tpid >> 8, tpid & 255, tci >> 8, tci & 255);
  const etherType = spec.ipv6 ? 0x86dd : 0x0800;
  ethernet.push(etherType >> 8, etherType & 255);
  const l4Header = spec.udp ? udpHeader(spec) : tcpHeader(spec);
  const l4Length = l4Header.length + spec.payload.length;
  const ipHeader = spec.ipv6 ? ipv6Header(spec, l4Length) : ipv4Header(spec, l4Length);
  const checksumOffset = spec.udp ? 6 : 16;
  const partial = onesComplementSum(pseudoHeader(ipHeader, spec.udp ? 17 : 6, l4Length));
  l4Header[checksumOffset] = partial >> 8;
  l4Header[checksumOffset + 1] = partial & 255;

  const l3 = ethernet.length;
  const l4 = l3 + ipHeader.length;
  const headerLength = l4 + l4Header.length;
  const frame = new Uint8Array(Buffer.concat([Uint8Array.from(ethernet), ipHeader, l4Header, spec.payload]));
  return { frame, vnetHeader: vnetHeaderOf(spec, headerLength, l4, checksumOffset), l3, l4, headerLength };
}

/** Takes apart a segment that was cut from a frame built from `spec`. */
export function parseSegment(frame: Uint8Array, spec: SuperFrameSpec, built: BuiltFrame): Segment {
  const { l3, l4 } = built;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const headerLength = spec.udp ? l4 + 8 : l4 + (frame[l4 + 12]! >> 4) * 4;
  const ipHeader = frame.slice(l3, l4);
  const l4Length = frame.length - l4;
  const pseudo = pseudoHeader(ipHeader, spec.udp ? 17 : 6, l4Length);
  const ipLength = spec.ipv6 ? view.getUint16(l3 + 4) + 40 : view.getUint16(l3 + 2);
  return {
    payload: frame.slice(headerLength),
    ipHeader,
    l4Header: frame.slice(l4, headerLength),
    identification: spec.ipv6 ? 0 : view.getUint16(l3 + 4),
    sequence: spec.udp ? 0 : view.getUint32(l4 + 4),
    tcpFlags: spec.udp ? 0 : frame[l4 + 13]!,
    lengthsAgree: ipLength === frame.length - l3 && (!spec.udp || view.getUint16(l4 + 4) === l4Length),
    ipChecksumGood: spec.ipv6 === true || onesComplementSum(ipHeader) === 0xffff,
    l4ChecksumGood: onesComplementSum(frame.subarray(l4), onesComplementSum(pseudo)) === 0xffff,
  };
}

/** The pseudo header of RFC 9293 or RFC 8200, its bytes in full. */
export function pseudoHeader(ipHeader: Uint8Array, protocol: number, l4Length: number): Uint8Array {
  const length = [l4Length >>> 24, (l4Length >> 16) & 255, (l4Length >> 8) & 255, l4Length & 255];
  if (ipHeader[0]! >> 4 === 6)
    return Uint8Array.from([...ipHeader.subarray(8, 40), ...length, 0, 0, 0, protocol]);
  return Uint8Array.from([...ipHeader.subarray(12, 20), 0, protocol, ...length.slice(2)]);
}

function tcpHeader(spec: SuperFrameSpec): Uint8Array {
  const options = spec.tcpOptions ?? new Uint8Array(0);
  const header = new Uint8Array(20 + options.length);
  const view = new DataView(header.buffer);
  view.setUint16(0, 40_000);
  view.setUint16(2, 5201);
  view.setUint32(4, spec.sequence ?? 1);
  view.setUint32(8, 0x0102_0304);
  header[12] = (header.length / 4) << 4;
  header[13] = spec.tcpFlags ?? 0x10;
  view.setUint16(14, 502);
  header.set(options, 20);
  return header;
}

function udpHeader(spec: SuperFrameSpec): Uint8Array {
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint16(0, 40_000);
  view.setUint16(2, 4433);
  view.setUint16(4, 8 + spec.payload.length);
  return header;
}

function ipv4Header(spec: SuperFrameSpec, l4Length: number): Uint8Array {
  const options = spec.ipOptions ?? new Uint8Array(0);
  const header = new Uint8Array(20 + options.length);
  const view = new DataView(header.buffer);
  header[0] = 0x40 | (header.length / 4);
  view.setUint16(2, header.length + l4Length);
  view.setUint16(4, spec.identification ?? 1);
  view.setUint16(6, 0x4000);
  header[8] = 64;
  header[9] = spec.udp ? 17 : 6;
  header.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
  header.set(options, 20);
  view.setUint16(10, 0xffff - onesComplementSum(header));
  return header;
}

function ipv6Header(spec: SuperFrameSpec, l4Length: number): Uint8Array {
  const extensions = spec.extensions ?? 0;
  const header = new Uint8Array(40 + extensions * 8);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x6000_0000);
  view.setUint16(4, extensions * 8 + l4Length);
  header[7] = 64;
  header.set(hex('fd000000000000000000000000000001 fd000000000000000000000000000002'), 8);
  const protocol = spec.udp ? 17 : 6;
  header[6] = extensions > 0 ? 60 : protocol;
  for (let i = 0; i < extensions; i++) {
    // Destination options: next header, length 0 (8 bytes), PadN of 4.
    header.set([i + 1 < extensions ? 60 : protocol, 0, 1, 4], 40 + i * 8);
  }
  return header;
}

function vnetHeaderOf(
  spec: SuperFrameSpec,
  headerLength: number,
  l4: number,
  checksumOffset: number,
): Uint8Array {
  const header = new Uint8Array(10);
  const view = new DataView(header.buffer);
  header[0] = 1;
  if (spec.gsoSize > 0) {
    header[1] = spec.udp ? 5 : spec.ipv6 ? 4 : 1;
    view.setUint16(2, headerLength, true);
    view.setUint16(4, spec.gsoSize, true);
  }
  view.setUint16(6, l4, true);
  view.setUint16(8, checksumOffset, true);
  return header;
}
