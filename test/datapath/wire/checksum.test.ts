// What: the Internet checksum against the definition, word by word, and against numbers from the RFCs.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  foldSum,
  pseudoSumIpv4,
  pseudoSumIpv6,
  sumBytes,
  sumView,
  updateChecksum,
  updateChecksum32,
} from '../../../src/datapath/wire/checksum.ts';
import { hex, onesComplementSum } from '../port/super-frame.ts';

/** As it goes into a header. */
const checksum = (bytes: Uint8Array, offset: number, length: number, initial = 0) =>
  ~sumBytes(bytes, offset, length, initial) & 0xffff;

const word = fc.integer({ min: 0, max: 0xffff });

describe('sum', () => {
  it('gives the sum of the example in RFC 1071, section 3', () => {
    const bytes = hex('0001 f203 f4f5 f6f7');
    expect(sumBytes(bytes, 0, 8)).toBe(0xddf2);
    expect(checksum(bytes, 0, 8)).toBe(0x220d);
  });

  it('is what the definition says, wherever the bytes lie, in both readings', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(9), word, (data, lead, initial) => {
        const bytes = new Uint8Array(lead + data.length + 5).fill(0xa5);
        bytes.set(data, lead);
        const wanted = onesComplementSum(data, initial);
        expect(sumBytes(bytes, lead, data.length, initial)).toBe(wanted);
        expect(sumView(new DataView(bytes.buffer), lead, data.length, initial)).toBe(wanted);
        expect(checksum(bytes, lead, data.length, initial)).toBe(0xffff - wanted);
      }),
    );
  });

  it('does not overflow on the longest frame of ones', () => {
    for (const length of [65_557, 131_072]) {
      const bytes = new Uint8Array(length).fill(0xff);
      const wanted = onesComplementSum(bytes, 0xffff);
      expect(sumBytes(bytes, 0, length, 0xffff)).toBe(wanted);
      expect(sumView(new DataView(bytes.buffer), 0, length, 0xffff)).toBe(wanted);
    }
  });

  it('keeps the two forms of zero apart: no bytes and zeros give 0, anything else never', () => {
    expect(sumBytes(new Uint8Array(40), 0, 40)).toBe(0);
    expect(sumView(new DataView(new ArrayBuffer(40)), 0, 40)).toBe(0);
    expect(sumBytes(hex('8000 7fff'), 0, 4)).toBe(0xffff);
    expect(sumView(new DataView(hex('8000 7fff').buffer), 0, 4)).toBe(0xffff);
    expect(foldSum(0xffff_ffff)).toBe(0xffff);
  });

  it('can be taken in pieces of even length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(100), (data, half) => {
        const cut = Math.min(half * 2, data.length & ~1);
        const first = sumBytes(data, 0, cut);
        expect(sumBytes(data, cut, data.length - cut, first)).toBe(sumBytes(data, 0, data.length));
      }),
    );
  });
});

describe('pseudo headers', () => {
  it('IPv4: addresses, protocol and length of a UDP datagram', () => {
    // 192.168.0.31 -> 192.168.0.30, UDP, 10 bytes: 45 00 00 1e ...
    const ip = hex('4500 001e 0000 4000 4011 0000 c0a8001f c0a8001e');
    const datagram = hex('0014 000a 000a 0000 4869');
    const sum = sumBytes(datagram, 0, 10, pseudoSumIpv4(ip, 0, 17, 10));
    expect(~sum & 0xffff).toBe(0x35c5);
  });

  it('are the sums of the header that RFC 768 and RFC 8200 draw', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 40, maxLength: 40 }),
        fc.nat(255),
        fc.nat(0xffff),
        (ip, protocol, length) => {
          const four = [...ip.subarray(12, 20), 0, protocol, length >> 8, length & 255];
          expect(pseudoSumIpv4(ip, 0, protocol, length)).toBe(onesComplementSum(Uint8Array.from(four), 0));
          const six = [...ip.subarray(8, 40), 0, 0, length >> 8, length & 255, 0, 0, 0, protocol];
          expect(pseudoSumIpv6(ip, 0, protocol, length)).toBe(onesComplementSum(Uint8Array.from(six), 0));
        },
      ),
    );
  });

  it('IPv6: a length beyond 16 bits counts in full', () => {
    const ip = new Uint8Array(40);
    expect(pseudoSumIpv6(ip, 0, 17, 0x0001_0002)).toBe(17 + 1 + 2);
  });
});

describe('incremental update', () => {
  it('gives the number of RFC 1624, section 4', () => {
    expect(updateChecksum(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
  });

  it('agrees with summing again', () => {
    const header = fc.uint8Array({ minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(header, fc.nat(8), word, (bytes, index, to) => {
        // A header that is not all zero has one form of each checksum.
        bytes[19] = 1;
        const before = checksum(bytes, 0, 20);
        const from = (bytes[index * 2]! << 8) | bytes[index * 2 + 1]!;
        bytes[index * 2] = to >> 8;
        bytes[index * 2 + 1] = to & 255;
        expect(updateChecksum(before, from, to)).toBe(checksum(bytes, 0, 20));
      }),
    );
    fc.assert(
      fc.property(header, fc.integer({ min: 0, max: 0xffff_ffff }), (bytes, to) => {
        bytes[19] = 1;
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        const before = checksum(bytes, 0, 20);
        const from = view.getUint32(12);
        view.setUint32(12, to);
        expect(updateChecksum32(before, from, to)).toBe(checksum(bytes, 0, 20));
      }),
    );
  });
});
