// What: a verdict, what is to happen to a frame, as one Int32; and the store of programs that verdicts refer to.
// Why: the hot path decides by comparing an integer; most frames go to exactly one port. Who: ofproto makes
// verdicts, dp carries them out and caches them.
//
//   verdict < 0                       drop; ~verdict is the index of the reason in drop.ts
//   0 <= verdict < FIRST_PROGRAM      send to the datapath port of that index
//   otherwise                         carry out program verdict - FIRST_PROGRAM (program.ts)

import { DROP, type DropReason } from '../drop.ts';

/** Bound of datapath port indices. */
export const MAX_DATAPATH_PORTS = 1 << 16;
const FIRST_PROGRAM = MAX_DATAPATH_PORTS;

export function dropVerdict(reason: DropReason): number {
  return ~DROP[reason];
}

export function isDrop(verdict: number): boolean {
  return verdict < 0;
}

export function isSingleOutput(verdict: number): boolean {
  return verdict < FIRST_PROGRAM;
}

const EMPTY = new Int32Array(0);
const NONE = -1;
/** Programs that there is room for at first. */
const CAPACITY = 256;

/** Programs without a holder that are kept, as the next translation may ask for the same again. */
const SPARE = 1024;

/**
 * Programs, each kept once and counted: whoever stores a verdict holds it, and releases it when it forgets it. Every
 * translation interns one, so programs are found by a hash of their words.
 */
export class Programs {
  /** By verdict - FIRST_PROGRAM. */
  private readonly programs: Int32Array[] = [];
  /** Places of programs without a holder; a program among them that is found again may have holders by now. */
  private readonly free: number[] = [];
  /** 1 for each place in `free`. */
  private isFree = new Uint8Array(CAPACITY);
  private held = 0;
  private turn = 0;
  /** Of each program: its holders, the hash of its words, and the next one in its bucket. */
  private holders = new Int32Array(CAPACITY);
  private hashes = new Int32Array(CAPACITY);
  private next = new Int32Array(CAPACITY);
  /** The first program of each bucket, as many buckets as there is room for programs: a power of two. */
  private buckets = new Int32Array(CAPACITY).fill(NONE);

  /** Programs that somebody holds. */
  get size(): number {
    return this.held;
  }

  /** The program of a verdict that is neither a drop nor a single output. */
  of(verdict: number): Int32Array {
    return this.programs[verdict - FIRST_PROGRAM]!;
  }

  /** The verdict of a program, which is copied when it is new. The caller holds it once. */
  intern(words: Int32Array, length = words.length): number {
    const hash = hashOf(words, length);
    let index = this.buckets[hash & (this.buckets.length - 1)]!;
    while (index !== NONE && !(this.hashes[index] === hash && isSame(this.programs[index]!, words, length))) {
      index = this.next[index]!;
    }
    if (index === NONE) index = this.insert(words.slice(0, length), hash);
    if (this.holders[index] === 0) this.held++;
    this.holders[index]!++;
    return FIRST_PROGRAM + index;
  }

  /** One more holder. Drops and single outputs need none. */
  hold(verdict: number): void {
    if (verdict >= FIRST_PROGRAM) this.holders[verdict - FIRST_PROGRAM]!++;
  }

  /** One holder less; after the last one has gone the verdict may come to mean another program. */
  release(verdict: number): void {
    if (verdict < FIRST_PROGRAM) return;
    const index = verdict - FIRST_PROGRAM;
    if (--this.holders[index]! > 0) return;
    this.held--;
    if (this.isFree[index] === 0) this.free.push(index);
    this.isFree[index] = 1;
    if (this.free.length > 2 * SPARE) this.empty(index);
  }

  private insert(program: Int32Array, hash: number): number {
    const index = this.takePlace();
    this.programs[index] = program;
    this.hashes[index] = hash;
    this.holders[index] = 0;
    this.link(index);
    return index;
  }

  /** A place without a program: a new one until there are enough programs to spare. */
  private takePlace(): number {
    const { free } = this;
    while (free.length > SPARE) {
      // In turn, so that each stays for a while.
      this.turn = (this.turn + 1) % free.length;
      const index = free[this.turn]!;
      free[this.turn] = free[free.length - 1]!;
      free.pop();
      this.isFree[index] = 0;
      if (this.holders[index]! > 0) continue;
      this.empty(index);
      return index;
    }
    if (this.programs.length === this.buckets.length) this.grow();
    this.programs.push(EMPTY);
    return this.programs.length - 1;
  }

  /** Forgets the program of a place. */
  private empty(index: number): void {
    if (this.programs[index] === EMPTY) return;
    this.unlink(index);
    this.programs[index] = EMPTY;
  }

  private link(index: number): void {
    const bucket = this.hashes[index]! & (this.buckets.length - 1);
    this.next[index] = this.buckets[bucket]!;
    this.buckets[bucket] = index;
  }

  private unlink(index: number): void {
    const { next, buckets } = this;
    const bucket = this.hashes[index]! & (buckets.length - 1);
    if (buckets[bucket] === index) {
      buckets[bucket] = next[index]!;
      return;
    }
    let before = buckets[bucket]!;
    while (next[before] !== index) before = next[before]!;
    next[before] = next[index]!;
  }

  private grow(): void {
    const count = this.buckets.length;
    this.holders = doubled(this.holders);
    this.hashes = doubled(this.hashes);
    const isFree = new Uint8Array(count * 2);
    isFree.set(this.isFree);
    this.isFree = isFree;
    this.next = doubled(this.next);
    this.buckets = new Int32Array(count * 2).fill(NONE);
    for (let index = 0; index < count; index++) if (this.programs[index] !== EMPTY) this.link(index);
  }
}

function hashOf(words: Int32Array, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) {
    hash = Math.imul(hash ^ words[i]!, 0x9e37_79b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function isSame(program: Int32Array, words: Int32Array, length: number): boolean {
  if (program.length !== length) return false;
  for (let i = 0; i < length; i++) if (program[i] !== words[i]) return false;
  return true;
}

function doubled(column: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(column.length * 2);
  larger.set(column);
  return larger;
}
