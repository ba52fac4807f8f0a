// What: the keys of flow text that are no part of the match: priority, table, cookie, timeouts, flags, filters. Why:
// flow-text.ts finds the reader of a key by one look-up, since most tokens of a flow are match fields. Who: flow-text.ts.

import { GROUP_MAX, LAST_TABLE } from '../../actions/action.ts';
import type { SwitchError } from '../../errors.ts';
import { type PortResolver, parseAnyPort } from '../../flow/port-number.ts';
import {
  numberValue,
  parseUnsigned,
  syntaxError,
  type Token,
  value64,
  valueError,
} from '../../flow/syntax.ts';
import {
  ALL_TABLES,
  FLAG_CHECK_OVERLAP,
  FLAG_NO_BYTE_COUNTS,
  FLAG_NO_PACKET_COUNTS,
  FLAG_RESET_COUNTS,
  FLAG_SEND_FLOW_REM,
  type FlowMod,
} from '../entries/flow-mod.ts';
import { GROUP_ALL } from '../entries/group.ts';

/** What a text is: an addition, a change, or a filter; the filters stand last. */
export const KIND_ADD = 1;
export const KIND_MODIFY = 2;
export const KIND_FILTER = 3;
export const KIND_STRICT_FILTER = 4;

const MAX_U16 = 0xffff;
const MAX_U32 = 0xffff_ffff;
/** As the group of a filter: any. */
const GROUP_ANY = 0xffff_ffff;

const FLAGS: ReadonlyMap<string, number> = new Map([
  ['send_flow_rem', FLAG_SEND_FLOW_REM],
  ['check_overlap', FLAG_CHECK_OVERLAP],
  ['reset_counts', FLAG_RESET_COUNTS],
  ['no_packet_counts', FLAG_NO_PACKET_COUNTS],
  ['no_byte_counts', FLAG_NO_BYTE_COUNTS],
]);
/** Flags that OpenFlow 1.0 does not have. */
export const MODERN_FLAGS = FLAG_RESET_COUNTS | FLAG_NO_PACKET_COUNTS | FLAG_NO_BYTE_COUNTS;

/** Keys that a dump shows, and others that mean nothing when they are fed back in. */
const MEANINGLESS = [
  'duration',
  'n_packets',
  'n_bytes',
  'idle_age',
  'hard_age',
  'no_readonly_table',
  'allow_hidden_fields',
];

/** Reads a token into the flow. Throws SwitchError invalid-argument. */
export type KeyReader = (
  text: string,
  token: Token,
  kind: number,
  mod: FlowMod,
  resolvePort: PortResolver,
) => void;

export const KEY_READERS: ReadonlyMap<string, KeyReader> = new Map<string, KeyReader>([
  ['priority', readPriority],
  ['table', readTable],
  ['cookie', readCookie],
  ['idle_timeout', readTimeout],
  ['hard_timeout', readTimeout],
  ['importance', readImportance],
  ['out_port', readOutput],
  ['out_group', readOutput],
  ['actions', refuseActions],
  ['action', refuseActions],
  ...[...FLAGS.keys()].map((word): [string, KeyReader] => [word, readFlag]),
  ...MEANINGLESS.map((word): [string, KeyReader] => [word, () => {}]),
]);

function readPriority(text: string, token: Token, kind: number, mod: FlowMod): void {
  if (kind === KIND_FILTER)
    throw notHere(text, token, 'Only del-flows --strict and delete_strict choose flows by priority');
  mod.priority = numberValue(text, token, MAX_U16);
}

function readTable(text: string, token: Token, kind: number, mod: FlowMod): void {
  const written = token.value ?? '';
  const isDecimal = written.charCodeAt(0) !== 48 || written.length === 1;
  const table = isDecimal ? parseUnsigned(written, 0, written.length) : Number.NaN;
  if (table <= LAST_TABLE) {
    mod.tableId = table;
  } else if (table === ALL_TABLES) {
    // An addition then leaves the choice to the switch.
    mod.tableId = kind === KIND_ADD ? 0 : ALL_TABLES;
  } else {
    const all = kind === KIND_ADD ? '' : ', or 255 for all tables';
    const names = /^[a-z]/i.test(written) ? '; names of tables are not understood in flows' : '';
    throw valueError(text, token, `a table number 0 to ${LAST_TABLE}${all}${names}`);
  }
}

function readTimeout(text: string, token: Token, kind: number, mod: FlowMod): void {
  if (kind >= KIND_FILTER) throw notHere(text, token, `Flows cannot be chosen by ${token.key}`);
  const seconds = numberValue(text, token, MAX_U16);
  if (token.key === 'idle_timeout') mod.idleTimeout = seconds;
  else mod.hardTimeout = seconds;
}

function readImportance(text: string, token: Token, kind: number, mod: FlowMod): void {
  if (kind !== KIND_ADD) throw notHere(text, token, 'The importance of a flow is set when it is added');
  mod.importance = numberValue(text, token, MAX_U16);
}

function readFlag(text: string, token: Token, kind: number, mod: FlowMod): void {
  if (kind >= KIND_FILTER) throw notHere(text, token, `Flows cannot be chosen by ${token.key}`);
  mod.flags |= FLAGS.get(token.key)!;
}

function refuseActions(text: string, token: Token, kind: number): void {
  const problem =
    kind < KIND_FILTER ? 'The actions stand last, after "="' : 'Flows cannot be chosen by actions';
  throw notHere(text, token, problem);
}

function readOutput(text: string, token: Token, kind: number, mod: FlowMod, resolvePort: PortResolver): void {
  if (kind < KIND_FILTER) throw notHere(text, token, `${token.key} chooses flows to list or to delete`);
  if (token.key === 'out_group') {
    mod.outGroup = outGroup(text, token);
    return;
  }
  mod.outPort = parseAnyPort(token.value ?? '', resolvePort);
  if (mod.outPort === undefined) {
    throw valueError(text, token, 'a port number, a port name or a reserved port such as LOCAL');
  }
}

function outGroup(text: string, token: Token): number | undefined {
  const written = (token.value ?? '').toLowerCase();
  if (written === 'any') return undefined;
  if (written === 'all') return GROUP_ALL;
  const group = parseUnsigned(written, 0, written.length);
  if (group === GROUP_ANY) return undefined;
  if (group <= MAX_U32) return group;
  throw valueError(text, token, `a group number 0 to ${GROUP_MAX}, or any`);
}

/** `cookie=VALUE` gives a flow its cookie, `cookie=VALUE/MASK` chooses flows. */
function readCookie(text: string, token: Token, kind: number, mod: FlowMod): void {
  const written = token.value ?? '';
  const slash = written.indexOf('/');
  if (slash < 0) {
    if (kind >= KIND_FILTER) {
      const expected = `a mask behind it: cookie=${written === '' ? '0x1' : written}/-1`;
      throw syntaxError(
        text,
        token.keyAt,
        token.key.length,
        'Flows are chosen by a cookie and a mask',
        expected,
      );
    }
    mod.cookie = value64(text, token, written);
    mod.setsCookie = true;
    return;
  }
  if (kind === KIND_ADD) throw valueError(text, token, 'a cookie without a mask, since a flow is added');
  mod.cookieMask = value64(text, token, written.slice(slash + 1));
  mod.cookieFilter = value64(text, token, written.slice(0, slash)) & mod.cookieMask;
}

function notHere(text: string, token: Token, problem: string): SwitchError {
  return syntaxError(text, token.keyAt, token.key.length, problem, 'a match, table, cookie, or other keys');
}
