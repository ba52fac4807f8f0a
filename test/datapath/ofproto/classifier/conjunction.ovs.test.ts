// What: conjunctive matches against Open vSwitch itself, by the flow that its trace meets. Why: what hides what, when
// soft and hard matches of several priorities have the same match, is told by its code only.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Action } from '../../../../src/datapath/actions/action.ts';
import {
  FLOW_WORDS,
  KEY_CONJ_ID,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TYPE_VLAN,
} from '../../../../src/datapath/flow/key.ts';
import { Match } from '../../../../src/datapath/flow/match.ts';
import { MaskShapes } from '../../../../src/datapath/ofproto/entries/compact-match.ts';
import { RuleStats } from '../../../../src/datapath/ofproto/entries/rule-stats.ts';
import { FlowTable } from '../../../../src/datapath/ofproto/tables/flow-table.ts';
import { describeWith } from '../../../support/describe-with.ts';
import { DummyOpenVswitch } from '../../../support/dummy-ovs.ts';
import { RandomSource } from '../../../support/random-source.ts';
import { addMod } from './random-rules.ts';

const TABLES = 60;
const RULES = 30;
const KEYS = 12;
const ETH_TYPE_IPV4 = 0x0800_0000;

/** One flow as text without its cookie, and as a rule: an address in each of two fields, or none. */
interface RandomFlow {
  text: string;
  match: Match;
  priority: number;
  actions: Action[];
}

function randomFlow(random: RandomSource): RandomFlow {
  const match = new Match();
  match.mask[KEY_TYPE_VLAN] = 0xffff_0000 | 0;
  match.value[KEY_TYPE_VLAN] = ETH_TYPE_IPV4;
  const priority = random.integer(1, 4);
  let text = `priority=${priority},ip`;
  const ask = (word: number, value: number, field: string): void => {
    match.mask[word] = -1;
    match.value[word] = value;
    text += `,${field}`;
  };
  const [source, destination] = [random.integer(0, 4), random.integer(0, 4)];
  if (source > 1) ask(KEY_NW_SRC, source, `nw_src=0.0.0.${source}`);
  if (destination > 1) ask(KEY_NW_DST, destination, `nw_dst=0.0.0.${destination}`);
  if (random.chance(0.5)) {
    const clause = random.integer(1, 2);
    const actions: Action[] = [{ type: 'conjunction', id: priority, clause, clauses: 2 }];
    return { text: `${text},actions=conjunction(${priority},${clause}/2)`, match, priority, actions };
  }
  const id = random.integer(1, 4);
  if (random.chance(0.5)) ask(KEY_CONJ_ID, id, `conj_id=${id}`);
  return { text: `${text},actions=drop`, match, priority, actions: [] };
}

describeWith(['ovs'], 'conjunctive matches beside Open vSwitch', () => {
  let ovs: DummyOpenVswitch;

  beforeAll(async () => {
    ovs = await DummyOpenVswitch.start(1);
  });

  afterAll(() => ovs.stop());

  test('the same flow is met', async () => {
    for (let seed = 1; seed <= TABLES; seed++) {
      const random = new RandomSource(seed);
      const table = new FlowTable(0, new RuleStats(), new MaskShapes());
      const hard = new FlowTable(0, new RuleStats(), new MaskShapes());
      const lines: string[] = [];
      for (let i = 0; i < RULES; i++) {
        const { text, match, priority, actions } = randomFlow(random);
        if (table.find(match, priority)) continue;
        // Which of two rules of one priority wins is left open: no two without conjunctions may overlap.
        if (actions.length === 0) {
          if (hard.overlapping(match, priority)) continue;
          hard.insert(hard.makeRule(addMod(match, priority), 0));
        }
        const cookie = BigInt(lines.length + 1);
        table.insert(table.makeRule({ ...addMod(match, priority, actions), cookie }, 0));
        lines.push(`cookie=${cookie},${text}`);
      }
      await ovs.ofctl(['-O', 'OpenFlow15', 'del-flows']);
      await ovs.ofctl(['-O', 'OpenFlow15', 'add-flows', '-'], `${lines.join('\n')}\n`);
      for (let i = 0; i < KEYS; i++) {
        const key = new Int32Array(FLOW_WORDS);
        key[KEY_TYPE_VLAN] = ETH_TYPE_IPV4;
        key[KEY_NW_SRC] = random.integer(1, 4);
        key[KEY_NW_DST] = random.integer(1, 4);
        const rule = table.lookup(key, new Int32Array(FLOW_WORDS));
        const flow = `in_port=1,ip,nw_src=0.0.0.${key[KEY_NW_SRC]},nw_dst=0.0.0.${key[KEY_NW_DST]}`;
        const trace = await ovs.appctl('ofproto/trace', 'br0', flow);
        const cookie = /^ 0\. .*, cookie (0x[0-9a-f]+)/m.exec(trace)?.[1];
        const ours = rule && `0x${rule.cookie.toString(16)}`;
        expect(ours, `seed ${seed}\n${lines.join('\n')}\n${trace}`).toBe(cookie);
      }
    }
  });
});
