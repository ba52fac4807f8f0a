// What: reads and writes pcap files of Ethernet frames. Why: the same frames go to tsswitch and to Open vSwitch with
// DPDK, whose pcap driver reads them from a file. Who: datapath.ts, open-vswitch-dpdk.ts.
// Format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html, microseconds, both byte orders when reading.

import { readFileSync, writeFileSync } from 'node:fs';

const MAGIC = 0xa1b2_c3d4;
/** The same with time stamps in nanoseconds, which are not looked at. */
const MAGIC_NANOSECONDS = 0xa1b2_3c4d;
const LINKTYPE_ETHERNET = 1;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** The frames of a file. Throws Error when it is no pcap file of Ethernet frames. */
export function readPcap(path: string): Uint8Array[] {
  const bytes = readFileSync(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isMagic = (little: boolean) => [MAGIC, MAGIC_NANOSECONDS].includes(view.getUint32(0, little));
  const little = bytes.length >= FILE_HEADER && isMagic(true);
  if (bytes.length < FILE_HEADER || !(little || isMagic(false))) throw new Error(`${path} is no pcap file.`);
  if ((view.getUint32(20, little) & 0xffff) !== LINKTYPE_ETHERNET) {
    throw new Error(`${path} holds no Ethernet frames.`);
  }
  const frames: Uint8Array[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= bytes.length; ) {
    const length = view.getUint32(at + 8, little);
    at += RECORD_HEADER;
    if (at + length > bytes.length) throw new Error(`${path} ends within frame ${frames.length + 1}.`);
    frames.push(bytes.subarray(at, at + length));
    at += length;
  }
  return frames;
}

/** Writes frames, all at time 0. */
export function writePcap(path: string, frames: readonly Uint8Array[]): void {
  const size = frames.reduce((sum, frame) => sum + RECORD_HEADER + frame.length, FILE_HEADER);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  // Version 2.4, and the longest frame.
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 65_535, true);
  view.setUint32(20, LINKTYPE_ETHERNET, true);
  let at = FILE_HEADER;
  for (const frame of frames) {
    view.setUint32(at + 8, frame.length, true);
    view.setUint32(at + 12, frame.length, true);
    bytes.set(frame, at + RECORD_HEADER);
    at += RECORD_HEADER + frame.length;
  }
  writeFileSync(path, bytes);
}
