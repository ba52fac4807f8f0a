// What: random sequences of flow mods, group mods and meter mods into Open vSwitch and into this switch. Why: which flows
// a mod touches, what it keeps, and what is refused must be the same; Open vSwitch defines it. After each mod both have
// accepted or both refused it, and now and then the dumps, with counters, are compared.
// ovs-ofctl speaks OpenFlow 1.0 by default and 1.4 and later for bundles, where some of the rules differ: both are compared.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FlowModCommand } from '../../src/datapath/api.ts';
import { describeWith } from '../support/describe-with.ts';
import { DummyOpenVswitch } from '../support/dummy-ovs.ts';
import { ethernet, tcp } from '../support/frames.ts';
import { RandomSource } from '../support/random-source.ts';
import { MemorySwitch, station } from './memory-switch.ts';

const PORTS = 3;
const MATCHES = [
  '',
  'in_port=1',
  'ip',
  'tcp',
  'tcp,tp_dst=80',
  'ip,nw_dst=10.0.0.0/8',
  'ip,nw_dst=10.1.0.0/16',
  'arp',
  'dl_vlan=5',
  'in_port=1,tcp',
];
const ACTIONS = [
  'drop',
  '1',
  '2',
  'output:3,local',
  'resubmit(,1)',
  'dec_ttl,2',
  'note:01.02',
  'clone(output:2)',
];
/** What OpenFlow 1.0 cannot say. */
const MODERN_ACTIONS = [
  'write_actions(output:2)',
  'group:1',
  'group:2,1',
  'write_actions(group:1)',
  'meter:1,2',
  'clone(group:3),1',
];

/** One change: for ovs-ofctl the command and its argument, for our bundles a line. */
interface Step {
  command: FlowModCommand | 'group' | 'meter';
  ofctl: string[];
  line: string;
}

const OFCTL: Record<FlowModCommand, string[]> = {
  add: ['add-flow'],
  modify: ['mod-flows'],
  modify_strict: ['--strict', 'mod-flows'],
  delete: ['del-flows'],
  delete_strict: ['--strict', 'del-flows'],
};

/**
 * `clear`: no two flows of the same priority match the same frame. Which of them counts it would be left open; with
 * check_overlap one would be refused.
 */
function randomFlowStep(random: RandomSource, modern: boolean, clear: boolean): Step {
  const command = random.pick<FlowModCommand>([
    'add',
    'add',
    'add',
    'modify',
    'modify_strict',
    'delete',
    'delete_strict',
  ]);
  const words: string[] = [];
  const maybe = (probability: number, word: () => string) => {
    if (random.chance(probability)) words.push(word());
  };
  const isDelete = command.startsWith('delete');
  maybe(command === 'add' ? 0.8 : 0.5, () => `table=${random.integer(0, 2)}`);
  const match = random.pick(MATCHES);
  if (command !== 'delete' && (clear || command !== 'modify')) {
    const base = clear ? 10 * MATCHES.indexOf(match) : 0;
    maybe(clear ? 1 : 0.6, () => `priority=${base + random.integer(1, 3)}`);
  }
  if (!isDelete) maybe(0.4, () => `cookie=0x${random.integer(0, 3)}`);
  if (command !== 'add')
    maybe(0.3, () => `cookie=0x${random.integer(0, 3)}/${random.pick(['-1', '0x1', '0x0'])}`);
  if (isDelete) maybe(0.2, () => `out_port=${random.integer(1, 3)}`);
  if (isDelete && modern) maybe(0.1, () => `out_group=${random.integer(1, 3)}`);
  if (!isDelete) {
    maybe(0.3, () => `idle_timeout=${random.integer(5000, 5002)}`);
    maybe(0.2, () => `hard_timeout=${random.integer(5000, 5002)}`);
    maybe(0.2, () => 'send_flow_rem');
    maybe(0.15, () => 'check_overlap');
    if (modern) maybe(0.15, () => 'reset_counts');
  }
  if (command === 'add' && modern) maybe(0.2, () => `importance=${random.integer(0, 3)}`);
  // One cookie at most: text can say both a filter and a value, but not in every version.
  const cookies = words.filter((word) => word.startsWith('cookie='));
  const kept = words.filter((word) => !word.startsWith('cookie=') || word === cookies[0]);
  if (match !== '') kept.push(match);
  const needsIp = (actions: string) => /dec_ttl/.test(actions) && !/ip|tcp/.test(match);
  if (!isDelete) {
    const pool = (modern && random.chance(0.4) ? MODERN_ACTIONS : ACTIONS).filter(
      (actions) => !needsIp(actions),
    );
    kept.push(`actions=${random.pick(pool)}`);
  }
  const flow = kept.join(',');
  return { command, ofctl: [...OFCTL[command], flow], line: `flow ${command} ${flow}` };
}

function randomGroupStep(random: RandomSource): Step {
  const id = `group_id=${random.integer(1, 3)}`;
  const bucket = () =>
    `bucket=bucket_id:${random.integer(1, 4)},actions=${random.pick(['1', '2', 'output:1,output:3', 'drop'])}`;
  const group = () => `${id},type=${random.pick(['all', 'select'])},${bucket()}`;
  const place = () => `command_bucket_id=${random.pick(['first', 'last', '1', '2'])}`;
  const [ofctl, word, text] = random.pick<[string, string, string]>([
    ['add-group', 'add', group()],
    ['add-group', 'add', group()],
    ['mod-group', 'modify', group()],
    ['del-groups', 'delete', id],
    ['insert-buckets', 'insert_bucket', `${id},${place()},${bucket()}`],
    [
      'remove-buckets',
      'remove_bucket',
      `${id},command_bucket_id=${random.pick(['first', 'last', 'all', '1', '3'])}`,
    ],
  ]);
  return { command: 'group', ofctl: [ofctl, text], line: `group ${word} ${text}` };
}

function randomMeterStep(random: RandomSource): Step {
  const meter = `meter=${random.integer(1, 2)}`;
  const rest = `${random.pick(['kbps', 'pktps'])},bands=type=drop,rate=${random.integer(100_000, 100_002)}`;
  const [ofctl, word, text] = random.pick<[string, string, string]>([
    ['add-meter', 'add', `${meter},${rest}`],
    ['mod-meter', 'modify', `${meter},${rest}`],
    ['del-meters', 'delete', meter],
  ]);
  return { command: 'meter', ofctl: [ofctl, text], line: `meter ${word} ${text}` };
}

/** A line of a dump without what time changes; flags that ovs-ofctl sets of its own accord are left out. */
function comparable(line: string): string {
  return line
    .trim()
    .replace(/duration=[^,]*, /, '')
    .replace(/(idle|hard)_age=\d+, /g, '')
    .replace('reset_counts ', '');
}

describeWith(['ovs'], 'flow mods as Open vSwitch does them', () => {
  let ovs: DummyOpenVswitch;
  beforeAll(async () => {
    ovs = await DummyOpenVswitch.start(PORTS);
  });
  afterAll(() => ovs.stop());

  const accepted = async (body: () => unknown): Promise<boolean> => {
    try {
      await body();
      return true;
    } catch {
      return false;
    }
  };

  const ofctl = (version: string, words: string[]): Promise<string> => {
    const [first, second] = words[0]!.startsWith('--') ? words : ['--no-names', words[0]!];
    return ovs.ofctl([`-O${version}`, first!, second!, words.at(-1)!]);
  };

  const dumps = async (lab: MemorySwitch) => {
    const theirs = await ovs.ofctl(['-OOpenFlow15', '--no-names', 'dump-flows']);
    const lines = theirs.split('\n').filter((line) => line.startsWith(' '));
    let ours = '';
    for (let after = 0, more = true; more; more = after !== 0) {
      const page = lab.sw.dumpFlows('br0', { match: '', stats: true }, after);
      ours += page.text;
      after = page.next;
    }
    const groupText = (await ovs.ofctl(['-OOpenFlow15', '--no-names', 'dump-groups'])).split('\n').slice(1);
    const groups = lab.sw.listGroups('br0').map(({ text }) => text.trim());
    return {
      theirs: {
        flows: lines.map(comparable).sort(),
        groups: groupText
          .map((line) => line.trim())
          .filter(Boolean)
          .sort(),
      },
      ours: { flows: ours.split('\n').filter(Boolean).map(comparable).sort(), groups: groups.sort() },
    };
  };

  const run = async (seed: number, modern: boolean) => {
    const version = modern ? 'OpenFlow15' : 'OpenFlow10';
    const random = new RandomSource(seed);
    const lab = new MemorySwitch(PORTS, { failMode: 'secure' });
    const clear = seed % 2 === 0;
    for (const what of ['del-flows', 'del-groups', 'del-meters'])
      await ovs.ofctl(['-OOpenFlow15', '--no-names', what]);
    const done: string[] = [];
    for (let i = 0; i < 50; i++) {
      const kinds = modern ? ['flow', 'flow', 'flow', 'group', 'meter'] : ['flow', 'flow', 'flow', 'flow'];
      const kind = random.pick(clear ? [...kinds, 'frame'] : kinds);
      if (kind === 'frame') {
        const port = random.integer(1, PORTS);
        const ends = { source: '10.0.0.1', destination: random.pick(['10.1.0.1', '10.2.0.1']) };
        const segment = tcp(ends, { sourcePort: 1, destinationPort: random.pick([80, 81]) });
        const frame = ethernet({ destination: station(2), source: station(1), ...segment });
        await ovs.inject(port, frame);
        await ovs.outputs();
        lab.send(`p${port}`, frame);
        done.push(`frame ${port}`);
      } else {
        const make = {
          flow: () => randomFlowStep(random, modern, clear),
          group: () => randomGroupStep(random),
          meter: () => randomMeterStep(random),
        };
        const step = make[kind as 'flow' | 'group' | 'meter']();
        done.push(step.line);
        const flow = step.line.slice(`flow ${step.command} `.length);
        const theirs = await accepted(() => ofctl(version, step.ofctl));
        const ours = await accepted(() =>
          modern
            ? lab.bundle([step.line], { lines: 'bundle' })
            : lab.mod(step.command as FlowModCommand, flow),
        );
        expect({ seed, done, accepted: ours }).toEqual({ seed, done, accepted: theirs });
      }
      if (i % 5 !== 4) continue;
      const { ours, theirs } = await dumps(lab);
      expect({ seed, done, ...ours }).toEqual({ seed, done, ...theirs });
    }
  };

  const seeds = Array.from({ length: 8 }, (_, i) => i + 1);
  test.each(seeds)('of OpenFlow 1.0, seed %i', (seed) => run(seed, false), 60_000);
  test.each(seeds)(
    'of OpenFlow 1.5 with groups and meters, seed %i',
    (seed) => run(1000 + seed, true),
    60_000,
  );
});
