// What: CRC32c (RFC 9260, appendix A), the checksum of SCTP. Why: a set of SCTP ports and an output port without checksum
// offload must make it true. Pure; allocates nothing. On the wire its lowest byte comes first (little endian).

/** Castagnoli polynomial, reflected. */
const POLYNOMIAL = 0x82f6_3b78;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** The CRC32c of bytes[offset, offset + length). */
export function crc32c(bytes: Uint8Array, offset: number, length: number): number {
  let crc = -1;
  for (let at = offset; at < offset + length; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}

/**
 * What the CRC32c of `length` bytes must be XORed with after the first four of them changed by `change`: the XOR of the
 * old and the new bytes, as a big-endian word. A checksum that was wrong stays as wrong as it was.
 */
export function crc32cChange(change: number, length: number): number {
  let crc = 0;
  for (let shift = 24; shift >= 0; shift -= 8) crc = (crc >>> 8) ^ TABLE[(crc ^ (change >>> shift)) & 0xff]!;
  for (let left = length - 4; left > 0; left--) crc = (crc >>> 8) ^ TABLE[crc & 0xff]!;
  return crc >>> 0;
}
