// What: a switch over memory ports for the benchmarks: bridge br0, frames in at p1 (port 1), out at p2 (port 2). Why:
// what the switch itself costs per frame is measured without a kernel. Who: datapath.ts, open-vswitch-dpdk.ts.
// Invariant: frames are laid out beforehand; forward() allocates nothing per frame.

import { performance } from 'node:perf_hooks';
import { RX_PACKETS, TX_PACKETS } from '../src/datapath/port/counters.ts';
import { type MemoryPort, MemoryProvider } from '../src/datapath/port/memory.ts';
import { Switch } from '../src/datapath/switch.ts';

/** The clock of the switch stands still; an integer, since a double would be allocated for each call of poll(). */
const CLOCK_MS = 1;
/** Room in the arena for a frame beyond its length. */
const PRELOAD_MARGIN = 192;

export class MemoryLab {
  readonly sw: Switch;
  private readonly source: MemoryPort;
  private readonly sink: MemoryPort;

  /** A bridge without MAC learning, with these flows in ovs-ofctl syntax, and frames to go round. */
  constructor(flows: readonly string[], frames: readonly Uint8Array[]) {
    const preloadBytes = frames.reduce((sum, { length }) => sum + length + PRELOAD_MARGIN, 0);
    const provider = new MemoryProvider({ preloadBytes });
    this.sw = new Switch(provider);
    this.sw.advance(CLOCK_MS);
    this.sw.addBridge({
      name: 'br0',
      datapathId: '0000020000000001',
      address: '02:00:00:00:00:01',
      failMode: 'secure',
      protocols: [],
      macAgeSeconds: 300,
      macTableSize: 8192,
    });
    for (const [name, ofport] of [
      ['p1', 1],
      ['p2', 2],
    ] as const)
      this.sw.addPort('br0', { name, ofport });
    const bundle = this.sw.openBundle('br0', { lines: 'flows', command: 'add' });
    this.sw.addToBundle(bundle, [...flows], 1);
    this.sw.commitBundle(bundle);
    this.source = provider.port('p1');
    this.sink = provider.port('p2');
    this.source.keepSent = false;
    this.sink.keepSent = false;
    this.source.play(frames, 0);
  }

  /** Lets the next `count` frames come in and returns the seconds that it took to forward them. */
  forward(count: number): number {
    this.source.replay(count);
    const start = performance.now();
    while (this.source.ready) this.sw.poll(CLOCK_MS);
    return (performance.now() - start) / 1000;
  }

  /** Frames that came in and that went out. */
  get counts(): { received: number; sent: number } {
    return { received: this.source.counters[RX_PACKETS]!, sent: this.sink.counters[TX_PACKETS]! };
  }
}
