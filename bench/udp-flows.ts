// What: the frames and the flow tables of the CPU-only benchmark. Why: tsswitch and Open vSwitch get exactly the same.
// Who: datapath.ts, open-vswitch-dpdk.ts.
// UDP flow n goes from 10.0.0.(n mod 256), port 1024 + n / 256, to 10.1.0.0 + (n mod 2000), port 1000 + (n mod 2000),
// all between the same two stations; so each of the 2,000 L4 rules has its share of the flows.

export const FRAME_LENGTH = 60;
export const FLOW_COUNTS = [1, 1000, 10_000, 100_000] as const;

const SERVICES = 2000;
const SOURCES = 256;
const FIRST_PORT = 1000;
const DESTINATION_MAC = '02:00:00:00:00:01';

/** A flow table in ovs-ofctl syntax; frames come in on port 1 and leave by port 2. */
export interface FlowTableCase {
  name: string;
  flows: string[];
}

export const TABLES: readonly FlowTableCase[] = [
  { name: 'one L2 rule', flows: [`dl_dst=${DESTINATION_MAC} actions=output:2`] },
  {
    name: '2,000 L4 rules',
    flows: Array.from({ length: SERVICES }, (_, n) => {
      const address = `10.1.${n >> 8}.${n & 0xff}`;
      return `priority=${n + 1},udp,nw_dst=${address},tp_dst=${FIRST_PORT + n} actions=output:2`;
    }),
  },
];

export function flowsTitle(count: number): string {
  return `${count.toLocaleString('en')} UDP ${count === 1 ? 'flow' : 'flows'}`;
}

/** One frame of each of `count` flows. */
export function udpFrames(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, n) => {
    const service = n % SERVICES;
    return udpFrame(
      0x0a00_0000 | (n % SOURCES),
      0x0a01_0000 | service,
      1024 + Math.floor(n / SOURCES),
      FIRST_PORT + service,
    );
  });
}

/** A UDP frame without a UDP checksum. */
export function udpFrame(
  source: number,
  destination: number,
  sourcePort: number,
  destinationPort: number,
  protocol = 17,
): Uint8Array {
  const frame = new Uint8Array(FRAME_LENGTH);
  const view = new DataView(frame.buffer);
  view.setUint16(0, 0x0200);
  view.setUint32(2, 1);
  view.setUint16(6, 0x0200);
  view.setUint32(8, 2);
  view.setUint16(12, 0x0800);
  frame[14] = 0x45;
  view.setUint16(16, FRAME_LENGTH - 14);
  frame[22] = 64;
  frame[23] = protocol;
  view.setUint32(26, source);
  view.setUint32(30, destination);
  view.setUint16(24, headerChecksum(view));
  view.setUint16(34, sourcePort);
  view.setUint16(36, destinationPort);
  view.setUint16(38, FRAME_LENGTH - 34);
  return frame;
}

/** Of the IPv4 header, whose checksum field is 0 (RFC 791). */
function headerChecksum(view: DataView): number {
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
