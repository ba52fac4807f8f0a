// What: flow text against the ovs-ofctl that is installed: what it refuses we refuse, and what it takes both print
// alike. Why: users bring flow files and read dumps with the eyes of Open vSwitch. The oracle is `ovs-ofctl diff-flows
// FILE /dev/null`, which prints flows as they were read, without a detour through the wire format of one OpenFlow
// version; `parse-flow` is asked where that makes no difference.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { formatActions } from '../../../../src/datapath/actions/text.ts';
import { SwitchError } from '../../../../src/datapath/errors.ts';
import { formatMatch } from '../../../../src/datapath/flow/match-text.ts';
import { NO_PORTS } from '../../../../src/datapath/flow/port-number.ts';
import type { FlowMod } from '../../../../src/datapath/ofproto/entries/flow-mod.ts';
import { formatFlowMod, parseFlowMod } from '../../../../src/datapath/ofproto/text/flow-text.ts';
import { describeWith } from '../../../support/describe-with.ts';
import { RandomSource } from '../../../support/random-source.ts';
import { FLOW_LINES, REFUSED_LINES } from './flow-lines.ts';
import { RandomFlowText } from './random-flow-text.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsswitch-flows-'));
const file = join(directory, 'flows.txt');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SEEDS = [1, 2, 3];
const FLOWS_PER_SEED = 1500;
const DEFAULT_PRIORITY = 32_768;

/** What ovs-ofctl says of a file of flows of different priorities: how it prints each, or the line that it refuses. */
function askOvs(lines: readonly string[]): { printed: Map<number, string> } | { refused: string } {
  writeFileSync(file, `${lines.join('\n')}\n`);
  const { status, stdout, stderr } = spawnSync('ovs-ofctl', ['diff-flows', file, '/dev/null'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0 && status !== 2) {
    const said = stderr.trim().split('\n').at(-1)!;
    const line = /flows\.txt:([0-9]+):/.exec(said)?.[1];
    return { refused: `${said}\n${line ? lines[Number(line) - 1] : ''}` };
  }
  const printed = new Map<number, string>();
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('-')) continue;
    const priority = Number(/^-(?:table=[0-9]+ )?priority=([0-9]+)/.exec(line)?.[1] ?? DEFAULT_PRIORITY);
    printed.set(priority, padNotes(line.slice(1).trim()));
  }
  return { printed };
}

function isRefusedByOvs(line: string): boolean {
  return 'refused' in askOvs([line]);
}

/** A note fills up its action; only here ovs-ofctl shows it before that. */
function padNotes(line: string): string {
  return line.replace(/note:([0-9a-f.]*)/g, (_, digits: string) => {
    const bytes = digits === '' ? [] : digits.split('.');
    while (bytes.length < 6 || (bytes.length + 10) % 8 !== 0) bytes.push('00');
    return `note:${bytes.join('.')}`;
  });
}

/** The flow in the form of diff-flows. */
function print(mod: FlowMod): string {
  const priority = mod.priority === DEFAULT_PRIORITY ? '' : `priority=${mod.priority}`;
  const parts = [
    mod.tableId === 0 ? '' : `table=${mod.tableId}`,
    [priority, formatMatch(mod.match)].filter((part) => part !== '').join(),
    mod.cookie === 0n ? '' : `cookie=0x${mod.cookie.toString(16)}`,
    mod.idleTimeout === 0 ? '' : `idle_timeout=${mod.idleTimeout}`,
    mod.hardTimeout === 0 ? '' : `hard_timeout=${mod.hardTimeout}`,
    mod.importance === 0 ? '' : `importance=${mod.importance}`,
    `actions=${formatActions(mod.actions)}`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

/** Undefined when the line is refused. */
function parse(line: string): FlowMod | undefined {
  try {
    return parseFlowMod(line, 'add', NO_PORTS);
  } catch (error) {
    if (error instanceof SwitchError) return undefined;
    throw error;
  }
}

describeWith(['ovs'], 'ovs-ofctl reads and prints the same', () => {
  test('all lines that are known to be fine', () => {
    const lines = FLOW_LINES.map((line, i) =>
      line.replace(/(^|[,\s]+)actions?=/, ` priority=${i + 1},actions=`),
    );
    const answer = askOvs(lines);
    if ('refused' in answer) throw new Error(answer.refused);
    for (const [i, line] of lines.entries()) {
      const mod = parseFlowMod(line, 'add', NO_PORTS);
      expect(print(mod), line).toBe(answer.printed.get(i + 1));
    }
  });

  test.each(REFUSED_LINES)('both refuse %s', (line) => {
    expect(isRefusedByOvs(line)).toBe(true);
    expect(() => parseFlowMod(line, 'add', NO_PORTS)).toThrow(SwitchError);
  });

  test.each([
    'actions=normal',
    'table=3,priority=5,cookie=0x1f,idle_timeout=6,hard_timeout=7,ip,in_port=1 actions=2,resubmit(,4),local',
    'send_flow_rem,check_overlap,tcp,tp_dst=80 actions=mod_nw_tos:8,CONTROLLER:50',
    'arp,arp_spa=10.0.0.0/8,actions=drop',
    'table=1,actions=learn(table=2,NXM_OF_VLAN_TCI[0..11],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]),note:01.02',
    'ip6,actions=load:0x5->NXM_NX_REG1[3..9],move:NXM_OF_IN_PORT[]->NXM_NX_REG2[0..15],multipath(eth_src,0,hrw,4,0,NXM_NX_REG3[])',
  ])('parse-flow prints %s as we do', (line) => {
    const { stdout } = spawnSync('ovs-ofctl', ['parse-flow', line], { encoding: 'utf8' });
    expect(formatFlowMod(parseFlowMod(line, 'add', NO_PORTS))).toBe(
      stdout
        .trim()
        .split('\n')
        .at(-1)!
        .replace(/^.*?: /, ''),
    );
  });

  test.each(SEEDS)('random flows, seed %i', (seed) => {
    const random = new RandomSource(seed);
    const source = new RandomFlowText(random);
    const lines: string[] = [];
    const refused: string[] = [];
    for (let i = 1; i <= FLOWS_PER_SEED; i++) {
      const { match, actions } = source.next();
      const line = `priority=${i},${match},actions=${actions}`;
      if (parse(line)) lines.push(line);
      else refused.push(line);
    }
    expect(lines.length, `seed ${seed}: flows that are fine`).toBeGreaterThan(FLOWS_PER_SEED / 2);
    const answer = askOvs(lines);
    if ('refused' in answer) throw new Error(`seed ${seed}: only Open vSwitch refuses: ${answer.refused}`);
    for (const line of lines) {
      const mod = parse(line)!;
      const ours = print(mod);
      expect(ours, `seed ${seed}: ${line}`).toBe(answer.printed.get(mod.priority));
      expect(
        print(parse(ours.replace(/ (cookie|idle|hard|importance)/g, ',$1'))!),
        `seed ${seed}: ${line}`,
      ).toBe(ours);
    }
    for (const line of refused.slice(0, 150)) {
      if (isStricter(line)) continue;
      expect(isRefusedByOvs(line), `seed ${seed}: only we refuse ${line}\n${reason(line)}`).toBe(true);
    }
  });

  test.each(SEEDS)('random mistakes, seed %i', (seed) => {
    const random = new RandomSource(1000 + seed);
    const source = new RandomFlowText(random);
    for (let i = 0; i < 250; i++) {
      const { match, actions } = source.next();
      const line = spoil(`${match},actions=${actions}`, random);
      const mod = parse(line);
      if (!mod) continue;
      const answer = askOvs([line]);
      if ('refused' in answer) throw new Error(`seed ${seed}: only Open vSwitch refuses: ${answer.refused}`);
      const ours = print(mod);
      const theirs = answer.printed.get(mod.priority)!;
      // Bits of a value outside of its mask are not kept here.
      if (ours !== theirs) expect(ours, `seed ${seed}: ${line}`).toBe(print(parse(theirs)!));
    }
  });
});

/** True for what we refuse on purpose although Open vSwitch takes it. */
function isStricter(line: string): boolean {
  const why = reason(line);
  // Open vSwitch drops the field from the match, so that the flow is for more frames than its author wrote.
  if (/means nothing (unless the flow also matches|beside)/.test(why)) return true;
  // Open vSwitch forgets at a clone which versions of OpenFlow can say what stands before it.
  return line.includes('clone(') && why.includes('takes OpenFlow 1.1');
}

function reason(line: string): string {
  try {
    parseFlowMod(line, 'add', NO_PORTS);
    return '';
  } catch (error) {
    return String(error);
  }
}

/** A character is lost, doubled, changed or swapped. */
function spoil(line: string, random: RandomSource): string {
  const at = random.integer(0, line.length - 1);
  const other = random.pick([...'0123456789abfx,:=()[]/.->_ ']);
  return random.pick([
    line.slice(0, at) + line.slice(at + 1),
    line.slice(0, at) + other + line.slice(at),
    line.slice(0, at) + other + line.slice(at + 1),
    line.slice(0, at) + line.slice(at, at + 2) + line.slice(at),
  ]);
}
