// What: CRC32c against its definition and the vectors of RFC 3720, B.4.

import { expect, test } from 'vitest';
import { crc32c, crc32cChange } from '../../../src/datapath/wire/crc32c.ts';
import { RandomSource } from '../../support/random-source.ts';

test('the vectors of RFC 3720', () => {
  expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0x8a91_36aa);
  expect(crc32c(new Uint8Array(32).fill(0xff), 0, 32)).toBe(0x62a8_ab43);
  const counting = Uint8Array.from({ length: 34 }, (_, i) => i - 1);
  expect(crc32c(counting, 1, 32)).toBe(0x46dd_794e);
});

test('a change of the first four bytes', () => {
  const random = new RandomSource(1);
  for (let i = 0; i < 200; i++) {
    const bytes = Uint8Array.from({ length: random.integer(4, 90) }, () => random.integer(0, 255));
    const change = random.integer(0, 0xffff_ffff);
    const changed = bytes.slice();
    for (let byte = 0; byte < 4; byte++) changed[byte]! ^= change >>> (24 - 8 * byte);
    const expected = (crc32c(bytes, 0, bytes.length) ^ crc32c(changed, 0, bytes.length)) >>> 0;
    expect(crc32cChange(change, bytes.length)).toBe(expected);
  }
});
