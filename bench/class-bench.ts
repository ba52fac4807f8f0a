// What: rule sets in the manner of ClassBench (Taylor and Turner, 2007): read from its file format, or made here from
// a seed. Why: flow tables of firewalls and access lists have thousands of different masks; a classifier is measured
// on those, not on a thousand flows of one shape. Who: bench/classifier.ts and the tests of the classifier.
// A rule has port ranges; a flow has masks, so that a rule becomes as many flows as its ranges have prefixes.

import { KEY_NW, KEY_NW_DST, KEY_NW_SRC, KEY_TP, KEY_TYPE_VLAN } from '../src/datapath/flow/key.ts';
import { Match } from '../src/datapath/flow/match.ts';

/** Addresses and masks are Int32; a range is inclusive. */
export interface FilterRule {
  source: number;
  sourceLength: number;
  destination: number;
  destinationLength: number;
  sourcePorts: readonly [number, number];
  destinationPorts: readonly [number, number];
  protocol: number;
  protocolMask: number;
}

export const FILTER_KINDS = ['acl', 'fw', 'ipc'] as const;
export type FilterKind = (typeof FILTER_KINDS)[number];

const ANY_PORT = [0, 0xffff] as const;
const HIGH_PORTS = [1024, 0xffff] as const;
const ETH_TYPE_IPV4 = 0x0800;
const TCP = 6;
const UDP = 17;

/** Reads lines `@sip/len dip/len lo : hi lo : hi proto/mask flags/mask`; the first has the highest priority. */
export function parseFilters(text: string): FilterRule[] {
  const line = /^@(\S+)\/(\d+)\s+(\S+)\/(\d+)\s+(\d+) : (\d+)\s+(\d+) : (\d+)\s+(0x[\da-f]+)\/(0x[\da-f]+)/i;
  const rules: FilterRule[] = [];
  for (const text_ of text.split('\n')) {
    const found = line.exec(text_);
    if (!found) continue;
    const [, source, sourceLength, destination, destinationLength] = found;
    const [from, to, fromDestination, toDestination, protocol, protocolMask] = found.slice(5).map(Number);
    rules.push({
      source: parseAddress(source!),
      sourceLength: Number(sourceLength),
      destination: parseAddress(destination!),
      destinationLength: Number(destinationLength),
      sourcePorts: [from!, to!],
      destinationPorts: [fromDestination!, toDestination!],
      protocol: protocol!,
      protocolMask: protocolMask!,
    });
  }
  return rules;
}

function parseAddress(text: string): number {
  return text.split('.').reduce((address, byte) => (address << 8) | Number(byte), 0);
}

/** A seeded source of numbers (xorshift32 over a multiplied counter). */
export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e37_79b1) | 1;
  }

  /** 32 random bits as Int32. */
  word(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return Math.imul(x, 0x2c1b_3c6d) ^ (x >>> 15);
  }

  /** 0..count-1. */
  below(count: number): number {
    return Math.floor(((this.word() >>> 0) / 2 ** 32) * count);
  }

  chance(probability: number): boolean {
    return (this.word() >>> 0) / 2 ** 32 < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** One of [weight, choice]. */
  weighed<T>(choices: readonly (readonly [number, T])[]): T {
    let total = 0;
    for (const [weight] of choices) total += weight;
    let at = this.below(total);
    for (const [weight, choice] of choices) {
      at -= weight;
      if (at < 0) return choice;
    }
    throw new Error('weights are positive');
  }
}

/** What ranges of lengths and ports a kind of set has: [weight, [from, to]]. */
interface Profile {
  lengths: readonly (readonly [number, readonly [number, number, number, number]])[];
  /** Addresses come out of this many networks for each thousand rules: few for destinations of an access list. */
  sourceNetworks: number;
  destinationNetworks: number;
  sourcePorts: readonly (readonly [number, 'any' | 'exact' | 'high' | 'range'])[];
  destinationPorts: readonly (readonly [number, 'any' | 'exact' | 'high' | 'range'])[];
  protocols: readonly (readonly [number, number])[];
}

const PROFILES: Record<FilterKind, Profile> = {
  acl: {
    lengths: [
      [60, [31, 32, 31, 32]],
      [14, [28, 32, 26, 32]],
      [14, [31, 32, 19, 25]],
      [10, [20, 24, 28, 32]],
      [2, [0, 20, 12, 32]],
    ],
    sourceNetworks: 60,
    destinationNetworks: 25,
    sourcePorts: [[100, 'any']],
    destinationPorts: [
      [28, 'any'],
      [60, 'exact'],
      [4, 'high'],
      [8, 'range'],
    ],
    protocols: [
      [87, TCP],
      [8, 0],
      [3, 1],
      [2, UDP],
    ],
  },
  fw: {
    lengths: [
      [62, [0, 2, 29, 32]],
      [24, [29, 32, 0, 2]],
      [8, [28, 32, 28, 32]],
      [3, [0, 2, 0, 8]],
      [3, [14, 28, 10, 32]],
    ],
    sourceNetworks: 120,
    destinationNetworks: 150,
    sourcePorts: [
      [76, 'any'],
      [15, 'exact'],
      [8, 'high'],
      [1, 'range'],
    ],
    destinationPorts: [
      [29, 'any'],
      [60, 'exact'],
      [8, 'high'],
      [3, 'range'],
    ],
    protocols: [
      [57, TCP],
      [33, UDP],
      [5, 47],
      [4, 1],
      [1, 0],
    ],
  },
  ipc: {
    lengths: [
      [40, [22, 32, 22, 32]],
      [30, [23, 25, 23, 32]],
      [12, [0, 3, 28, 32]],
      [10, [16, 32, 0, 3]],
      [8, [8, 32, 8, 32]],
    ],
    sourceNetworks: 40,
    destinationNetworks: 60,
    sourcePorts: [
      [81, 'any'],
      [15, 'exact'],
      [2, 'high'],
      [2, 'range'],
    ],
    destinationPorts: [
      [56, 'any'],
      [34, 'exact'],
      [6, 'high'],
      [4, 'range'],
    ],
    protocols: [
      [38, UDP],
      [33, 0],
      [27, TCP],
      [1, 1],
      [1, 47],
    ],
  },
};

/** `count` different rules, the more specific ones tending to the front, as in real lists. */
export function makeFilters(kind: FilterKind, count: number, seed: number): FilterRule[] {
  const dice = new Dice(seed);
  const profile = PROFILES[kind];
  const thousands = Math.max(1, count / 1000);
  const sources = makeNetworks(dice, Math.ceil(profile.sourceNetworks * thousands));
  const destinations = makeNetworks(dice, Math.ceil(profile.destinationNetworks * thousands));
  const wellKnown = Array.from({ length: 60 }, () => 1 + dice.below(33_000));
  const rules: FilterRule[] = [];
  const seen = new Set<string>();
  while (rules.length < count) {
    const [s0, s1, d0, d1] = dice.weighed(profile.lengths);
    const sourceLength = s0 + dice.below(s1 - s0 + 1);
    const destinationLength = d0 + dice.below(d1 - d0 + 1);
    const protocol = dice.weighed(profile.protocols);
    const hasPorts = protocol === TCP || protocol === UDP;
    const rule: FilterRule = {
      source: addressIn(dice, sources, sourceLength),
      sourceLength,
      destination: addressIn(dice, destinations, destinationLength),
      destinationLength,
      sourcePorts: hasPorts ? portsOf(dice, dice.weighed(profile.sourcePorts), wellKnown) : ANY_PORT,
      destinationPorts: hasPorts
        ? portsOf(dice, dice.weighed(profile.destinationPorts), wellKnown)
        : ANY_PORT,
      protocol,
      protocolMask: protocol === 0 ? 0 : 0xff,
    };
    const name = Object.values(rule).join();
    if (seen.has(name)) continue;
    seen.add(name);
    rules.push(rule);
  }
  const order = rules.map((rule) => rule.sourceLength + rule.destinationLength + dice.below(40));
  return [...rules.keys()].sort((a, b) => order[b]! - order[a]!).map((index) => rules[index]!);
}

/** Networks of 24 bits that lie together in a few of 8 and 16 bits. */
function makeNetworks(dice: Dice, count: number): number[] {
  const wide = Array.from({ length: 12 }, () => dice.word() & 0xff00_0000);
  const middle = Array.from(
    { length: Math.ceil(count / 8) },
    () => dice.pick(wide) | (dice.word() & 0xff_0000),
  );
  return Array.from({ length: count }, () => dice.pick(middle) | (dice.word() & 0xff00));
}

/** A network, or a host out of the first 32 of it. */
function addressIn(dice: Dice, networks: readonly number[], length: number): number {
  return (dice.pick(networks) | dice.below(32)) & prefixMask(length);
}

function portsOf(
  dice: Dice,
  sort: 'any' | 'exact' | 'high' | 'range',
  wellKnown: readonly number[],
): readonly [number, number] {
  if (sort === 'any') return ANY_PORT;
  if (sort === 'high') return HIGH_PORTS;
  const first = dice.pick(wellKnown);
  return sort === 'exact' ? [first, first] : [first, first + 1 + dice.below(200)];
}

export function prefixMask(length: number): number {
  return length === 0 ? 0 : -1 << (32 - length);
}

/** [value, mask] pairs of 16 bits that together are the range. */
export function portPrefixes([from, to]: readonly [number, number]): [number, number][] {
  const prefixes: [number, number][] = [];
  let at = from;
  while (at <= to) {
    let size = at === 0 ? 0x1_0000 : at & -at;
    while (at + size - 1 > to) size >>= 1;
    prefixes.push([at, 0xffff & ~(size - 1)]);
    at += size;
  }
  return prefixes;
}

/** The matches that together are the rule: IPv4, addresses, protocol, ports. */
export function filterMatches(rule: FilterRule): Match[] {
  const matches: Match[] = [];
  for (const [source, sourceMask] of portPrefixes(rule.sourcePorts)) {
    for (const [destination, destinationMask] of portPrefixes(rule.destinationPorts)) {
      const match = new Match();
      setWord(match, KEY_TYPE_VLAN, ETH_TYPE_IPV4 << 16, 0xffff << 16);
      setWord(match, KEY_NW_SRC, rule.source, prefixMask(rule.sourceLength));
      setWord(match, KEY_NW_DST, rule.destination, prefixMask(rule.destinationLength));
      setWord(match, KEY_NW, rule.protocol << 24, rule.protocolMask << 24);
      setWord(match, KEY_TP, (source << 16) | destination, (sourceMask << 16) | destinationMask);
      matches.push(match);
    }
  }
  return matches;
}

function setWord(match: Match, word: number, value: number, mask: number): void {
  match.mask[word] = mask;
  match.value[word] = value & mask;
}

/** A key that the rule accepts, its free bits random; some free addresses are those of another rule. */
export function writeHit(rule: FilterRule, other: FilterRule, dice: Dice, key: Int32Array, at = 0): void {
  const source = dice.chance(0.5) ? other.source : dice.word();
  const destination = dice.chance(0.5) ? other.destination : dice.word();
  const protocol = rule.protocolMask === 0 ? dice.pick([TCP, UDP]) : rule.protocol;
  const sourceMask = prefixMask(rule.sourceLength);
  const destinationMask = prefixMask(rule.destinationLength);
  key[at + KEY_TYPE_VLAN] = ETH_TYPE_IPV4 << 16;
  key[at + KEY_NW_SRC] = rule.source | (source & ~sourceMask);
  key[at + KEY_NW_DST] = rule.destination | (destination & ~destinationMask);
  key[at + KEY_NW] = (protocol << 24) | 64;
  key[at + KEY_TP] = (portIn(rule.sourcePorts, dice) << 16) | portIn(rule.destinationPorts, dice);
}

function portIn([from, to]: readonly [number, number], dice: Dice): number {
  return from + dice.below(to - from + 1);
}
