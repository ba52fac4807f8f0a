// What: what FakeDatapath keeps of flows, groups and meters: texts, understood as far as tests need. Why: tests of
// control and CLI are about the way to the datapath and back. Who: fake-datapath.ts.
// A flow is `MATCH,actions=ACTIONS` or `MATCH actions=ACTIONS`; MATCH may hold table, priority and cookie.

import type {
  BundleOptions,
  FlowInfo,
  FlowModCommand,
  FlowQuery,
  Page,
  TableInfo,
} from '../../src/datapath/index.ts';
import { SwitchError } from '../../src/datapath/index.ts';

export interface FakeChange {
  kind: 'flow' | 'group' | 'meter';
  command: string;
  text: string;
}

export interface FakeBundle {
  options: BundleOptions;
  changes: FakeChange[];
}

/** Throws as the real parser does for a flow without actions. */
export function parseFlow(text: string): FlowInfo {
  const [head, actions] = text.trim().split(/[ ,]+actions=|^actions=/);
  if (actions === undefined) throw new SwitchError('invalid-argument', 'must specify an action');
  return { ...FLOW_DEFAULTS, ...settingsOf(head!), actions };
}

function settingsOf(head: string): Partial<FlowInfo> {
  const settings: Partial<FlowInfo> = {};
  const match = head.split(/[ ,]+/).filter((token) => {
    const [name, value] = token.split('=') as [string, string];
    if (name === 'table') settings.tableId = Number(value);
    else if (name === 'priority') settings.priority = Number(value);
    else if (name === 'cookie') settings.cookie = `0x${Number(value).toString(16)}`;
    else return token !== '';
    return false;
  });
  return { ...settings, match: match.join(',') };
}

export class FakeFlows {
  readonly all: FlowInfo[] = [];

  apply(command: FlowModCommand, text: string): number {
    if (command.startsWith('delete')) return this.#delete(text);
    const flow = parseFlow(text);
    const same = (other: FlowInfo) => flowKey(other) === flowKey(flow);
    const index = this.all.findIndex(same);
    if (command === 'add') this.all.splice(index < 0 ? this.all.length : index, index < 0 ? 0 : 1, flow);
    else if (index >= 0) this.all[index]!.actions = flow.actions;
    return command === 'add' || index >= 0 ? 1 : 0;
  }

  /** Those with exactly the match of the query, or all. */
  covered({ match }: Pick<FlowQuery, 'match'>): FlowInfo[] {
    if (match === '') return this.all;
    const wanted = settingsOf(match);
    return this.all.filter(
      (flow) =>
        (wanted.match === '' || flow.match === wanted.match) &&
        (wanted.tableId === undefined || flow.tableId === wanted.tableId),
    );
  }

  #delete(match: string): number {
    const gone = new Set(this.covered({ match }));
    const kept = this.all.filter((flow) => !gone.has(flow));
    this.all.splice(0, this.all.length, ...kept);
    return gone.size;
  }
}

function flowKey({ tableId, priority, match }: FlowInfo): string {
  return `${tableId} ${priority} ${match}`;
}

/** A line of dump-flows. */
export function flowLine(flow: FlowInfo, { stats, names }: { stats: boolean; names?: boolean }): string {
  const priority = flow.priority === 32768 ? [] : [`priority=${flow.priority}`];
  const match = [...priority, ...(flow.match === '' ? [] : [flow.match])].join(',');
  const counters = `cookie=${flow.cookie}, duration=0s, table=${flow.tableId}, n_packets=0, n_bytes=0, `;
  const cookie = flow.cookie === '0x0' ? '' : `cookie=${flow.cookie}, `;
  const head = stats ? counters : `${cookie}${flow.tableId === 0 ? '' : `table=${flow.tableId}, `}`;
  const named = names ? match.replace('in_port=1', 'in_port=s1') : match;
  return ` ${head}${named === '' ? '' : `${named} `}actions=${flow.actions}\n`;
}

/** A set of texts with a number in each. */
export class FakeTexts {
  readonly all: { id: number; text: string }[] = [];
  readonly #what: string;
  readonly #number: RegExp;

  constructor(what: string, number: RegExp) {
    this.#what = what;
    this.#number = number;
  }

  apply(command: string, text: string): void {
    if (command === 'delete' && text === '') this.all.length = 0;
    const id = Number(this.#number.exec(text)?.[1] ?? Number.NaN);
    if (command === 'delete' && text === '') return;
    if (Number.isNaN(id)) throw new SwitchError('invalid-argument', `must specify a ${this.#what} id`);
    const index = this.all.findIndex((item) => item.id === id);
    if (command === 'add' && index >= 0) {
      throw new SwitchError('already-exists', `${this.#what} ${id} exists already`);
    }
    if (command === 'modify' && index < 0) throw new SwitchError('not-found', `no ${this.#what} ${id}`);
    if (index >= 0) this.all.splice(index, 1);
    if (command !== 'delete') this.all.push({ id, text });
  }

  select(id: number | undefined): { id: number; text: string }[] {
    return this.all.filter((item) => id === undefined || item.id === id);
  }
}

/** A line of a bundle. Throws for one that is wrong. */
export function parseChange(line: string, { lines, command = 'add' }: BundleOptions): FakeChange {
  if (lines === 'flows') {
    const [, word, flow] = /^(add|modify|modify_strict|delete|delete_strict)[ ,]+(.*)$/.exec(line) ?? [];
    const change: FakeChange = { kind: 'flow', command: word ?? command, text: flow ?? line };
    if (!change.command.startsWith('delete')) parseFlow(change.text);
    return change;
  }
  const change = lines === 'groups' ? `group ${line}` : line;
  const [, kind, word, text] = /^(flow|group|meter) +(?:(add|modify|delete) +)?(.*)$/.exec(change) ?? [];
  if (kind !== undefined) return { kind: kind as 'flow', command: word ?? 'add', text: text! };
  throw new SwitchError('invalid-argument', `a bundle has no ${line.split(' ')[0]}`);
}

/** Runs `work`, with the place in front of what it throws. */
export function atLine<T>(source: string, line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, message } = error as SwitchError;
    throw new SwitchError(code, `${source}:${line}: ${message}`);
  }
}

export function pageOf<T>(all: T[], after: number, size: number): Page<T> {
  const end = after + size;
  return { items: all.slice(after, end), next: end < all.length ? end : 0 };
}

export function newTable(tableId: number): TableInfo {
  const counters = { activeFlows: 0, lookups: 0, matched: 0 };
  return { tableId, name: `table${tableId}`, ...counters, flowLimit: undefined, overflow: 'refuse' };
}

const FLOW_DEFAULTS: FlowInfo = {
  tableId: 0,
  priority: 32768,
  cookie: '0x0',
  match: '',
  actions: 'drop',
  packets: 0,
  bytes: 0,
  durationSeconds: 0,
  idleTimeout: 0,
  hardTimeout: 0,
  importance: 0,
  flags: [],
  idleAgeSeconds: 0,
  hardAgeSeconds: 0,
};
