// What: Bundles, the bundles that are open, by number. Why: a client that dies in the middle of a transfer must not
// leave its lines in memory for ever. Who: switch.ts.
// Invariant: at most MAX_OPEN are open; one that nobody touched for MAX_IDLE_MS is discarded.

import type { BundleOptions } from '../../api.ts';
import { SwitchError } from '../../errors.ts';
import type { Bridge } from './bridge.ts';
import { Bundle } from './bundle.ts';

const MAX_OPEN = 64;
const MAX_IDLE_MS = 60_000;

interface OpenBundle {
  bundle: Bundle;
  touchedMs: number;
}

export class Bundles {
  /** The one that was touched last stands last. */
  private readonly open = new Map<number, OpenBundle>();
  private lastNumber = 0;

  get size(): number {
    return this.open.size;
  }

  /** Opens a bundle and returns its number. Throws SwitchError resource-exhausted. */
  start(bridge: Bridge, options: BundleOptions, nowMs: number): number {
    this.discardIdle(nowMs);
    if (this.open.size >= MAX_OPEN) {
      throw new SwitchError(
        'resource-exhausted',
        `${MAX_OPEN} bundles are open: commit or discard some, or wait.`,
      );
    }
    const number = ++this.lastNumber;
    this.open.set(number, { bundle: new Bundle(bridge, options), touchedMs: nowMs });
    return number;
  }

  /** Reads lines into a bundle; when one is wrong the bundle is gone. Throws SwitchError. */
  add(number: number, lines: readonly string[], firstLine: number, nowMs: number): void {
    const bundle = this.take(number);
    try {
      bundle.add(lines, firstLine, nowMs);
    } catch (error) {
      bundle.discard();
      throw error;
    }
    this.open.set(number, { bundle, touchedMs: nowMs });
  }

  /** The bundle of that number, which is no longer open. Throws SwitchError not-found. */
  take(number: number): Bundle {
    const open = this.open.get(number);
    if (!open) {
      throw new SwitchError(
        'not-found',
        `There is no open bundle ${number}; one that is not used for a minute is discarded.`,
      );
    }
    this.open.delete(number);
    return open.bundle;
  }

  discard(number: number): void {
    this.open.get(number)?.bundle.discard();
    this.open.delete(number);
  }

  /** Discards the bundles of a bridge that goes away. */
  discardOf(bridge: Bridge): void {
    for (const [number, { bundle }] of this.open) if (bundle.bridge === bridge) this.discard(number);
  }

  /** Discards what nobody has touched for a while. Cheap enough for every poll. */
  discardIdle(nowMs: number): void {
    for (const [number, { touchedMs }] of this.open) {
      if (nowMs - touchedMs < MAX_IDLE_MS) return;
      this.discard(number);
    }
  }
}
