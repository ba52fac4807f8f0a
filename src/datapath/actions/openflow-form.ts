// What: a list of actions as one version of OpenFlow says it: `mod_nw_ttl:9` is `load:0x9->NXM_NX_IP_TTL[]` in 1.0, and
// `mod_vlan_vid:4` is `push_vlan:0x8100,set_field:4100->vlan_vid` in 1.3. Why: ovs-ofctl parse-flow prints a flow after
// it was put into a message of one version and read back; people who write controllers read it for that. Who:
// ofproto/text/openflow-form.ts, for parse-flow only. Pure: a list in, a new list out.
// A field that only text has (dl_vlan as a target) has no form in any version; it stays as it was written.

import { FIELD_BY_NAME, type Field } from '../flow/fields.ts';
import { VLAN_PCP_MASK, VLAN_PCP_SHIFT, VLAN_PRESENT, VLAN_VID_MASK } from '../flow/key.ts';
import type { Match } from '../flow/match.ts';
import { OFPORT_IN_PORT } from '../flow/port-number.ts';
import { ETH_TYPE_VLAN } from '../wire/ethernet.ts';
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/ip-protocol.ts';
import type { Action, ModWord } from './action.ts';
import { KnownFrame } from './known-frame.ts';
import { showsWholeMask, wholeMask } from './subfield.ts';

/** 10 stands for OpenFlow 1.0 with the extensions of Nicira, 15 for OpenFlow 1.5. */
export type OpenFlowVersion = 10 | 11 | 12 | 13 | 14 | 15;

type ModAction = Extract<Action, { type: 'mod' }>;
type SetFieldAction = Extract<Action, { type: 'set_field' }>;

const PUSH_TAG: Action = { type: 'push_vlan', tpid: ETH_TYPE_VLAN };
/** A load carries at most so many bits. */
const LOAD_BITS = 64;
/** The first version with set_field, and the first that has nothing else. */
const HAS_SET_FIELD = 12;
const ONLY_SET_FIELD = 15;
const HAS_METER = 13;
/** ToS byte to DSCP. */
const DSCP_SHIFT = 2n;
const TAG_BIT = BigInt(VLAN_PRESENT);

/** What the words mod_… become where there is set_field; the words of VLAN tags and ports need a look at the frame. */
const FIELD_OF_WORD: Partial<Record<ModWord, string>> = {
  mod_dl_src: 'eth_src',
  mod_dl_dst: 'eth_dst',
  mod_nw_src: 'ip_src',
  mod_nw_dst: 'ip_dst',
  mod_nw_tos: 'ip_dscp',
  mod_nw_ecn: 'nw_ecn',
  set_mpls_label: 'mpls_label',
  set_mpls_tc: 'mpls_tc',
  set_tunnel: 'tun_id',
  set_tunnel64: 'tun_id',
};

/** What sets of whole fields become where there is no set_field. */
const WORD_OF_FIELD: Readonly<Record<string, ModWord>> = {
  eth_src: 'mod_dl_src',
  eth_dst: 'mod_dl_dst',
  ip_src: 'mod_nw_src',
  ip_dst: 'mod_nw_dst',
  nw_tos: 'mod_nw_tos',
  ip_dscp: 'mod_nw_tos',
  nw_ecn: 'mod_nw_ecn',
  tcp_src: 'mod_tp_src',
  udp_src: 'mod_tp_src',
  tcp_dst: 'mod_tp_dst',
  udp_dst: 'mod_tp_dst',
};

/** How the version says the actions of a flow with this match, as Open vSwitch reads them back. */
export function openflowActions(
  actions: readonly Action[],
  version: OpenFlowVersion,
  match: Match,
): readonly Action[] {
  return formList(actions, version, new KnownFrame(match));
}

function formList(actions: readonly Action[], version: OpenFlowVersion, frame: KnownFrame): Action[] {
  const form: Action[] = [];
  for (const action of actions) {
    form.push(...formAction(action, version, frame));
    frame.pass(action);
  }
  return form;
}

function formAction(action: Action, version: OpenFlowVersion, frame: KnownFrame): Action[] {
  switch (action.type) {
    case 'mod':
      return formMod(action, version, frame);
    case 'set_field':
      return isTextOnly(action.field) ? [action] : formSetField(action, version, frame);
    case 'load': {
      const { target, value } = action;
      if (version < ONLY_SET_FIELD || isTextOnly(target.field)) return [action];
      const shift = BigInt(target.offset);
      const mask = ((1n << BigInt(target.width)) - 1n) << shift;
      const masked = showsWholeMask(target.field, mask) && { masked: true as const };
      return [{ type: 'set_field', field: target.field, value: value << shift, mask, ...masked }];
    }
    case 'pop_vlan':
      return [version === 10 ? { type: 'pop_vlan', word: 'strip_vlan' } : { type: 'pop_vlan' }];
    case 'enqueue':
      if (version === 10) return [action];
      return [
        { type: 'set_queue', queue: action.queue },
        action.port === OFPORT_IN_PORT
          ? { type: 'in_port' }
          : { type: 'output', port: action.port, maxLength: 0 },
        { type: 'pop_queue' },
      ];
    case 'clone':
      return [{ type: 'clone', actions: formList(action.actions, version, frame.inner()) }];
    default:
      return formInstruction(action, version, frame);
  }
}

/** Instructions, which OpenFlow 1.0 says by an action or not at all, and all actions that every version says alike. */
function formInstruction(action: Action, version: OpenFlowVersion, frame: KnownFrame): Action[] {
  switch (action.type) {
    case 'write_actions': {
      const actions = version === 10 ? [] : formList(action.actions, version, frame.inner());
      return actions.length === 0 ? [] : [{ type: 'write_actions', actions }];
    }
    case 'push_vlan':
    case 'clear_actions':
      // In OpenFlow 1.0 a tag comes with the first word that sets a part of it.
      return version === 10 ? [] : [action];
    case 'meter':
      return version < HAS_METER ? [] : [action];
    case 'goto_table':
      return version === 10 ? [{ type: 'resubmit', port: undefined, tableId: action.tableId }] : [action];
    default:
      return [action];
  }
}

function formMod(action: ModAction, version: OpenFlowVersion, frame: KnownFrame): Action[] {
  const { word, value } = action;
  switch (word) {
    case 'mod_vlan_vid':
    case 'mod_vlan_pcp':
    case 'set_vlan_vid':
    case 'set_vlan_pcp':
      return formTagWord(word, value, version, frame);
    case 'mod_nw_ttl':
      return version === 10 ? loads(FIELD_BY_NAME.get('nw_ttl')!, value, 0xffn) : [action];
    case 'mod_nw_ecn':
      if (version === 10) return loads(FIELD_BY_NAME.get('nw_ecn')!, value, 3n);
      break;
    case 'mod_tp_src':
    case 'mod_tp_dst': {
      const transport = transportName(frame.proto);
      if (version < HAS_SET_FIELD || transport === undefined) return [action];
      return [setField(`${transport}_${word === 'mod_tp_src' ? 'src' : 'dst'}`, value)];
    }
    default:
  }
  const name = FIELD_OF_WORD[word];
  if (version < HAS_SET_FIELD || name === undefined) return [action];
  return [setField(name, word === 'mod_nw_tos' ? value >> DSCP_SHIFT : value)];
}

/** OpenFlow 1.0 adds a tag where there is none; later versions are told to, where the match does not show one. */
function formTagWord(word: ModWord, value: bigint, version: OpenFlowVersion, frame: KnownFrame): Action[] {
  const part = word.endsWith('vid') ? 'vid' : 'pcp';
  if (version === 10) return [{ type: 'mod', word: `mod_vlan_${part}`, value }];
  const pushes = word.startsWith('mod') && !frame.hasTag ? [PUSH_TAG] : [];
  if (version === 11) return [...pushes, { type: 'mod', word: `set_vlan_${part}`, value }];
  return [...pushes, setField(`vlan_${part}`, part === 'vid' ? value | TAG_BIT : value)];
}

function transportName(proto: number): string | undefined {
  if (proto === IPPROTO_TCP) return 'tcp';
  if (proto === IPPROTO_UDP) return 'udp';
  return proto === IPPROTO_SCTP ? 'sctp' : undefined;
}

function setField(name: string, value: bigint): Action {
  const field = FIELD_BY_NAME.get(name)!;
  return { type: 'set_field', field, value, mask: wholeMask(field) };
}

function formSetField(action: SetFieldAction, version: OpenFlowVersion, frame: KnownFrame): Action[] {
  const { field, value, mask } = action;
  if (version >= ONLY_SET_FIELD) return [action];
  if (version >= HAS_SET_FIELD) {
    return mask === wholeMask(field) && !action.masked ? [action] : loads(field, value, mask);
  }
  const isOld = version === 10;
  switch (field.name) {
    case 'vlan_tci':
      return formTci(Number(value), isOld, frame);
    case 'vlan_vid':
    case 'vlan_pcp': {
      const bits = field.name === 'vlan_vid' ? value & BigInt(VLAN_VID_MASK) : value;
      return [{ type: 'mod', word: `${isOld ? 'mod' : 'set'}_${field.name}`, value: bits }];
    }
    default: {
      // Open vSwitch takes no account of a mask here.
      const word = WORD_OF_FIELD[field.name];
      if (word === undefined) return loads(field, value, mask);
      const number = field.name === 'ip_dscp' ? value << DSCP_SHIFT : value;
      return formMod({ type: 'mod', word, value: number }, version, frame);
    }
  }
}

/** A whole tag: number and priority of one, or none. */
function formTci(tci: number, isOld: boolean, frame: KnownFrame): Action[] {
  if ((tci & VLAN_PRESENT) === 0)
    return [isOld ? { type: 'pop_vlan', word: 'strip_vlan' } : { type: 'pop_vlan' }];
  const word = isOld ? 'mod_vlan' : 'set_vlan';
  return [
    ...(isOld || frame.hasTag ? [] : [PUSH_TAG]),
    { type: 'mod', word: `${word}_vid`, value: BigInt(tci & VLAN_VID_MASK) },
    { type: 'mod', word: `${word}_pcp`, value: BigInt((tci & VLAN_PCP_MASK) >>> VLAN_PCP_SHIFT) },
  ];
}

/** A load for each run of bits of the mask. */
function loads(field: Field, value: bigint, mask: bigint): Action[] {
  const actions: Action[] = [];
  const isAsked = (bit: number) => bit < field.width && ((mask >> BigInt(bit)) & 1n) === 1n;
  for (let offset = 0; offset < field.width; offset++) {
    if (!isAsked(offset)) continue;
    let width = 1;
    while (width < LOAD_BITS && isAsked(offset + width)) width++;
    const bits = BigInt.asUintN(width, value >> BigInt(offset));
    actions.push({ type: 'load', value: bits, target: { field, offset, width } });
    offset += width - 1;
  }
  return actions;
}

function isTextOnly(field: Field): boolean {
  return field.nxm === '';
}
