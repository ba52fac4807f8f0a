// What: MAC, IPv4 and IPv6 addresses from and to text. Why: matches are written with them; IPv6 has many spellings.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readBits, writeBits } from '../../../src/datapath/flow/bits.ts';
import {
  formatIpv4Word,
  formatIpv6Words,
  formatMac,
  parseIpv4Text,
  parseIpv6Text,
  parseMac,
} from '../../../src/datapath/wire/address-text.ts';
import { isGroupMac, isReservedGroup } from '../../../src/datapath/wire/ethernet.ts';

/** Stands between other text, as in a flow. */
function parseIpv4(text: string): number {
  return parseIpv4Text(`1${text}1`, 1, 1 + text.length);
}

function parseIpv6(text: string): bigint | undefined {
  const words = new Int32Array(4);
  return parseIpv6Text(`1${text}1`, 1, 1 + text.length, words) ? readBits(words, 0, 128) : undefined;
}

function formatIpv6(address: bigint): string {
  const words = new Int32Array(5);
  writeBits(words, 32, 128, address);
  return formatIpv6Words(words, 1);
}

describe('MAC', () => {
  test.each([
    ['02:00:00:00:00:01', 0x0200_0000_0001, false],
    ['FF:ff:ff:ff:ff:ff', 0xffff_ffff_ffff, true],
    ['1:2:3:4:5:6', 0x0102_0304_0506, true],
    ['01:80:c2:00:00:00', 0x0180_c200_0000, true],
  ])('%s', (text, mac, isGroup) => {
    expect(parseMac(text)).toBe(mac);
    expect(parseMac(formatMac(mac))).toBe(mac);
    expect(isGroupMac(mac)).toBe(isGroup);
  });

  test.each([
    '',
    '02:00:00:00:00',
    '02:00:00:00:00:01:02',
    '02:00:00:00:00:0g',
    '020000000001',
    '002:0:0:0:0:0',
  ])('not "%s"', (text) => expect(parseMac(text)).toBeUndefined());
});

describe('IPv4', () => {
  test('there and back', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(formatIpv4Word(parseIpv4(text))).toBe(text);
      }),
    );
    expect(parseIpv4('255.255.255.255')).toBe(2 ** 32 - 1);
  });

  test.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.-4', ' 1.2.3.4'])('not "%s"', (text) => {
    expect(parseIpv4(text)).toBeNaN();
  });
});

describe('IPv6', () => {
  test.each([
    ['::', 0n, '::'],
    ['::1', 1n, '::1'],
    ['2001:DB8:0:0:0:0:0:1', 0x2001_0db8_0000_0000_0000_0000_0000_0001n, '2001:db8::1'],
    ['1:0:0:2:0:0:0:3', 0x0001_0000_0000_0002_0000_0000_0000_0003n, '1:0:0:2::3'],
    ['1:0:0:2:0:0:3:4', 0x0001_0000_0000_0002_0000_0000_0003_0004n, '1::2:0:0:3:4'],
    ['1:2:3:4:5:6:7:0', 0x0001_0002_0003_0004_0005_0006_0007_0000n, '1:2:3:4:5:6:7:0'],
    ['fe80::', 0xfe80n << 112n, 'fe80::'],
    ['::ffff:10.0.0.1', 0xffff_0a00_0001n, '::ffff:10.0.0.1'],
    ['::10.0.0.1', 0x0a00_0001n, '::10.0.0.1'],
    ['64:ff9b::10.0.0.1', (0x64n << 112n) | (0xff9bn << 96n) | 0x0a00_0001n, '64:ff9b::a00:1'],
  ])('%s', (text, address, shortest) => {
    expect(parseIpv6(text)).toBe(address);
    expect(formatIpv6(address)).toBe(shortest);
  });

  test('there and back', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = parseIpv6(text);
        expect(address).toBeDefined();
        expect(parseIpv6(formatIpv6(address!))).toBe(address);
      }),
    );
  });

  test.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1.2.3',
    '1.2.3.4::',
  ])('not "%s"', (text) => expect(parseIpv6(text)).toBeUndefined());
});

// As ofproto/trace of Open vSwitch 3.1 says of NORMAL.
test.each([
  ['01:80:c2:00:00:00', true],
  ['01:80:c2:00:00:0f', true],
  ['01:80:c2:00:00:10', false],
  ['00:e0:2b:00:00:00', true],
  ['00:e0:2b:00:00:01', false],
  ['00:e0:2b:00:00:04', true],
  ['00:e0:2b:00:00:05', false],
  ['00:e0:2b:00:00:06', true],
  ['01:00:0c:00:00:00', true],
  ['01:00:0c:00:00:01', false],
  ['01:00:0c:cc:cc:c0', true],
  ['01:00:0c:cc:cc:c7', true],
  ['01:00:0c:cc:cc:c8', false],
  ['01:00:0c:cc:cc:cc', true],
  ['01:00:0c:cc:cc:cd', true],
  ['01:00:0c:cc:cc:ce', false],
  ['01:00:0c:cd:cd:cd', true],
  ['01:00:0c:cc:cd:cd', false],
])('%s is reserved: %s', (text, reserved) => {
  expect(isReservedGroup(parseMac(text)!)).toBe(reserved);
});
