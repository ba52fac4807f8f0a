// What: the Internet checksum (RFC 1071): sums over bytes, pseudo headers of IPv4 and IPv6, and the incremental
// update (RFC 1624). Why: IP, TCP, UDP and ICMP all carry it, and an output port without checksum offload makes
// the switch compute it for every byte of payload. Who: port/segment.ts finishes frames with it; actions that
// rewrite a header use the update.
//
// Convention: a "sum" is the one's complement sum of big-endian 16-bit words, folded to 0..0xffff and NOT yet
// complemented; it can be passed on as `initial`. A "checksum" is the complemented sum as it stands in a header.
// Nothing here allocates. Callers check bounds: bytes outside of the array count as nothing or throw.

/** Offset of the source address in an IPv4 header. */
const IPV4_ADDRESSES = 12;
/** Offset of the source address in an IPv6 header. */
const IPV6_ADDRESSES = 8;

/** Folds the carries of a sum below 2^32 back in: 0..0xffff. */
export function foldSum(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/**
 * Sum of bytes[offset, offset + length) plus `initial`. An odd last byte counts as the high half of a word.
 * `length` is at most 128 KiB, so that the sum of either half stays below 2^31.
 */
export function sumBytes(bytes: Uint8Array, offset: number, length: number, initial = 0): number {
  const end = offset + length;
  const endOfEights = end - (length & 7);
  let high = 0;
  let low = 0;
  let at = offset;
  for (; at < endOfEights; at += 8) {
    high = (high + bytes[at]! + bytes[at + 2]! + bytes[at + 4]! + bytes[at + 6]!) | 0;
    low = (low + bytes[at + 1]! + bytes[at + 3]! + bytes[at + 5]! + bytes[at + 7]!) | 0;
  }
  for (; at + 1 < end; at += 2) {
    high = (high + bytes[at]!) | 0;
    low = (low + bytes[at + 1]!) | 0;
  }
  if (at < end) high = (high + bytes[at]!) | 0;
  // high < 2^24: 64 Ki words of at most 255; folding before the shift keeps the rest below 2^32.
  return foldSum(foldSum(high) * 256 + foldSum(low) + initial);
}

/**
 * The same sum, for long runs and read through a DataView: some three times as fast as sumBytes.
 *
 * Words are read as little-endian int32, which the engine turns into plain loads; the sum of byte-swapped words
 * is the byte-swapped sum (RFC 1071, section 2B). With S the sum of the int32 words modulo 2^32 and H the sum of
 * their upper halves, the sum of their lower halves is S - H * 2^16 modulo 2^32: two additions and one shift for
 * four bytes. Exact while either half stays below 2^32, that is up to 256 KiB.
 */
export function sumView(view: DataView, offset: number, length: number, initial = 0): number {
  const end = offset + length;
  const endOfBlocks = end - (length & 31);
  let whole = 0;
  let upper = 0;
  let at = offset;
  for (; at < endOfBlocks; at += 32) {
    const a = view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    const e = view.getInt32(at + 16, true);
    const f = view.getInt32(at + 20, true);
    const g = view.getInt32(at + 24, true);
    const h = view.getInt32(at + 28, true);
    whole = (whole + a + b + c + d + e + f + g + h) | 0;
    upper =
      (upper +
        (a >>> 16) +
        (b >>> 16) +
        (c >>> 16) +
        (d >>> 16) +
        (e >>> 16) +
        (f >>> 16) +
        (g >>> 16) +
        (h >>> 16)) |
      0;
  }
  for (; at + 3 < end; at += 4) {
    const word = view.getInt32(at, true);
    whole = (whole + word) | 0;
    upper = (upper + (word >>> 16)) | 0;
  }
  let rest = 0;
  if (at + 1 < end) {
    rest = view.getUint16(at, true);
    at += 2;
  }
  if (at < end) rest += view.getUint8(at);
  const swapped = foldSum(foldSum(whole - (upper << 16)) + foldSum(upper) + rest);
  return foldSum((((swapped & 0xff) << 8) | (swapped >>> 8)) + initial);
}

/** Sum of the IPv4 pseudo header (RFC 9293, 3.1; RFC 768) of the header at `ipOffset`. `l4Length` in bytes. */
export function pseudoSumIpv4(
  bytes: Uint8Array,
  ipOffset: number,
  protocol: number,
  l4Length: number,
): number {
  return sumBytes(bytes, ipOffset + IPV4_ADDRESSES, 8, protocol + l4Length);
}

/**
 * Sum of the IPv6 pseudo header (RFC 8200, 8.1) with the addresses of the fixed header at `ipOffset`: right when
 * no routing header names another final destination. `protocol` is the upper-layer one, `l4Length` in bytes,
 * below 2^31.
 */
export function pseudoSumIpv6(
  bytes: Uint8Array,
  ipOffset: number,
  protocol: number,
  l4Length: number,
): number {
  return sumBytes(bytes, ipOffset + IPV6_ADDRESSES, 32, protocol + foldSum(l4Length));
}

/** A checksum after one 16-bit word that it covers changed from `from` to `to` (RFC 1624, equation 3). */
export function updateChecksum(checksumBefore: number, from: number, to: number): number {
  return ~foldSum((~checksumBefore & 0xffff) + (~from & 0xffff) + to) & 0xffff;
}

/** The same for a 32-bit word, for example an IPv4 address. */
export function updateChecksum32(checksumBefore: number, from: number, to: number): number {
  const upper = updateChecksum(checksumBefore, from >>> 16, to >>> 16);
  return updateChecksum(upper, from & 0xffff, to & 0xffff);
}
