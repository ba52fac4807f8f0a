// What: Meters, the token buckets of the datapath. Why: a meter decides per frame, so its state lies in typed columns.
// Who: execute.ts asks allow(); the meter table of ofproto adds, sets, removes and reads. Semantics are those of the
// userspace datapath of Open vSwitch: buckets start full, hold burst (given or not: then the rate) times 1000, and fill by
// rate each millisecond; a frame that finds too few tokens in several bands is counted to the one of the highest rate.
// Invariants: time moves on in whole milliseconds and never back; nothing is allocated per frame.

/** A band of type drop. */
export interface MeterBandRate {
  /** Packets or kilobits per second. */
  rate: number;
  /** Packets or kilobits; 0: as much as `rate`. */
  burst: number;
}

export interface MeterStats {
  packets: number;
  bytes: number;
  /** When the meter was set, in ms. */
  sinceMs: number;
  /** What each band dropped. */
  bands: { packets: number; bytes: number }[];
}

/** Tokens that a frame takes from a bucket of packets. */
const TOKENS_PER_PACKET = 1000;

/** One meter: its bands side by side. */
interface MeterState {
  perPacket: boolean;
  bands: number;
  /** Milliseconds after which any bucket is full. */
  fullAfterMs: number;
  /** Per band. */
  rate: Float64Array;
  capacity: Float64Array;
  tokens: Float64Array;
  droppedPackets: Float64Array;
  droppedBytes: Float64Array;
  /** USED_MS, PACKETS, BYTES, SINCE_MS. */
  totals: Float64Array;
}

const USED_MS = 0;
const PACKETS = 1;
const BYTES = 2;
const SINCE_MS = 3;

export class Meters {
  private readonly meters: (MeterState | undefined)[] = [];
  private readonly free: number[] = [];

  /** An index for a new meter, which lets everything pass until set(). */
  add(): number {
    const index = this.free.pop() ?? this.meters.length;
    this.meters[index] = undefined;
    return index;
  }

  /** Gives the meter its bands, with full buckets and counters at 0. */
  set(index: number, unit: 'kbps' | 'pktps', bands: readonly MeterBandRate[], nowMs: number): void {
    const rate = Float64Array.from(bands, (band) => band.rate);
    const capacity = Float64Array.from(bands, (band) => (band.burst === 0 ? band.rate : band.burst) * 1000);
    let fullAfterMs = 0;
    for (let i = 0; i < bands.length; i++) {
      fullAfterMs = Math.max(fullAfterMs, Math.floor(capacity[i]! / Math.max(rate[i]!, 1)));
    }
    const now = Math.floor(nowMs);
    this.meters[index] = {
      perPacket: unit === 'pktps',
      bands: bands.length,
      fullAfterMs,
      rate,
      capacity,
      tokens: capacity.slice(),
      droppedPackets: new Float64Array(bands.length),
      droppedBytes: new Float64Array(bands.length),
      totals: Float64Array.of(now, 0, 0, now),
    };
  }

  /** Forgets the meter. No program may refer to it any more. */
  remove(index: number): void {
    this.meters[index] = undefined;
    this.free.push(index);
  }

  /** Counts a frame of `bytes` bytes at clock[0]. False: a band drops it. */
  allow(index: number, bytes: number, clock: Float64Array): boolean {
    const meter = this.meters[index];
    if (meter === undefined) return true;
    const { totals, rate, tokens, capacity } = meter;
    const now = Math.floor(clock[0]!);
    const elapsed = Math.min(Math.max(now - totals[USED_MS]!, 0), meter.fullAfterMs);
    totals[USED_MS] = now;
    totals[PACKETS]! += 1;
    totals[BYTES]! += bytes;
    const needed = meter.perPacket ? TOKENS_PER_PACKET : bytes * 8;
    let exceeded = -1;
    for (let band = 0; band < meter.bands; band++) {
      const filled = Math.min(tokens[band]! + elapsed * rate[band]!, capacity[band]!);
      if (filled >= needed) {
        tokens[band] = filled - needed;
        continue;
      }
      tokens[band] = filled;
      if (exceeded < 0 || rate[band]! > rate[exceeded]!) exceeded = band;
    }
    if (exceeded < 0) return true;
    meter.droppedPackets[exceeded]! += 1;
    meter.droppedBytes[exceeded]! += bytes;
    return false;
  }

  /** The counters of a meter that was set. */
  stats(index: number): MeterStats {
    const meter = this.meters[index];
    if (meter === undefined) return { packets: 0, bytes: 0, sinceMs: 0, bands: [] };
    const bands = Array.from(meter.droppedPackets, (packets, band) => ({
      packets,
      bytes: meter.droppedBytes[band]!,
    }));
    return {
      packets: meter.totals[PACKETS]!,
      bytes: meter.totals[BYTES]!,
      sinceMs: meter.totals[SINCE_MS]!,
      bands,
    };
  }
}
