// What: what diff-flows prints: flows that two sides do not have alike, in the format of `ovs-ofctl diff-flows`. Why:
// sides have a hundred thousand flows, and are mostly the same: flows are compared as lines of dumps without
// statistics, and only what differs is taken apart. Who: commands/flow-file.ts.

/** Words that stand in front of a match without a comma behind. Flags do not count, as in Open vSwitch. */
const FLAGS = ['send_flow_rem', 'check_overlap', 'reset_counts', 'no_packet_counts', 'no_byte_counts'];

const ACTIONS = 'actions=';
const DEFAULT_PRIORITY = 32768;
const COMMA = 44;

/** A flow from a line of a dump. */
interface DumpedFlow {
  tableId: number;
  priority: number;
  /** The match without the priority. */
  match: string;
  /** As diff-flows writes it, without sign and line feed. */
  text: string;
}

/** Where the match of a line begins, its priority in front, and where the actions begin. */
function matchRange(line: string): [number, number] {
  const end = line.indexOf(ACTIONS);
  const start = line.lastIndexOf(' ', end - 2) + 1;
  // What stands there may belong to the head: the line has no match then.
  const isHead = line.charCodeAt(end - 2) === COMMA || FLAGS.includes(line.slice(start, end - 1));
  return [isHead ? end : start, end];
}

/** What tells the flow of a line from others of its bridge. */
function identity(line: string): string {
  const [start, end] = matchRange(line);
  const match = line.slice(start, end);
  const at = line.indexOf('table=');
  return at < 0 || at >= start ? match : `${line.slice(at, line.indexOf(',', at))} ${match}`;
}

function dumpedFlow(line: string): DumpedFlow {
  const [start, end] = matchRange(line);
  const settings = new Map(
    line
      .slice(0, start)
      .split(/[ ,]+/)
      .map((word) => word.split('=') as [string, string]),
  );
  const written = line.slice(start, end - 1);
  const [, priority = String(DEFAULT_PRIORITY), match] = /^(?:priority=(\d+),?)?(.*)$/.exec(written)!;
  const words = [written];
  for (const name of ['cookie', 'idle_timeout', 'hard_timeout', 'importance']) {
    const value = settings.get(name);
    if (value !== undefined) words.push(`${name}=${value}`);
  }
  words.push(line.slice(end));
  const table = settings.get('table');
  return {
    tableId: Number(table ?? 0),
    priority: Number(priority),
    match: match!,
    text: `${table === undefined ? '' : `table=${table} `}${words.join(' ')}`,
  };
}

/** Flows by what tells them apart; of several alike the last counts, as when they are added one by one. */
export class FlowSet {
  readonly #lines = new Map<string, string>();

  /** Lines of a dump without statistics, each with a line feed behind. */
  add(text: string): void {
    for (let at = 0; at < text.length; ) {
      const end = text.indexOf('\n', at);
      const line = text.slice(at, end);
      this.#lines.set(identity(line), line);
      at = end + 1;
    }
  }

  /** Lines with `-` for what only this side has, `+` for what only the other has, by table and falling priority. */
  differences(other: FlowSet): string[] {
    const found: { flow: DumpedFlow; lines: string }[] = [];
    for (const [key, line] of this.#lines) {
      const otherLine = other.#lines.get(key);
      if (line === otherLine) continue;
      const flow = dumpedFlow(line);
      const theirs = otherLine === undefined ? '' : dumpedFlow(otherLine).text;
      if (flow.text !== theirs) {
        found.push({ flow, lines: `-${flow.text}\n${theirs === '' ? '' : `+${theirs}\n`}` });
      }
    }
    for (const [key, line] of other.#lines) {
      if (this.#lines.has(key)) continue;
      const flow = dumpedFlow(line);
      found.push({ flow, lines: `+${flow.text}\n` });
    }
    found.sort(
      ({ flow: a }, { flow: b }) =>
        a.tableId - b.tableId || b.priority - a.priority || (a.match < b.match ? -1 : 1),
    );
    return found.map(({ lines }) => lines);
  }
}
