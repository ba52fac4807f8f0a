// What: a match from the text of ovs-ofctl(8), "Flow Syntax". Why: it is the language that users of Open vSwitch
// speak; a dump can be fed back in. Who: ofproto/text/flow-text.ts; match-format.ts has the other direction.
// Text that Open vSwitch would silently widen (a field without its prerequisite, a value cut to its width) is
// refused here: a flow that matches more than its author wrote is worse than an error.

import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/ip-protocol.ts';
import { readFieldText, readMask, readValue } from './field-text.ts';
import {
  FIELD_BY_NAME,
  type Field,
  isUnsupportedField,
  PREREQUISITES,
  type Prerequisite,
  type PrerequisiteName,
  SHORTHAND_BY_NAME,
  type Shorthand,
} from './fields.ts';
import {
  KEY_NW,
  KEY_TP,
  KEY_TYPE_VLAN,
  NW_FRAG_LATER,
  VLAN_PCP_MASK,
  VLAN_PCP_SHIFT,
  VLAN_PRESENT,
  VLAN_VID_MASK,
} from './key.ts';
import type { Match } from './match.ts';
import type { PortResolver } from './port-number.ts';
import { parseUnsigned, syntaxError, type Token } from './syntax.ts';

export { formatFieldValue } from './field-format.ts';
export { parseFieldValue } from './field-text.ts';
export { formatMatch } from './match-format.ts';

const PROTOS_WITH_PORTS = [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP];
const LOW = readValue.length - 1;

/** A field that a text set, kept until all fields are known and its prerequisite can be checked. */
export interface FieldUse {
  field: Field;
  token: Token;
}

/**
 * Adds what a token of `text` asks for to the match. A later token overrides an earlier one for the same field, as
 * with ovs-ofctl. Returns the field, `shorthand`, or undefined when the key names neither. Throws SwitchError
 * invalid-argument.
 */
export function applyMatchToken(
  match: Match,
  text: string,
  token: Token,
  resolvePort: PortResolver,
): FieldUse | 'shorthand' | undefined {
  const field = FIELD_BY_NAME.get(token.key);
  if (!field) return applyWord(match, text, token);
  if (token.value === '*') {
    clearField(match, field);
  } else if (field.syntax === 'vid' && isNoVlan(token.value ?? '')) {
    match.setWord(KEY_TYPE_VLAN, 0xffff, 0, 0xffff);
  } else {
    readFieldText(text, token, field, resolvePort);
    if (field.syntax === 'vid' || field.syntax === 'vid_present' || field.syntax === 'pcp') {
      storeVlan(match, text, token, field);
    } else {
      storeField(match, field);
    }
  }
  return { field, token };
}

/** dl_vlan=0xffff: frames without a tag (OFP10_VLAN_NONE). */
function isNoVlan(written: string): boolean {
  return parseUnsigned(written, 0, written.length) === 0xffff;
}

/** Keys that are no field: `tcp`, `eth` and their like, and fields that this version does not have. */
function applyWord(match: Match, text: string, token: Token): 'shorthand' | undefined {
  const shorthand = SHORTHAND_BY_NAME.get(token.key);
  if (shorthand && token.value === undefined) {
    setShorthand(match, shorthand);
    return 'shorthand';
  }
  // Any Ethernet frame.
  if (token.key === 'eth' && token.value === undefined) return 'shorthand';
  if (token.key === 'packet_type' && token.value?.replaceAll(' ', '') === '(0,0)') return 'shorthand';
  if (!isUnsupportedField(token.key)) return undefined;
  const problem = `The field ${token.key} is not supported yet`;
  throw syntaxError(text, token.keyAt, token.key.length, problem, 'the flow without it');
}

function setShorthand(match: Match, { type, proto }: Shorthand): void {
  match.setWord(KEY_TYPE_VLAN, 0xffff_0000 | 0, type << 16, -1);
  if (proto !== undefined) match.setWord(KEY_NW, 0xff00_0000 | 0, proto << 24, -1);
}

/** Puts readValue and readMask where the field stands. */
function storeField(match: Match, { bit, width, syntax }: Field): void {
  const word = bit >> 5;
  if (word === KEY_TP && width === 8) {
    // An ICMP type or code stands alone in its 16 bits.
    const shift = 24 - (bit & 31);
    match.setWord(word, 0xffff << shift, readValue[LOW]! << shift, readMask[LOW] === 0 ? 0 : -1);
  } else if (width <= 32) {
    const shift = 31 - ((bit + width - 1) & 31);
    const bits = syntax === 'dscp' ? 0xfc : width === 32 ? -1 : (1 << width) - 1;
    match.setWord(word, bits << shift, readValue[LOW]! << shift, readMask[LOW]! << shift);
  } else if (width === 48) {
    storeMac(match, word, (bit & 31) === 0);
  } else {
    const words = width >> 5;
    for (let i = 0; i < words; i++) {
      const from = readValue.length - words + i;
      match.setWord(word + i, -1, readValue[from]!, readMask[from]!);
    }
  }
}

/** 48 bits that start with a word, or in the middle of one. */
function storeMac(match: Match, word: number, startsWord: boolean): void {
  const high = LOW - 1;
  if (startsWord) {
    const value = (readValue[high]! << 16) | (readValue[LOW]! >>> 16);
    match.setWord(word, -1, value, (readMask[high]! << 16) | (readMask[LOW]! >>> 16));
    match.setWord(word + 1, 0xffff_0000 | 0, readValue[LOW]! << 16, readMask[LOW]! << 16);
  } else {
    match.setWord(word, 0xffff, readValue[high]!, readMask[high]!);
    match.setWord(word + 1, -1, readValue[LOW]!, readMask[LOW]!);
  }
}

/** VLAN number and priority, which also ask for a tag. */
function storeVlan(match: Match, text: string, token: Token, field: Field): void {
  const value = readValue[LOW]!;
  const mask = readMask[LOW]!;
  if (field.syntax === 'pcp') {
    const tci = (value << VLAN_PCP_SHIFT) | VLAN_PRESENT;
    if (mask !== 0) match.setWord(KEY_TYPE_VLAN, VLAN_PCP_MASK | VLAN_PRESENT, tci, -1);
    else clearField(match, field);
    return;
  }
  const written = token.value!;
  const bits = VLAN_PRESENT | VLAN_VID_MASK;
  if (field.syntax === 'vid_present' && value > 0 && mask === bits && !(value & VLAN_PRESENT)) {
    const problem = `${token.key}=${written} is no VLAN of a tagged frame`;
    const expected = `${value + VLAN_PRESENT}, with 0x1000 for "has a tag", or dl_vlan=${value}`;
    throw syntaxError(text, token.valueAt, written.length, problem, expected);
  }
  match.setWord(KEY_TYPE_VLAN, bits, value, mask);
}

/** Asks for nothing in the field. */
function clearField(match: Match, field: Field): void {
  const tciMask = match.mask[KEY_TYPE_VLAN]! & 0xffff;
  if (field.syntax === 'vid' || field.syntax === 'vid_present') {
    const present = tciMask & VLAN_PCP_MASK ? 0 : VLAN_PRESENT;
    match.setWord(KEY_TYPE_VLAN, VLAN_VID_MASK | present, 0, 0);
  } else if (field.syntax === 'pcp') {
    const present = tciMask & VLAN_VID_MASK ? 0 : VLAN_PRESENT;
    match.setWord(KEY_TYPE_VLAN, VLAN_PCP_MASK | present, 0, 0);
  } else {
    match.setBits(field.bit, field.width, 0n, 0n);
  }
}

/** Names by which the two port fields may be used with any transport protocol in a match. */
const ANY_TRANSPORT = ['tp_src', 'tp_dst'];

/** Throws SwitchError invalid-argument for a field whose prerequisite the match does not ask for. */
export function checkPrerequisites(match: Match, text: string, uses: readonly FieldUse[]): void {
  for (const { field, token } of uses) {
    let name: PrerequisiteName | undefined = field.matchPrerequisite ?? field.prerequisite;
    if (name === undefined || token.value === '*' || name === 'vlan') continue;
    if (ANY_TRANSPORT.includes(token.key)) name = 'transport';
    const needed: Prerequisite = PREREQUISITES[name];
    const isPortless = needed.protos !== undefined && isPortlessFragment(match);
    if (isMet(match, needed) && !isPortless) continue;
    // A mask of 0 asks for nothing.
    if (match.maskBits(field.bit, field.width) === 0n) continue;
    if (isPortless) throw laterFragmentError(text, token);
    const problem = `${token.key} means nothing unless the flow also matches ${needed.write}`;
    throw syntaxError(text, token.keyAt, token.key.length, problem, `${needed.write} beside it`);
  }
}

/** A later fragment of a transport protocol. Open vSwitch does not ask about ICMP. */
function isPortlessFragment(match: Match): boolean {
  const nw = match.value[KEY_NW]!;
  return (nw & NW_FRAG_LATER) !== 0 && PROTOS_WITH_PORTS.includes(nw >>> 24);
}

function laterFragmentError(text: string, token: Token) {
  const problem = `${token.key} means nothing beside nw_frag=later, since only a first fragment has ports`;
  return syntaxError(text, token.keyAt, token.key.length, problem, 'one of the two');
}

/** What a match must ask for besides so that an action can use the field; undefined when nothing is missing. */
export function prerequisiteProblem(field: Field, match: Match): string | undefined {
  if (field.prerequisite === undefined) return undefined;
  const needed: Prerequisite = PREREQUISITES[field.prerequisite];
  if (isMet(match, needed) && !(needed.protos && isPortlessFragment(match))) {
    if (!needed.icmpTypes || (match.mask[KEY_TP]! & 0xffff) === 0xffff) return undefined;
  }
  return `${field.name} means nothing unless the flow matches ${needed.write}`;
}

function isMet(match: Match, needed: Prerequisite): boolean {
  const typeMask = match.mask[KEY_TYPE_VLAN]!;
  const typeValue = match.value[KEY_TYPE_VLAN]!;
  if (needed.types.length === 0) return (typeMask & typeValue & VLAN_PRESENT) !== 0;
  if (typeMask >>> 16 !== 0xffff || !needed.types.includes(typeValue >>> 16)) return false;
  if (needed.protos === undefined) return true;
  if (match.mask[KEY_NW]! >>> 24 !== 0xff || !needed.protos.includes(match.value[KEY_NW]! >>> 24))
    return false;
  if (needed.icmpTypes === undefined) return true;
  const type = match.mask[KEY_TP]! >>> 16 === 0 ? -1 : match.value[KEY_TP]! >>> 16;
  return needed.icmpTypes.includes(type) && (match.value[KEY_TP]! & 0xffff) === 0;
}
