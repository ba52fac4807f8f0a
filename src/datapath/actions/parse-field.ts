// What: reads the actions that change fields and headers: set_field, load, move, mod_…, push, pop, multipath and their
// like. Who: parse.ts. Syntax: ovs-actions(7).

import { parseFieldValue } from '../flow/match-text.ts';
import { parseInteger, syntaxError, type Token, valueError } from '../flow/syntax.ts';
import { parseIpv4Text, parseMac } from '../wire/address-text.ts';
import { ETH_TYPE_MPLS, ETH_TYPE_MPLS_MULTICAST, ETH_TYPE_QINQ, ETH_TYPE_VLAN } from '../wire/ethernet.ts';
import type { Action, ModWord } from './action.ts';
import {
  type ActionParser,
  number64,
  numberValue,
  type ParseContext,
  parseNumber,
  U8,
  U16,
  U32,
  type Word,
  wordError,
  words,
} from './parse-context.ts';
import { parseHashFields, shortTarget, wordNumber } from './parse-output.ts';
import { findField, parseSubfield, parseTarget, showsWholeMask } from './subfield.ts';

const MULTIPATH_ALGORITHMS = ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'] as const;

/** Both sides of `VALUE->FIELD`. */
export function splitArrow(context: ParseContext, token: Token, form: string): { left: Word; right: Word } {
  const value = token.value ?? '';
  const arrow = value.indexOf('->');
  if (arrow < 0) throw valueError(context.text, token, form);
  const right = { word: value.slice(arrow + 2), at: token.valueAt + arrow + 2 };
  if (right.word === '') {
    throw syntaxError(context.text, token.valueAt + arrow, 2, 'The field after the arrow is missing', form);
  }
  return { left: { word: value.slice(0, arrow), at: token.valueAt }, right };
}

const parseSetField: ActionParser = (context, token) => {
  const { left, right } = splitArrow(context, token, 'VALUE->FIELD or VALUE/MASK->FIELD');
  const field = findField(context.text, right.word, right.at);
  if (/^[A-Z]/.test(right.word)) {
    throw wordError(context, right, `set_field does not know ${right.word}`, field.name);
  }
  if (!field.writable) {
    throw wordError(context, right, `${field.name} is read-only`, 'a field that actions can change');
  }
  const part: Token = { key: field.name, keyAt: right.at, value: left.word, valueAt: left.at };
  const { value, mask } = parseFieldValue(context.text, part, field, context.resolvePort);
  const slash = left.word.indexOf('/');
  const written = slash < 0 ? undefined : parseInteger(left.word.slice(slash + 1));
  const masked = written !== undefined && showsWholeMask(field, written) && { masked: true as const };
  return { type: 'set_field', field, value: value & mask, mask, ...masked };
};

const parseLoad: ActionParser = (context, token) => {
  const { left, right } = splitArrow(context, token, 'VALUE->FIELD[FROM..TO]');
  const target = parseTarget(context.text, right);
  return { type: 'load', value: parseBits(context, left, target.width), target };
};

/** An integer that fits into `width` bits. */
export function parseBits(context: ParseContext, word: Word, width: number): bigint {
  const value = parseInteger(word.word);
  if (value !== undefined && value >> BigInt(width) === 0n) return value;
  const problem = value === undefined ? `${word.word} is no number` : `${word.word} does not fit`;
  throw wordError(context, word, problem, `a number of ${width} bit${width === 1 ? '' : 's'}`);
}

const parseMove: ActionParser = (context, token) => {
  const { left, right } = splitArrow(context, token, 'FIELD[FROM..TO]->FIELD[FROM..TO]');
  const source = parseSubfield(context.text, left);
  const target = parseTarget(context.text, right);
  if (source.width !== target.width) {
    const problem = `${left.word} has ${source.width} bits, ${right.word} has ${target.width}`;
    throw wordError(context, right, problem, 'as many bits on both sides');
  }
  return { type: 'move', source, target };
};

const parsePush: ActionParser = (context, token) => ({
  type: 'push',
  source: parseSubfield(context.text, { word: token.value ?? '', at: token.valueAt }),
});

const parsePop: ActionParser = (context, token) => ({
  type: 'pop',
  target: parseTarget(context.text, { word: token.value ?? '', at: token.valueAt }),
});

const parseMultipath: ActionParser = (context, token) => {
  const parts = words(token, ', ');
  const [fields, basis, algorithm, links, argument, target] = parts;
  if (!fields || !basis || !algorithm || !links || !argument || !target || parts.length > 6) {
    throw valueError(context.text, token, 'FIELDS,BASIS,ALGORITHM,LINKS,ARGUMENT,FIELD[FROM..TO]');
  }
  const method = MULTIPATH_ALGORITHMS.find((name) => name === algorithm.word.toLowerCase());
  if (!method) {
    const expected = `one of ${MULTIPATH_ALGORITHMS.join(', ')}`;
    throw wordError(context, algorithm, `There is no algorithm ${algorithm.word}`, expected);
  }
  const into = shortTarget(context, target);
  const most = into.width < 16 ? 2 ** into.width : 65_536;
  const count = parseNumber(links.word);
  if (count === undefined || count < 1 || count > most) {
    throw wordError(
      context,
      links,
      `${links.word} is no number of links`,
      `1 to ${most}, which ${target.word} can hold`,
    );
  }
  return {
    type: 'multipath',
    fields: parseHashFields(context, fields),
    basis: wordNumber(context, basis, U16),
    algorithm: method,
    links: count,
    argument: wordNumber(context, argument, U32),
    target: into,
  };
};

const parseCheckPacketLarger: ActionParser = (context, token) => {
  const form = '(LENGTH)->FIELD[BIT]';
  const { left, right } = splitArrow(context, token, form);
  const length = parseNumber(left.word.replace(/\)$/, ''));
  if (length === undefined || length > U16) throw valueError(context.text, token, form);
  const target = parseTarget(context.text, right);
  if (target.width !== 1)
    throw wordError(context, right, `${right.word} has more than one bit`, 'a single bit');
  return { type: 'check_pkt_larger', length, target };
};

/** A parser of a word that sets a field to a number 0..maximum. */
function mod(word: ModWord, maximum: number, expected?: string): ActionParser {
  return (context, token) => ({
    type: 'mod',
    word,
    value: BigInt(numberValue(context, token, maximum, expected)),
  });
}

function modMac(word: ModWord): ActionParser {
  return (context, token) => {
    const mac = parseMac(token.value ?? '');
    if (mac === undefined) throw valueError(context.text, token, 'a MAC address such as 02:00:00:00:00:01');
    return { type: 'mod', word, value: BigInt(mac) };
  };
}

function modIpv4(word: ModWord): ActionParser {
  return (context, token) => {
    const written = token.value ?? '';
    const address = parseIpv4Text(written, 0, written.length);
    if (Number.isNaN(address)) throw valueError(context.text, token, 'an IPv4 address');
    return { type: 'mod', word, value: BigInt(address) };
  };
}

const modTos: ActionParser = (context, token) => {
  const expected = 'a multiple of 4 from 0 to 252';
  const tos = numberValue(context, token, U8, expected);
  if (tos % 4 !== 0) throw valueError(context.text, token, expected);
  return { type: 'mod', word: 'mod_nw_tos', value: BigInt(tos) };
};

const setTunnel: ActionParser = (context, token) => {
  const value = number64(context, token);
  return { type: 'mod', word: value > BigInt(U32) ? 'set_tunnel64' : 'set_tunnel', value };
};
const setTunnel64: ActionParser = (context, token) => ({
  type: 'mod',
  word: 'set_tunnel64',
  value: number64(context, token),
});

const parseDecTtl: ActionParser = (context, token) => {
  const ids = words(token, ', ');
  if (ids.length > 0) {
    return { type: 'dec_ttl', controllerIds: ids.map((id) => wordNumber(context, id, U16)), listed: true };
  }
  if ((token.value ?? '') !== '') throw valueError(context.text, token, 'the numbers of controllers');
  return { type: 'dec_ttl', controllerIds: [0] };
};

function oneOf(context: ParseContext, token: Token, types: readonly number[]): number {
  const expected = types.map((type) => `0x${type.toString(16)}`).join(' or ');
  const type = numberValue(context, token, U16, expected);
  if (!types.includes(type)) throw valueError(context.text, token, expected);
  return type;
}

const parsePushVlan: ActionParser = (context, token) => ({
  type: 'push_vlan',
  tpid: oneOf(context, token, [ETH_TYPE_VLAN, ETH_TYPE_QINQ]),
});
const parsePushMpls: ActionParser = (context, token) => ({
  type: 'push_mpls',
  ethType: oneOf(context, token, [ETH_TYPE_MPLS, ETH_TYPE_MPLS_MULTICAST]),
});

const plain =
  (action: Action): ActionParser =>
  () =>
    action;

export const FIELD_PARSERS: Record<string, ActionParser> = {
  set_field: parseSetField,
  load: parseLoad,
  move: parseMove,
  push: parsePush,
  pop: parsePop,
  multipath: parseMultipath,
  check_pkt_larger: parseCheckPacketLarger,
  mod_vlan_vid: mod('mod_vlan_vid', 4095, 'a VLAN number 0 to 4095'),
  set_vlan_vid: mod('set_vlan_vid', 4095, 'a VLAN number 0 to 4095'),
  mod_vlan_pcp: mod('mod_vlan_pcp', 7, 'a VLAN priority 0 to 7'),
  set_vlan_pcp: mod('set_vlan_pcp', 7, 'a VLAN priority 0 to 7'),
  mod_dl_src: modMac('mod_dl_src'),
  mod_dl_dst: modMac('mod_dl_dst'),
  mod_nw_src: modIpv4('mod_nw_src'),
  mod_nw_dst: modIpv4('mod_nw_dst'),
  mod_nw_tos: modTos,
  mod_nw_ecn: mod('mod_nw_ecn', 3),
  mod_nw_ttl: mod('mod_nw_ttl', U8),
  set_nw_ttl: mod('mod_nw_ttl', U8),
  mod_tp_src: mod('mod_tp_src', U16),
  mod_tp_dst: mod('mod_tp_dst', U16),
  set_mpls_label: mod('set_mpls_label', 0xfffff),
  set_mpls_tc: mod('set_mpls_tc', 7),
  set_mpls_ttl: mod('set_mpls_ttl', U8),
  set_tunnel: setTunnel,
  set_tunnel64: setTunnel64,
  dec_ttl: parseDecTtl,
  dec_mpls_ttl: plain({ type: 'dec_mpls_ttl' }),
  set_queue: (context, token) => ({ type: 'set_queue', queue: numberValue(context, token, U32) }),
  pop_queue: plain({ type: 'pop_queue' }),
  push_vlan: parsePushVlan,
  pop_vlan: plain({ type: 'pop_vlan' }),
  strip_vlan: plain({ type: 'pop_vlan', word: 'strip_vlan' }),
  push_mpls: parsePushMpls,
  pop_mpls: (context, token) => ({ type: 'pop_mpls', ethType: numberValue(context, token, U16) }),
};
