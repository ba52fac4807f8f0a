// What: Megaflows, the store of cached translations: each says what happens to all frames that agree with its key in
// the bits of its mask. Why: one translation serves many flows; and this is the only place that holds effects and
// programs and counts frames, so that a count is exact and nothing is leaked whatever the other caches forget. Who:
// forwarder.ts looks up and counts, datapath.ts sweeps and lists.
// How: one pool of rows and one hash table for all tables (megaflow-table.ts): keys of different tables start with
// different hashes. The pool has a fixed size; pages of it that were never used cost no memory.
// Invariants: each frame that agrees with a live row (current version and dependencies) under its mask gets the same
// answer from a fresh translation; a row of an older version answers nothing before it is translated again; a row
// holds its verdict's program and its effects once; row 0 is none.

import type { Programs } from '../actions/verdict.ts';
import { finishHash, KEY_TPID_TCP_FLAGS, KEY_TYPE_VLAN, KEY_WORDS, mixHash } from '../flow/key.ts';
import { MegaflowIndex } from './megaflow-index.ts';
import {
  ROW_BYTES_DOUBLE,
  ROW_DEPENDENCIES,
  ROW_DEPENDENCY_SUM,
  ROW_EFFECTS,
  ROW_HASH,
  ROW_KEY,
  ROW_PACKETS,
  ROW_TABLE,
  ROW_TOTAL_BYTES_DOUBLE,
  ROW_TOTAL_PACKETS_DOUBLE,
  ROW_TOUCH_SLOT,
  ROW_TYPES,
  ROW_USED,
  ROW_VERDICT,
  ROW_VERSION,
  ROW_WORDS,
  tickOf,
  usedMs,
} from './megaflow-row.ts';
import {
  covers,
  MAX_MASKS,
  type MegaflowTable,
  MegaflowTables,
  type PipelineState,
  PLAN_WORDS,
  tableSeed,
} from './megaflow-table.ts';
import type { Translation } from './upcall.ts';

const DEFAULT_CAPACITY = 131_072;
/** Most rows that are looked at to find one that can go. */
const EVICTION_CHOICE = 4;
/** 2 to the power of this many evictions settle what is usual. */
const USUAL_SHIFT = 6;
/** A longer time counts as this one, in ms. */
const MAX_USUAL = 1 << 20;
/** The upper half of a word, in which EtherType and TPID stand. */
const TYPE_BITS = 0xffff_0000 | 0;

export class Megaflows {
  /** The rows. find() and insert() return offsets into it. */
  readonly rows: Int32Array;
  /** The same memory. */
  readonly doubles: Float64Array;
  readonly tables = new MegaflowTables();

  private readonly programs: Programs;
  private readonly capacity: number;
  private readonly index = new MegaflowIndex();
  private readonly freeRows: number[] = [];
  /** Rows ever used; those from 1 on may be live. */
  private usedRows = 1;
  private liveRows = 0;
  private hand = 1;
  private sweepHand = 1;
  /** How long, in ms, megaflows were not used that were evicted: the average, times 2 ** USUAL_SHIFT. An integer. */
  private usualIdle = 0;

  /** `capacity`: most megaflows, a power of two. */
  constructor(programs: Programs, capacity = DEFAULT_CAPACITY) {
    this.programs = programs;
    this.capacity = capacity;
    const buffer = new ArrayBuffer((capacity + 1) * ROW_WORDS * 4);
    this.rows = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  /** Megaflows in the store. */
  get size(): number {
    return this.liveRows;
  }

  /**
   * The row of a pipeline that matches the compact key at keys[at], live or stale, or 0: there is none in the tables
   * that are worth a look.
   */
  find(state: PipelineState, keys: Int32Array, at: number): number {
    const { tables, rows } = this;
    const { slots, mask } = this.index;
    const { plans } = tables;
    tables.countLookup(state);
    const order = state.tables;
    const { tried } = state;
    for (let t = 0; t < tried; t++) {
      const number = order[t]!;
      const plan = number * PLAN_WORDS;
      if (plans[plan]! < 0) continue;
      const hash = this.hash(number, keys, at);
      for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
        const row = slots[2 * slot + 1]!;
        if (row === 0) break;
        if (slots[2 * slot] === hash && rows[row + ROW_TABLE] === number && this.matches(row, keys, at)) {
          tables.hits[number]!++;
          return row;
        }
      }
    }
    return 0;
  }

  /** Whether a row, whose table belongs to the pipeline that made the key, has the compact key at keys[at]. */
  matches(row: number, keys: Int32Array, at: number): boolean {
    const { rows } = this;
    const { plans } = this.tables;
    const plan = rows[row + ROW_TABLE]! * PLAN_WORDS;
    const end = plan + 2 * plans[plan]!;
    // A table out of use has -1 words, and must not match.
    if (end < plan) return false;
    for (let i = plan, k = row + ROW_KEY; i < end; i += 2, k++) {
      if ((keys[at + plans[i + 1]!]! & plans[i + 2]!) !== rows[k]) return false;
    }
    return true;
  }

  /** Whether the row is of this version and nothing that it depends on has changed. */
  isLive(row: number, version: number, dependencyVersions: Int32Array): boolean {
    const { rows } = this;
    if (rows[row + ROW_VERSION] !== version) return false;
    const both = rows[row + ROW_DEPENDENCIES]!;
    const sum = (dependencyVersions[both >>> 16]! + dependencyVersions[both & 0xffff]!) | 0;
    return sum === rows[row + ROW_DEPENDENCY_SUM];
  }

  /** Whether a row is one of that pipeline. */
  belongsTo(row: number, state: PipelineState): boolean {
    const { rows } = this;
    return rows[row + ROW_VERSION] !== 0 && this.tables.of(rows[row + ROW_TABLE]!).state === state;
  }

  /**
   * Stores a translation for frames that agree with a whole key, and takes over its program and its effects. The
   * key maker of `state` is up to date. Returns the row. May evict another row.
   */
  insert(state: PipelineState, wholeKey: Int32Array, translation: Translation, nowMs: number): number {
    const { rows, doubles } = this;
    // The row first: making room may take a table away.
    const row = this.takeRow(nowMs);
    const table = this.tableFor(state, translation.mask, nowMs);
    let hash = tableSeed(table.number);
    for (let i = 0; i < table.words.length; i++) {
      const word = wholeKey[table.words[i]!]! & table.mask[table.words[i]!]!;
      rows[row + ROW_KEY + i] = word;
      hash = mixHash(hash, word);
    }
    hash = finishHash(hash);
    this.index.reserve(this.liveRows);
    const slot = this.findSame(hash, row, table);
    const same = this.index.slots[2 * slot + 1]!;
    if (same !== 0) {
      this.freeRows.push(row);
      this.tables.hits[table.number]!++;
      this.replace(same, state, translation, nowMs);
      return same;
    }
    rows[row + ROW_TABLE] = table.number;
    rows[row + ROW_HASH] = hash;
    rows[row + ROW_TYPES] = (wholeKey[KEY_TYPE_VLAN]! & TYPE_BITS) | (wholeKey[KEY_TPID_TCP_FLAGS]! >>> 16);
    rows[row + ROW_PACKETS] = 0;
    const half = row >> 1;
    doubles[half + ROW_BYTES_DOUBLE] = 0;
    doubles[half + ROW_TOTAL_PACKETS_DOUBLE] = 0;
    doubles[half + ROW_TOTAL_BYTES_DOUBLE] = 0;
    rows[row + ROW_USED] = tickOf(nowMs);
    this.write(row, state, translation);
    table.size++;
    this.liveRows++;
    this.index.put(slot, hash, row);
    return row;
  }

  /**
   * Stores a fresh translation of a frame that matches the row, which keeps its counters. False, and nothing is
   * done, when the translation looked at more bits than the row holds.
   */
  update(row: number, translation: Translation, nowMs: number): boolean {
    const { mask, state } = this.tables.of(this.rows[row + ROW_TABLE]!);
    if (!covers(mask, translation.mask)) return false;
    this.replace(row, state, translation, nowMs);
    return true;
  }

  /** Takes a row out: credits what it counted, and gives its program and its effects back. */
  remove(row: number, nowMs: number): void {
    const { rows } = this;
    const table = this.tables.of(rows[row + ROW_TABLE]!);
    this.credit(row, nowMs);
    this.letGo(row, table.state);
    this.index.remove(rows[row + ROW_HASH]!, row);
    rows[row + ROW_VERSION] = 0;
    this.freeRows.push(row);
    this.liveRows--;
    if (--table.size === 0) this.tables.remove(table);
  }

  /** Hands all that was counted on to the pipelines. */
  flushCredits(nowMs: number): void {
    for (let row = ROW_WORDS; row < this.usedRows * ROW_WORDS; row += ROW_WORDS) {
      if (this.rows[row + ROW_PACKETS] !== 0 && this.rows[row + ROW_VERSION] !== 0) this.credit(row, nowMs);
    }
  }

  /** Looks at the next `count` rows: credits them, and removes those that no frame used for `maxIdleMs`. */
  sweep(count: number, maxIdleMs: number, nowMs: number): void {
    const { rows } = this;
    const now = tickOf(nowMs);
    for (let i = Math.min(count, this.usedRows - 1); i > 0; i--) {
      if (this.sweepHand >= this.usedRows) {
        this.sweepHand = 1;
        this.index.trim(this.liveRows);
      }
      const row = this.sweepHand++ * ROW_WORDS;
      if (rows[row + ROW_VERSION] === 0) continue;
      if ((now - rows[row + ROW_USED]!) >>> 0 > maxIdleMs) this.remove(row, nowMs);
      else if (rows[row + ROW_PACKETS] !== 0) this.credit(row, nowMs);
    }
  }

  /** Rows ever used, so that a sweep knows how many there are to look at. */
  get sweepLength(): number {
    return this.usedRows - 1;
  }

  /** Fits the plans of a pipeline's tables to its new key maker. */
  rebind(state: PipelineState): void {
    for (const number of state.tables) this.tables.bind(this.tables.of(number));
  }

  /** Removes all rows of a pipeline. */
  forget(state: PipelineState, nowMs: number): void {
    for (let row = ROW_WORDS; row < this.usedRows * ROW_WORDS; row += ROW_WORDS) {
      if (this.belongsTo(row, state)) this.remove(row, nowMs);
    }
  }

  /** What list() of the datapath says of a row. */
  describe(row: number, nowMs: number): { key: Int32Array; packets: number; bytes: number; usedMs: number } {
    const { rows, doubles } = this;
    const { words } = this.tables.of(rows[row + ROW_TABLE]!);
    const key = new Int32Array(KEY_WORDS);
    for (const [i, word] of words.entries()) key[word] = rows[row + ROW_KEY + i]!;
    key[KEY_TYPE_VLAN]! |= rows[row + ROW_TYPES]! & TYPE_BITS;
    key[KEY_TPID_TCP_FLAGS]! |= rows[row + ROW_TYPES]! << 16;
    const half = row >> 1;
    return {
      key,
      packets: doubles[half + ROW_TOTAL_PACKETS_DOUBLE]! + (rows[row + ROW_PACKETS]! >>> 0),
      bytes: doubles[half + ROW_TOTAL_BYTES_DOUBLE]! + doubles[half + ROW_BYTES_DOUBLE]!,
      usedMs: usedMs(rows[row + ROW_USED]!, nowMs),
    };
  }

  /** The first live row behind `after` (0: from the start), or 0. */
  next(after: number): number {
    for (let row = after + ROW_WORDS; row < this.usedRows * ROW_WORDS; row += ROW_WORDS) {
      if (this.rows[row + ROW_VERSION] !== 0) return row;
    }
    return 0;
  }

  private hash(table: number, keys: Int32Array, at: number): number {
    const { plans } = this.tables;
    const plan = table * PLAN_WORDS;
    const end = plan + 2 * plans[plan]!;
    let hash = tableSeed(table);
    for (let i = plan; i < end; i += 2) hash = mixHash(hash, keys[at + plans[i + 1]!]! & plans[i + 2]!);
    return finishHash(hash);
  }

  /** The table for a mask: its own; when the pipeline has too many masks, one that covers it. */
  private tableFor(state: PipelineState, mask: Int32Array, nowMs: number): MegaflowTable {
    const found = this.tables.find(state, mask);
    if (found) return found;
    if (state.tables.length < MAX_MASKS - 1) return this.tables.add(state, mask);
    if (state.tables.length >= MAX_MASKS) this.dropLeastUsed(state, nowMs);
    return this.tables.add(state, state.maker.mask);
  }

  /** Removes the rows of the table that was hit least, and with them the table. */
  private dropLeastUsed(state: PipelineState, nowMs: number): void {
    const { hits } = this.tables;
    let least = state.tables[0]!;
    for (const number of state.tables) if (hits[number]! <= hits[least]!) least = number;
    for (let row = ROW_WORDS; row < this.usedRows * ROW_WORDS; row += ROW_WORDS) {
      if (this.rows[row + ROW_VERSION] !== 0 && this.rows[row + ROW_TABLE] === least) this.remove(row, nowMs);
    }
  }

  private write(row: number, state: PipelineState, translation: Translation): void {
    const { rows } = this;
    const { dependencyA, dependencyB } = translation;
    const { version, dependencyVersions } = state.pipeline;
    rows[row + ROW_VERSION] = version;
    rows[row + ROW_VERDICT] = translation.verdict;
    rows[row + ROW_DEPENDENCIES] = (dependencyA << 16) | dependencyB;
    rows[row + ROW_DEPENDENCY_SUM] = dependencyVersions[dependencyA]! + dependencyVersions[dependencyB]!;
    rows[row + ROW_TOUCH_SLOT] = translation.touchSlot;
    rows[row + ROW_EFFECTS] = translation.effects;
  }

  private replace(row: number, state: PipelineState, translation: Translation, nowMs: number): void {
    this.credit(row, nowMs);
    this.letGo(row, state);
    this.write(row, state, translation);
  }

  /**
   * The slot of the row of a table with the key that a row which is being made has, or the free slot where it belongs.
   * A table that was not tried may have it.
   */
  private findSame(hash: number, made: number, table: MegaflowTable): number {
    const { rows } = this;
    const { slots, mask } = this.index;
    const { length } = table.words;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = slots[2 * slot + 1]!;
      if (row === 0) return slot;
      if (slots[2 * slot] !== hash || rows[row + ROW_TABLE] !== table.number) continue;
      let i = 0;
      while (i < length && rows[row + ROW_KEY + i] === rows[made + ROW_KEY + i]) i++;
      if (i === length) return slot;
    }
  }

  /** Hands what a row counted on to its pipeline. */
  credit(row: number, nowMs: number): void {
    const { rows, doubles } = this;
    const packets = rows[row + ROW_PACKETS]! >>> 0;
    if (packets === 0) return;
    const half = row >> 1;
    const bytes = doubles[half + ROW_BYTES_DOUBLE]!;
    rows[row + ROW_PACKETS] = 0;
    doubles[half + ROW_BYTES_DOUBLE] = 0;
    doubles[half + ROW_TOTAL_PACKETS_DOUBLE]! += packets;
    doubles[half + ROW_TOTAL_BYTES_DOUBLE]! += bytes;
    const effects = rows[row + ROW_EFFECTS]!;
    if (effects === 0) return;
    const { pipeline } = this.tables.of(rows[row + ROW_TABLE]!).state;
    pipeline.credit(effects, packets, bytes, usedMs(rows[row + ROW_USED]!, nowMs));
  }

  private letGo(row: number, state: PipelineState): void {
    const effects = this.rows[row + ROW_EFFECTS]!;
    if (effects !== 0) state.pipeline.release(effects);
    this.programs.release(this.rows[row + ROW_VERDICT]!);
  }

  /** A free row; when there is none, that of a megaflow. */
  private takeRow(nowMs: number): number {
    const free = this.freeRows.pop();
    if (free !== undefined) return free;
    if (this.usedRows <= this.capacity) return this.usedRows++ * ROW_WORDS;
    this.remove(this.chooseVictim(tickOf(nowMs)), nowMs);
    return this.freeRows.pop()!;
  }

  /**
   * The first megaflow among the next few that was not used for at least half as long as those that went before; when
   * there is none, the one that was used longest ago. All rows are in use.
   */
  private chooseVictim(now: number): number {
    const enough = this.usualIdle >> (USUAL_SHIFT + 1);
    let victim = 0;
    let longest = -1;
    for (let i = 0; i < EVICTION_CHOICE && longest < enough; i++) {
      const row = this.hand * ROW_WORDS;
      this.hand = this.hand === this.capacity ? 1 : this.hand + 1;
      const idle = (now - this.rows[row + ROW_USED]!) >>> 0;
      if (idle <= longest) continue;
      longest = idle;
      victim = row;
    }
    this.usualIdle += Math.min(longest, MAX_USUAL) - (this.usualIdle >> USUAL_SHIFT);
    return victim;
  }
}
