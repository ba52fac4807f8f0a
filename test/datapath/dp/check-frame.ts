// What: checks all checksums of a frame from scratch. Why: edits update them by what changed; this is the second opinion,
// and shares no code with the switch. Who: execute*.test.ts.

export interface Checked {
  /** What is wrong, by the name of the header; empty when all is right. */
  wrong: string[];
  /** The frame with its checksums set to 0, to compare the rest. */
  rest: Uint8Array;
}

/** Checks IPv4, TCP, UDP, ICMP, ICMPv6 and SCTP in frames with tags and labels; later fragments have no transport. */
export function checkFrame(frame: Uint8Array): Checked {
  const rest = frame.slice();
  const wrong: string[] = [];
  const u16 = (at: number) => frame[at]! * 256 + frame[at + 1]!;
  let at = 12;
  while (at + 6 <= frame.length && (u16(at) === 0x8100 || u16(at) === 0x88a8)) at += 4;
  let type = u16(at);
  at += 2;
  if (type === 0x8847 || type === 0x8848) {
    while (at + 4 < frame.length && (frame[at + 2]! & 1) === 0) at += 4;
    at += 4;
    type = frame[at]! >> 4 === 6 ? 0x86dd : 0x0800;
  }
  const zero = (from: number, count: number) => rest.fill(0, from, from + count);
  if (type === 0x0800 && frame.length >= at + 20 && frame[at]! >> 4 === 4) {
    const header = (frame[at]! & 15) * 4;
    const total = u16(at + 2);
    if (header < 20 || total < header || at + total > frame.length) return { wrong, rest };
    if (sum(frame.subarray(at, at + header)) !== 0xffff) wrong.push('ipv4');
    zero(at + 10, 2);
    if ((u16(at + 6) & 0x1fff) !== 0) return { wrong, rest };
    // A first fragment's checksum covers what is not here.
    const whole = (u16(at + 6) & 0x2000) === 0;
    transport(at + header, at + total, frame[at + 9]!, frame.subarray(at + 12, at + 20), whole);
  } else if (type === 0x86dd && frame.length >= at + 40) {
    const end = at + 40 + u16(at + 4);
    if (end > frame.length) return { wrong, rest };
    let next = frame[at + 6]!;
    let l4 = at + 40;
    let whole = true;
    const addresses = frame.slice(at + 8, at + 40);
    while ([0, 43, 44, 51, 60].includes(next)) {
      if (l4 + 8 > end) return { wrong, rest };
      if (next === 44) {
        if ((u16(l4 + 2) & 0xfff8) !== 0) return { wrong, rest };
        whole = (u16(l4 + 2) & 1) === 0;
      }
      // The last address of a routing header is the destination that counts (RFC 8200, 8.1).
      if (next === 43 && frame[l4 + 3]! > 0) {
        const length = (frame[l4 + 1]! + 1) * 8;
        addresses.set(frame.subarray(l4 + length - 16, l4 + length), 16);
      }
      let length = (frame[l4 + 1]! + 1) * 8;
      if (next === 51) length = (frame[l4 + 1]! + 2) * 4;
      if (next === 44) length = 8;
      next = frame[l4]!;
      l4 += length;
      if (l4 > end) return { wrong, rest };
    }
    transport(l4, end, next, addresses, whole);
  }
  return { wrong, rest };

  function transport(l4: number, end: number, protocol: number, addresses: Uint8Array, whole: boolean): void {
    const message = frame.subarray(l4, end);
    const pseudo = sum(addresses) + protocol + message.length;
    const covered = (name: string, checksumAt: number, minimum: number, initial: number) => {
      if (message.length < minimum) return;
      zero(l4 + checksumAt, 2);
      const none = protocol === 17 && u16(l4 + checksumAt) === 0;
      if (whole && !none && sum(message, initial) !== 0xffff) wrong.push(name);
    };
    if (protocol === 6) covered('tcp', 16, 20, pseudo);
    else if (protocol === 17) covered('udp', 6, 8, pseudo);
    else if (protocol === 58) covered('icmpv6', 2, 4, pseudo);
    else if (protocol === 1) covered('icmp', 2, 4, 0);
    else if (protocol === 132 && message.length >= 12) {
      zero(l4 + 8, 4);
      const expected = new DataView(frame.buffer, frame.byteOffset + l4 + 8).getUint32(0, true);
      if (whole && naiveCrc32c(rest.subarray(l4, end)) !== expected) wrong.push('sctp');
    }
  }
}

function sum(bytes: Uint8Array, initial = 0): number {
  let total = initial;
  for (let i = 0; i < bytes.length; i += 2) total += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

/** Bit by bit, as RFC 9260 defines it. */
export function naiveCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
