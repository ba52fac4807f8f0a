// What: flows from and to the text of ovs-ofctl(8): `priority=…,match…,actions=…`. Why: users bring flow files and
// habits of Open vSwitch; a dumped flow can be added again. Who: bridge.ts. The match part is flow/match-text.ts,
// the actions part is actions/action.ts.

import { formatActions, parseActions } from '../actions/action.ts';
import type { FlowInfo } from '../api.ts';
import type { SwitchError } from '../errors.ts';
import { FIELD_BY_NAME, SHORTHAND_BY_NAME } from '../flow/fields.ts';
import { Match } from '../flow/match.ts';
import { applyMatchToken, checkPrerequisites, type FieldUse, formatMatch } from '../flow/match-text.ts';
import { type PortResolver, parsePort } from '../flow/port-number.ts';
import { nearestName, parseInteger, syntaxError, type Token, tokenize, valueError } from '../flow/syntax.ts';
import type { Rule, RuleSpec } from './rule.ts';

/** Priority of a flow that names none (OFP_DEFAULT_PRIORITY). */
export const DEFAULT_PRIORITY = 32_768;
const MAX_COOKIE = 2n ** 64n - 1n;

/** Keys that a dump shows and that mean nothing when it is fed back in. */
const DUMP_ONLY = ['duration', 'n_packets', 'n_bytes', 'idle_age', 'hard_age'];
/** Keys and flags of Open vSwitch which this switch does not carry out, so it must not accept them in silence. */
const NOT_SUPPORTED = [
  'idle_timeout',
  'hard_timeout',
  'importance',
  'send_flow_rem',
  'check_overlap',
  'reset_counts',
  'no_packet_counts',
  'no_byte_counts',
  'out_group',
];
const FLOW_KEYS = ['priority', 'cookie', 'table', 'actions'];

/** Which flows a delete or a list is about. */
export interface FlowFilter {
  /** True when the filter is about the rule: its match is covered, cookie and output port agree. */
  covers(rule: Rule): boolean;
}

/** The flow in `text`. Throws SwitchError invalid-argument that points at the first thing that is wrong. */
export function parseFlow(text: string, resolvePort: PortResolver): RuleSpec {
  const actionsKey = /(?<=^|[, \t\r\n])actions?[ \t]*[=:]/.exec(text);
  const spec = { match: new Match(), priority: DEFAULT_PRIORITY, cookie: 0n };
  const matchEnd = actionsKey?.index ?? text.length;
  parseMatchPart(text, matchEnd, spec.match, resolvePort, (token) => {
    if (token.key === 'priority') spec.priority = parsePriority(text, token);
    else if (token.key === 'cookie') spec.cookie = parseCookie(text, token);
    else return false;
    return true;
  });
  if (!actionsKey) {
    throw syntaxError(
      text,
      text.length,
      1,
      'The flow has no actions',
      '"actions=" and what to do, or actions=drop',
    );
  }
  const actionsAt = matchEnd + actionsKey[0].length;
  return { ...spec, actions: parseActions(text, actionsAt, text.length, resolvePort) };
}

/** The filter in `text`: a match, `cookie=VALUE/MASK` and `out_port=PORT`; '' covers all flows. Throws SwitchError. */
export function parseFlowFilter(text: string, resolvePort: PortResolver): FlowFilter {
  const match = new Match();
  let cookie = 0n;
  let cookieMask = 0n;
  let outPort: number | undefined;
  parseMatchPart(text, text.length, match, resolvePort, (token) => {
    if (token.key === 'cookie') {
      const [value = '', mask] = (token.value ?? '').split('/');
      cookieMask = mask === undefined || mask === '-1' ? MAX_COOKIE : parse64(text, token, mask);
      cookie = parse64(text, token, value) & cookieMask;
    } else if (token.key === 'out_port') {
      outPort = parsePort(token.value ?? '', resolvePort);
      if (outPort === undefined) throw valueError(text, token, 'a port number, a port name or LOCAL');
    } else if (token.key === 'priority' || token.key === 'actions') {
      const problem = `Flows cannot be chosen by ${token.key}`;
      throw syntaxError(text, token.keyAt, token.key.length, problem, 'match fields, cookie or out_port');
    } else {
      return false;
    }
    return true;
  });
  return {
    covers: (rule) =>
      (rule.cookie & cookieMask) === cookie &&
      match.covers(rule.match) &&
      (outPort === undefined || rule.actions.some((a) => a.type === 'output' && a.port === outPort)),
  };
}

/** Reads match fields and `table`; hands other keys to `takeOther`, which returns false for those it does not know. */
function parseMatchPart(
  text: string,
  end: number,
  match: Match,
  resolvePort: PortResolver,
  takeOther: (token: Token) => boolean,
): void {
  const uses: FieldUse[] = [];
  for (const token of tokenize(text, 0, end)) {
    if (DUMP_ONLY.includes(token.key)) continue;
    if (token.key === 'table') {
      checkTable(text, token);
      continue;
    }
    if (takeOther(token)) continue;
    const use = applyMatchToken(match, text, token, resolvePort);
    if (use === undefined) throw unknownKey(text, token);
    if (use !== 'shorthand') uses.push(use);
  }
  checkPrerequisites(match, text, uses);
}

function unknownKey(text: string, token: Token): SwitchError {
  if (NOT_SUPPORTED.includes(token.key)) {
    const problem = `${token.key} is not supported by this version`;
    return syntaxError(text, token.keyAt, token.key.length, problem, 'the flow without it');
  }
  const names = [...FIELD_BY_NAME.keys(), ...SHORTHAND_BY_NAME.keys(), ...FLOW_KEYS];
  const nearest = nearestName(token.key, names);
  const expected = nearest ? `${nearest}, perhaps` : 'a match field such as in_port, dl_dst, nw_src, tp_dst';
  return syntaxError(
    text,
    token.keyAt,
    Math.max(1, token.key.length),
    `There is no field ${token.key}`,
    expected,
  );
}

function checkTable(text: string, token: Token): void {
  const table = parseInteger(token.value ?? '');
  if (table === 0n) return;
  if (table === undefined || table > 255n) throw valueError(text, token, 'a table number');
  throw syntaxError(text, token.valueAt, token.value!.length, 'This version has table 0 only', '0');
}

function parsePriority(text: string, token: Token): number {
  const priority = parseInteger(token.value ?? '');
  if (priority === undefined || priority > 0xffffn) throw valueError(text, token, 'a number 0 to 65535');
  return Number(priority);
}

function parseCookie(text: string, token: Token): bigint {
  if (token.value?.includes('/'))
    throw valueError(text, token, 'a cookie without a mask, since a flow is added');
  return parse64(text, token, token.value ?? '');
}

function parse64(text: string, token: Token, written: string): bigint {
  const value = parseInteger(written);
  if (value === undefined || value > MAX_COOKIE) throw valueError(text, token, 'a number of 64 bits');
  return value;
}

/** A rule as the control plane shows it. */
export function describeRule(rule: Rule, packets: number, bytes: number, nowMs: number): FlowInfo {
  return {
    tableId: 0,
    priority: rule.priority,
    cookie: `0x${rule.cookie.toString(16)}`,
    match: formatMatch(rule.match),
    actions: formatActions(rule.actions),
    packets,
    bytes,
    durationSeconds: Math.max(0, nowMs - rule.createdMs) / 1000,
  };
}
