// What: bytes as hexadecimal digits. Who: the other formats.

/** Two digits a byte. */
export function hex(bytes: Uint8Array, separator: string): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(separator);
}
