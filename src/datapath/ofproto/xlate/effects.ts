// What: Effects, what each frame of a cached translation counts to and keeps alive: flows and their tables, groups and
// buckets, more stations of the MAC table, learned flows. Why: the datapath counts frames per cached translation and
// hands the sums over now and then; here they reach what the translation met. Who: xlate.ts collects the effects of a
// translation, bridge.ts credits and releases them by their number.
// How: translations that met the same flows and nothing else of note share a number. A hundred thousand cached
// translations of a thousand flows so cost a thousand records, and a new one mostly costs none. Most met one flow only:
// that flow knows the number.
// Invariants: number 0 has no effects; a number is in use until each of its holders has released it, and is then used
// again, so that translations leave no garbage; what is shared counts to flows and table misses only.

import { finishHash, mixHash } from '../../flow/key.ts';
import type { FlowMod } from '../entries/flow-mod.ts';
import type { GroupEntry } from '../entries/group.ts';
import type { Rule } from '../entries/rule.ts';
import { HashChains } from './hash-chains.ts';
import type { XlateContext } from './xlate-context.ts';

/** As the bucket of a group: the group as a whole. */
export const ALL_BUCKETS = -1;

const FIRST_NUMBERS = 64;

interface GroupUse {
  entry: GroupEntry;
  /** Index of the bucket, or ALL_BUCKETS. */
  bucket: number;
}

interface LearnUse {
  mod: FlowMod;
  limit: number;
}

interface FinTimeout {
  rule: Rule;
  idleTimeout: number;
  hardTimeout: number;
}

/** What few translations have. */
interface RareEffects {
  groups: GroupUse[];
  learned: LearnUse[];
  /** Slots of stations besides Translation.touchSlot. */
  stations: number[];
  finTimeouts: FinTimeout[];
}

interface EffectsRecord {
  /** The first `ruleCount` of them. */
  readonly rules: (Rule | undefined)[];
  ruleCount: number;
  /** Tables without a flow for the frame, the first `missCount` of them. */
  readonly misses: number[];
  missCount: number;
  /** Undefined: the record may be shared. */
  rare: RareEffects | undefined;
}

type EffectsContext = Pick<XlateContext, 'fdb' | 'ruleStats' | 'tableCounters' | 'learn' | 'reduceTimeouts'>;

export class Effects {
  private readonly context: EffectsContext;
  // By number; 0 is none.
  /** The flow that is all that a number counts to. */
  private readonly flows: (Rule | undefined)[] = [undefined];
  /** What the other numbers count to; what was released keeps its room. */
  private readonly records: (EffectsRecord | undefined)[] = [undefined];
  private holders = new Int32Array(FIRST_NUMBERS);
  private readonly free: number[] = [];
  /** Records that may be shared, by what they hold. */
  private readonly chains = new HashChains();
  /** What is being collected. */
  private readonly open = newRecord();

  constructor(context: EffectsContext) {
    this.context = context;
  }

  /** Numbers that are held. */
  get size(): number {
    return this.flows.length - 1 - this.free.length;
  }

  /** Begins to collect. */
  begin(): void {
    clear(this.open);
  }

  /** The number of what was collected; the caller holds it. */
  end(): number {
    const { open } = this;
    let number: number;
    if (open.rare) number = this.addRecord();
    else if (open.ruleCount === 1 && open.missCount === 0) number = this.ofFlow(open.rules[0]!);
    else number = this.ofRecord();
    this.holders[number] = this.holders[number]! + 1;
    clear(open);
    return number;
  }

  /** The frames matched a flow in its table. */
  addRule(rule: Rule): void {
    const { open } = this;
    open.rules[open.ruleCount] = rule;
    open.ruleCount++;
  }

  addMiss(tableId: number): void {
    const { open } = this;
    open.misses[open.missCount] = tableId;
    open.missCount++;
  }

  addGroup(entry: GroupEntry, bucket: number): void {
    this.rare().groups.push({ entry, bucket });
  }

  addLearned(mod: FlowMod, limit: number): void {
    this.rare().learned.push({ mod, limit });
  }

  addStation(slot: number): void {
    this.rare().stations.push(slot);
  }

  addFinTimeout(rule: Rule, idleTimeout: number, hardTimeout: number): void {
    this.rare().finTimeouts.push({ rule, idleTimeout, hardTimeout });
  }

  /** Counts frames, the last of which came at `usedMs`. */
  credit(number: number, packets: number, bytes: number, usedMs: number): void {
    const flow = this.flows[number];
    if (flow) this.creditFlow(flow, packets, bytes, usedMs);
    else this.creditRecord(this.records[number]!, packets, bytes, usedMs);
  }

  /** One holder less. */
  release(number: number): void {
    if (number === 0) return;
    const { holders, flows } = this;
    holders[number] = holders[number]! - 1;
    if (holders[number]! > 0) return;
    const flow = flows[number];
    if (flow) {
      flow.effects = 0;
      flows[number] = undefined;
    } else {
      const record = this.records[number]!;
      if (!record.rare) this.chains.remove(number);
      clear(record);
    }
    this.free.push(number);
  }

  private creditFlow(rule: Rule, packets: number, bytes: number, usedMs: number): void {
    const { ruleStats, tableCounters } = this.context;
    const table = rule.tableId;
    tableCounters.lookups[table] = tableCounters.lookups[table]! + packets;
    tableCounters.matched[table] = tableCounters.matched[table]! + packets;
    if (!rule.live) return;
    const { slot } = rule;
    ruleStats.packets[slot] = ruleStats.packets[slot]! + packets;
    ruleStats.bytes[slot] = ruleStats.bytes[slot]! + bytes;
    if (ruleStats.usedMs[slot]! < usedMs) ruleStats.usedMs[slot] = usedMs;
  }

  private creditRecord(record: EffectsRecord, packets: number, bytes: number, usedMs: number): void {
    const { rules, ruleCount, misses, missCount, rare } = record;
    const { lookups } = this.context.tableCounters;
    for (let i = 0; i < ruleCount; i++) this.creditFlow(rules[i]!, packets, bytes, usedMs);
    for (let i = 0; i < missCount; i++) lookups[misses[i]!] = lookups[misses[i]!]! + packets;
    if (rare) this.creditRare(rare, packets, bytes, usedMs);
  }

  private creditRare(rare: RareEffects, packets: number, bytes: number, usedMs: number): void {
    const { fdb } = this.context;
    for (const { entry, bucket } of rare.groups) creditGroup(entry, bucket, packets, bytes);
    for (const slot of rare.stations) {
      if (fdb.lastUsedMs[slot]! < usedMs) fdb.lastUsedMs[slot] = usedMs;
    }
    for (const { mod, limit } of rare.learned) this.context.learn(mod, usedMs, limit);
    for (const { rule, idleTimeout, hardTimeout } of rare.finTimeouts) {
      if (rule.live) this.context.reduceTimeouts(rule, idleTimeout, hardTimeout, usedMs);
    }
  }

  private rare(): RareEffects {
    const { open } = this;
    open.rare ??= { groups: [], learned: [], stations: [], finTimeouts: [] };
    return open.rare;
  }

  private ofFlow(rule: Rule): number {
    if (rule.effects === 0) {
      rule.effects = this.take();
      this.flows[rule.effects] = rule;
    }
    return rule.effects;
  }

  /** The number of a record that holds the same as what is being collected. */
  private ofRecord(): number {
    const { chains, records, open } = this;
    const hash = hashOf(open);
    for (let number = chains.first(hash); number !== 0; number = chains.next[number]!) {
      if (chains.hashes[number] === hash && isSame(records[number]!, open)) return number;
    }
    const number = this.addRecord();
    chains.add(number, hash);
    return number;
  }

  private addRecord(): number {
    const number = this.take();
    let record = this.records[number];
    if (!record) {
      record = newRecord();
      this.records[number] = record;
    }
    copy(this.open, record);
    return number;
  }

  /** A number without holders. */
  private take(): number {
    const number = this.free.pop() ?? this.flows.length;
    if (number < this.flows.length) return number;
    this.flows.push(undefined);
    this.records.push(undefined);
    if (number === this.holders.length) {
      const larger = new Int32Array(number * 2);
      larger.set(this.holders);
      this.holders = larger;
    }
    return number;
  }
}

function newRecord(): EffectsRecord {
  return { rules: [], ruleCount: 0, misses: [], missCount: 0, rare: undefined };
}

/** The arrays keep their room, but hold no flow. */
function clear(record: EffectsRecord): void {
  for (let i = 0; i < record.ruleCount; i++) record.rules[i] = undefined;
  record.ruleCount = 0;
  record.missCount = 0;
  record.rare = undefined;
}

function copy(from: EffectsRecord, to: EffectsRecord): void {
  for (let i = 0; i < from.ruleCount; i++) to.rules[i] = from.rules[i];
  for (let i = 0; i < from.missCount; i++) to.misses[i] = from.misses[i]!;
  to.ruleCount = from.ruleCount;
  to.missCount = from.missCount;
  to.rare = from.rare;
}

/** Of flows and misses. */
function hashOf({ rules, ruleCount, misses, missCount }: EffectsRecord): number {
  let hash = ruleCount;
  for (let i = 0; i < ruleCount; i++) hash = mixHash(hash, rules[i]!.slot);
  for (let i = 0; i < missCount; i++) hash = mixHash(hash, ~misses[i]!);
  return finishHash(hash);
}

/** A flow is told by its object: a slot may be used again while a translation still holds the flow that had it. */
function isSame(a: EffectsRecord, b: EffectsRecord): boolean {
  if (a.ruleCount !== b.ruleCount || a.missCount !== b.missCount) return false;
  for (let i = 0; i < a.ruleCount; i++) if (a.rules[i] !== b.rules[i]) return false;
  for (let i = 0; i < a.missCount; i++) if (a.misses[i] !== b.misses[i]) return false;
  return true;
}

/** A group whose frames went to all buckets counts them in each; otherwise the chosen one. */
function creditGroup(entry: GroupEntry, bucket: number, packets: number, bytes: number): void {
  const add = (column: number) => {
    entry.packets[column] = entry.packets[column]! + packets;
    entry.bytes[column] = entry.bytes[column]! + bytes;
  };
  add(0);
  if (bucket !== ALL_BUCKETS) add(1 + bucket);
  else for (let i = 0; i < entry.group.buckets.length; i++) add(1 + i);
}
