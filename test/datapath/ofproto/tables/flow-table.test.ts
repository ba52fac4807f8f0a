// What: the flow table's ways to find rules, each against a plain scan. Why: strict, loose, overlap, eviction and pages
// are OpenFlow's promises, and each has a short cut that could miss a rule.

import { describe, expect, test } from 'vitest';
import type { Action } from '../../../../src/datapath/actions/action.ts';
import { KEY_MAC, KEY_NW_DST, KEY_TYPE_VLAN } from '../../../../src/datapath/flow/key.ts';
import { Match } from '../../../../src/datapath/flow/match.ts';
import { expandMatch, MaskShapes } from '../../../../src/datapath/ofproto/entries/compact-match.ts';
import type { FlowMod } from '../../../../src/datapath/ofproto/entries/flow-mod.ts';
import type { Rule } from '../../../../src/datapath/ofproto/entries/rule.ts';
import { RuleStats } from '../../../../src/datapath/ofproto/entries/rule-stats.ts';
import { FlowTable } from '../../../../src/datapath/ofproto/tables/flow-table.ts';
import { RandomSource } from '../../../support/random-source.ts';
import { addMod, randomMatch, ruleSpace } from '../classifier/random-rules.ts';

class Bed {
  readonly stats = new RuleStats();
  readonly table = new FlowTable(0, this.stats, new MaskShapes());
  readonly rules = new Set<Rule>();

  add(mod: FlowMod, nowMs = 0): Rule | undefined {
    if (this.table.find(mod.match, mod.priority)) return undefined;
    const rule = this.table.makeRule(mod, nowMs);
    this.table.insert(rule);
    this.rules.add(rule);
    return rule;
  }

  remove(rule: Rule): void {
    this.table.remove(rule);
    this.rules.delete(rule);
  }

  restore(rule: Rule): void {
    this.table.insert(rule);
    this.rules.add(rule);
  }

  inOrder(): Rule[] {
    return [...this.rules].sort((a, b) => b.priority - a.priority || a.sequence - b.sequence);
  }
}

function filter(changes: Partial<FlowMod> = {}): FlowMod {
  return { ...addMod(new Match(), 0), command: 'delete', ...changes };
}

function pages(table: FlowTable, mod: FlowMod, limit: number): Rule[] {
  const all: Rule[] = [];
  let after = 0;
  do {
    const { rules, next } = table.list(mod, after, limit);
    expect(rules.length).toBeLessThanOrEqual(limit);
    all.push(...rules);
    after = next;
  } while (after !== 0);
  return all;
}

const host = (address: number): Match => {
  const match = new Match();
  match.mask[KEY_NW_DST] = -1;
  match.value[KEY_NW_DST] = address;
  return match;
};

describe('flow table', () => {
  test('select, overlapping, find and list agree with a scan, through adds, removes and restores', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = new RandomSource(seed);
      const bed = new Bed();
      const space = ruleSpace(random, random.integer(1, 4));
      const gone: Rule[] = [];
      const count = random.pick([10, 80, 250]);
      for (let i = 0; i < count; i++) {
        const mod = addMod(randomMatch(random, space), random.pick([0, 1, 0x7fff, 0x8000, 0xffff]));
        bed.add({ ...mod, cookie: BigInt(random.integer(0, 3)) });
        if (random.chance(0.3)) {
          const rule = random.pick([...bed.rules]);
          bed.remove(rule);
          if (random.chance(0.5)) bed.restore(rule);
          else gone.push(rule);
        }
      }
      expect(bed.table.size).toBe(bed.rules.size);
      for (const rule of bed.rules) expect(bed.table.find(expandMatch(rule.match), rule.priority)).toBe(rule);
      for (let i = 0; i < 15; i++) {
        const match = random.chance(0.2) ? new Match() : randomMatch(random, space);
        const cookieMask = random.pick([0n, 1n, 2n ** 64n - 1n]);
        const mod = filter({ match, cookieMask, cookieFilter: 2n & cookieMask });
        const covered = bed
          .inOrder()
          .filter((rule) => match.covers(expandMatch(rule.match)))
          .filter((rule) => (rule.cookie & cookieMask) === mod.cookieFilter);
        expect(bed.table.select(mod), `seed ${seed}`).toEqual(covered);
        expect(pages(bed.table, mod, random.integer(1, 20)), `seed ${seed}`).toEqual(covered);
        const priority = random.pick([0, 1, 0x8000]);
        const overlapping = bed
          .inOrder()
          .filter((rule) => rule.priority === priority && overlap(expandMatch(rule.match), match));
        const found = bed.table.overlapping(match, priority);
        expect(
          overlapping.length === 0 ? found === undefined : overlapping.includes(found!),
          `seed ${seed}`,
        ).toBe(true);
      }
    }
  });

  test('a strict filter takes one rule, if cookie and outputs agree too', () => {
    const bed = new Bed();
    const rule = bed.add({ ...addMod(host(1), 5, [{ type: 'group', groupId: 7 }]), cookie: 3n })!;
    const strict = filter({ command: 'delete_strict', match: host(1), priority: 5 });
    expect(bed.table.select(strict)).toEqual([rule]);
    expect(bed.table.list(strict, 0, 10)).toEqual({ rules: [rule], next: 0 });
    expect(bed.table.select({ ...strict, priority: 6 })).toEqual([]);
    expect(bed.table.select({ ...strict, match: new Match() })).toEqual([]);
    expect(bed.table.select({ ...strict, cookieMask: 1n, cookieFilter: 1n })).toEqual([rule]);
    expect(bed.table.select({ ...strict, cookieMask: 4n, cookieFilter: 4n })).toEqual([]);
    expect(bed.table.select({ ...strict, outGroup: 7 })).toEqual([rule]);
    expect(bed.table.select({ ...strict, outGroup: 8 })).toEqual([]);
  });

  test('out_port asks for outputs to a port, those within clone and write_actions too', () => {
    const output: Action = { type: 'output', port: 3, maxLength: 0 };
    const lists: { actions: Action[]; ports: number[] }[] = [
      { actions: [output], ports: [3] },
      { actions: [{ type: 'output', port: 3, maxLength: 100 }], ports: [] },
      { actions: [{ type: 'enqueue', port: 3, queue: 1 }], ports: [3] },
      { actions: [{ type: 'clone', actions: [output] }], ports: [3] },
      { actions: [{ type: 'write_actions', actions: [output] }], ports: [3] },
      { actions: [{ type: 'normal' }], ports: [0xfffa] },
      { actions: [{ type: 'flood' }], ports: [0xfffb] },
      { actions: [{ type: 'all' }], ports: [0xfffc] },
      { actions: [{ type: 'in_port' }], ports: [0xfff8] },
      { actions: [{ type: 'group', groupId: 3 }], ports: [] },
    ];
    for (const { actions, ports } of lists) {
      const bed = new Bed();
      bed.add(addMod(new Match(), 1, actions));
      for (const port of [3, 0xfff8, 0xfffa, 0xfffb, 0xfffc, 0xfffd]) {
        expect(bed.table.select(filter({ outPort: port })).length).toBe(ports.includes(port) ? 1 : 0);
      }
    }
  });

  test('rules that stay are listed once while others come and go', () => {
    const bed = new Bed();
    const random = new RandomSource(1);
    for (let i = 0; i < 500; i++) bed.add(addMod(host(i), random.integer(0, 9)));
    const stay = new Set(bed.rules);
    const seen: Rule[] = [];
    let after = 0;
    let address = 1000;
    do {
      const { rules, next } = bed.table.list(filter(), after, 7);
      seen.push(...rules);
      after = next;
      for (let i = 0; i < 5; i++) bed.add(addMod(host(address++), random.integer(0, 9)));
      const rule = random.pick([...bed.rules]);
      if (random.chance(0.5)) stay.delete(rule);
      if (!stay.has(rule)) bed.remove(rule);
    } while (after !== 0);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((rule) => stay.has(rule)).length).toBe(stay.size);
  });

  test('a rule that is taken out and put back keeps its place among equals', () => {
    const bed = new Bed();
    const rules = [1, 2, 3].map((address) => bed.add(addMod(host(address), 5))!);
    bed.remove(rules[0]!);
    bed.remove(rules[1]!);
    bed.restore(rules[1]!);
    bed.restore(rules[0]!);
    expect(pages(bed.table, filter(), 2)).toEqual(rules);
  });

  test('many rules of one priority leave no gaps behind', () => {
    const bed = new Bed();
    const rules = Array.from({ length: 300 }, (_, i) => bed.add(addMod(host(i), 5))!);
    for (const rule of rules.slice(0, 280)) bed.remove(rule);
    expect(pages(bed.table, filter(), 3)).toEqual(rules.slice(280));
    bed.restore(rules[100]!);
    expect(pages(bed.table, filter(), 3)).toEqual([rules[100]!, ...rules.slice(280)]);
    for (const rule of bed.rules) bed.remove(rule);
    expect(pages(bed.table, filter(), 3)).toEqual([]);
  });

  test('a filter on dl_type passes tables of other types over', () => {
    const bed = new Bed();
    const typed = (type: number, word: number, value: number): Match => {
      const match = new Match();
      match.mask[KEY_TYPE_VLAN] = 0xffff_0000 | 0;
      match.value[KEY_TYPE_VLAN] = type << 16;
      match.mask[word] = -1;
      match.value[word] = value;
      return match;
    };
    const arp = bed.add(addMod(typed(0x0806, KEY_NW_DST, 1), 1))!;
    const ip = bed.add(addMod(typed(0x0800, KEY_NW_DST, 1), 1))!;
    bed.add(addMod(typed(0x0800, KEY_MAC, 1), 1));
    expect(bed.table.select(filter({ match: typed(0x0806, KEY_NW_DST, 1) }))).toEqual([arp]);
    expect(bed.table.select(filter({ match: host(1) }))).toEqual([arp, ip]);
    expect(bed.table.overlapping(typed(0x0806, KEY_MAC, 1), 1)).toBe(arp);
  });
});

describe('eviction', () => {
  const timed = (address: number, changes: Partial<FlowMod>): FlowMod => ({
    ...addMod(host(address), 1),
    ...changes,
  });

  test('a rule without a timeout is never evicted', () => {
    const bed = new Bed();
    bed.add(addMod(host(1), 1));
    expect(bed.table.evictable()).toBeUndefined();
    const rule = bed.add(timed(2, { idleTimeout: 60, importance: 9 }));
    expect(bed.table.evictable()).toBe(rule);
  });

  test('importance counts before the time that is left', () => {
    const bed = new Bed();
    bed.add(timed(1, { hardTimeout: 10, importance: 2 }));
    const late = bed.add(timed(2, { hardTimeout: 100, importance: 1 }))!;
    const soon = bed.add(timed(3, { idleTimeout: 50, hardTimeout: 200, importance: 1 }))!;
    expect(bed.table.evictable()).toBe(soon);
    bed.stats.usedMs[soon.slot] = 80_000;
    expect(bed.table.evictable()).toBe(late);
    bed.remove(late);
    expect(bed.table.evictable()).toBe(soon);
    bed.restore(late);
    late.hardTimeout = 300;
    soon.hardTimeout = 20;
    bed.table.timeoutsChanged(soon);
    expect(bed.table.evictable()).toBe(soon);
  });

  test('agrees with a scan while rules are used, come and go', () => {
    const random = new RandomSource(4);
    const bed = new Bed();
    for (let step = 0; step < 3000; step++) {
      const nowMs = step * 400;
      const idleTimeout = random.integer(0, 30);
      const hardTimeout = random.integer(0, 90);
      bed.add(
        timed(random.integer(0, 300), { idleTimeout, hardTimeout, importance: random.integer(0, 2) }),
        nowMs,
      );
      const rules = [...bed.rules];
      bed.stats.usedMs[random.pick(rules).slot] = nowMs;
      if (rules.length > 40) {
        const victim = bed.table.evictable();
        expect(victim).toBe(victimByScan(bed));
        if (victim) bed.remove(victim);
      } else if (random.chance(0.3)) {
        bed.remove(random.pick(rules));
      }
    }
  });

  function victimByScan({ rules, stats }: Bed): Rule | undefined {
    const expiry = ({ slot, idleTimeout, hardTimeout }: Rule): number =>
      Math.floor(
        Math.min(
          idleTimeout === 0 ? Infinity : stats.usedMs[slot]! + idleTimeout * 1000,
          hardTimeout === 0 ? Infinity : stats.modifiedMs[slot]! + hardTimeout * 1000,
        ) / 1024,
      );
    return [...rules]
      .filter((rule) => rule.idleTimeout !== 0 || rule.hardTimeout !== 0)
      .sort((a, b) => a.importance - b.importance || expiry(a) - expiry(b) || a.sequence - b.sequence)[0];
  }
});

function overlap(a: Match, b: Match): boolean {
  return a.value.every((value, i) => ((value ^ b.value[i]!) & a.mask[i]! & b.mask[i]!) === 0);
}
