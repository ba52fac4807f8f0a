// What: reading one line of a flow file or a bundle file: comment, kind of change, command, and the rest. Why: these
// are the forms of `ovs-ofctl add-flows` (a flow with an optional leading command) and of `ovs-ofctl bundle` (with a
// leading kind). Who: bundle.ts and the comparison of files.

import type { FlowModCommand, GroupCommand, MeterCommand } from '../../api.ts';
import { SwitchError } from '../../errors.ts';
import { nearestName, printable, syntaxError } from '../../flow/syntax.ts';

export type LineKind = 'flow' | 'group' | 'meter' | 'port' | 'packet-out';

const KINDS: readonly LineKind[] = ['flow', 'group', 'meter', 'port', 'packet-out'];
const FLOW_COMMANDS: readonly FlowModCommand[] = [
  'add',
  'modify',
  'modify_strict',
  'delete',
  'delete_strict',
];
const GROUP_COMMANDS: Readonly<Record<string, GroupCommand>> = {
  add: 'add',
  modify: 'modify',
  delete: 'delete',
  add_or_mod: 'add_or_modify',
  add_or_modify: 'add_or_modify',
  insert_bucket: 'insert_buckets',
  insert_buckets: 'insert_buckets',
  remove_bucket: 'remove_buckets',
  remove_buckets: 'remove_buckets',
};
const METER_COMMANDS: readonly MeterCommand[] = ['add', 'modify', 'delete'];

/** A line without what stands behind #. */
export function withoutComment(line: string): string {
  const comment = line.indexOf('#');
  return comment < 0 ? line : line.slice(0, comment);
}

/** The kind of change that a line of a bundle file begins with, and where the rest begins. Throws SwitchError. */
export function readKind(line: string): { kind: LineKind; rest: number } {
  const { word, from, to } = firstWord(line, 0);
  const kind = KINDS.find((known) => known === word);
  if (kind) return { kind, rest: to };
  const expected = `one of ${KINDS.join(', ')}${nearestName(word, KINDS) ? `: ${nearestName(word, KINDS)}, perhaps` : ''}`;
  throw syntaxError(
    line,
    from,
    Math.max(1, word.length),
    `A line of a bundle cannot begin with "${word}"`,
    expected,
  );
}

/** The command before a flow, if there is one, and where the flow begins. */
export function readFlowCommand(
  line: string,
  from: number,
  other: FlowModCommand,
): { command: FlowModCommand; rest: number } {
  const { word, to } = firstWord(line, from);
  const command = FLOW_COMMANDS.find((known) => known === word);
  return command ? { command, rest: to } : { command: other, rest: from };
}

export function readGroupCommand(line: string, from: number): { command: GroupCommand; rest: number } {
  const { word, to } = firstWord(line, from);
  const command = GROUP_COMMANDS[word];
  return command ? { command, rest: to } : { command: 'add', rest: from };
}

export function readMeterCommand(line: string, from: number): { command: MeterCommand; rest: number } {
  const { word, to } = firstWord(line, from);
  const command = METER_COMMANDS.find((known) => known === word);
  return command ? { command, rest: to } : { command: 'add', rest: from };
}

/** The next word of a line, which is the name of a port. Throws SwitchError. */
export function readPortName(line: string, from: number): { name: string; at: number; rest: number } {
  const { word, from: at, to } = firstWord(line, from);
  if (word === '')
    throw syntaxError(line, line.length, 1, 'The port is missing', 'a port name and what to change');
  return { name: word, at, rest: to };
}

/**
 * Reads the part of a line from `from` on. Errors point into the whole line: what is before `from` is blank while it
 * is read, and is put back into the sentence.
 */
export function readRest<T>(line: string, from: number, read: (text: string) => T): T {
  if (from === 0) return read(line);
  const blanked = ' '.repeat(from) + line.slice(from);
  try {
    return read(blanked);
  } catch (error) {
    if (!(error instanceof SwitchError)) throw error;
    throw new SwitchError(error.code, unblanked(error.message, blanked, line), { cause: error });
  }
}

/** A sentence whose second line shows a part of `blanked`, with the same part of `line` in its place. */
function unblanked(message: string, blanked: string, line: string): string {
  const lines = message.split('\n');
  const shown = lines[1]?.slice(2);
  const at = shown === undefined ? -1 : printable(blanked).indexOf(shown);
  if (shown === undefined || at < 0) return message;
  lines[1] = `  ${printable(line).slice(at, at + shown.length)}`;
  return lines.join('\n');
}

/** An error that says where in a file it stands. */
export function located(error: unknown, source: string | undefined, line: number): unknown {
  if (!(error instanceof SwitchError)) return error;
  const place = source === undefined ? `line ${line}` : `${source}:${line}`;
  return new SwitchError(error.code, `${place}: ${error.message}`, { cause: error });
}

function firstWord(line: string, start: number): { word: string; from: number; to: number } {
  let from = start;
  while (from < line.length && isBlank(line.charCodeAt(from))) from++;
  let to = from;
  while (to < line.length && !isBlank(line.charCodeAt(to))) to++;
  // A flow may begin right behind a comma, as in `add,in_port=1`.
  const comma = line.indexOf(',', from);
  if (comma >= 0 && comma < to) to = comma;
  return { word: line.slice(from, to), from, to };
}

/** Space, comma, tab and line ends. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x2c || (code >= 0x09 && code <= 0x0d);
}
