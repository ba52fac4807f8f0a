// What: FieldSet, an action that sets a field as key words: which bits become what. Why: actions hold bigints; a
// translation runs some hundred thousand times a second and touches none. Who: xlate.ts asks for the FieldSet of an
// action, xlate-frame.ts carries it out. Each is made once and kept as long as its action.

import type { Action, ModWord } from '../../actions/action.ts';
import { writeBits } from '../../flow/bits.ts';
import { FIELD_BY_NAME, type Field, type PrerequisiteName } from '../../flow/fields.ts';
import {
  FLOW_WORDS,
  KEY_NW_SRC,
  KEY_TYPE_VLAN,
  KEY_WORDS,
  VLAN_PCP_MASK,
  VLAN_PCP_SHIFT,
  VLAN_PRESENT,
  VLAN_VID_MASK,
} from '../../flow/key.ts';

export type SetAction = Extract<Action, { type: 'set_field' | 'load' | 'mod' | 'write_metadata' }>;

export interface FieldSet {
  /** Without it the action does nothing. */
  readonly prerequisite: PrerequisiteName | undefined;
  /** Name of the field, for the report that the prerequisite is missing. */
  readonly field: string;
  /** Three of each: word, value, mask. Empty for fields of the VLAN tag. */
  readonly words: Int32Array;
  /** Fields of the tag: TCI bits that go, and then those that come; both 0: no such field. */
  readonly tciClear: number;
  readonly tciSet: number;
  /** The bits stand in a header behind Ethernet. */
  readonly behindEthernet: boolean;
}

const sets = new WeakMap<SetAction, FieldSet>();

/** The FieldSet of an action. */
export function fieldSetOf(action: SetAction): FieldSet {
  let set = sets.get(action);
  if (!set) {
    set = makeSet(action);
    sets.set(action, set);
  }
  return set;
}

function makeSet(action: SetAction): FieldSet {
  switch (action.type) {
    case 'set_field':
      return setOfField(action.field, action.value, action.mask, action.field.prerequisite);
    case 'load': {
      const { field, offset, width } = action.target;
      const mask = ((1n << BigInt(width)) - 1n) << BigInt(offset);
      return setOfField(field, action.value << BigInt(offset), mask, field.prerequisite);
    }
    case 'write_metadata':
      return setOfField(fieldNamed('metadata'), action.value, action.mask, undefined);
    case 'mod': {
      const [name, mask, prerequisite] = MOD_FIELDS[action.word];
      // The words of OpenFlow 1.0 put a tag where there is none.
      const tag = action.word === 'mod_vlan_vid' ? BigInt(VLAN_PRESENT) : 0n;
      return setOfField(fieldNamed(name), action.value | tag, mask, prerequisite);
    }
  }
}

/** Field, its bits, and what the packet must have. `transport`: no later fragment, as OpenFlow 1.0 leaves it open. */
const MOD_FIELDS: Record<ModWord, [string, bigint, PrerequisiteName | undefined]> = {
  mod_vlan_vid: ['vlan_vid', 0x1fffn, undefined],
  mod_vlan_pcp: ['dl_vlan_pcp', 7n, undefined],
  set_vlan_vid: ['vlan_vid', 0xfffn, 'vlan'],
  set_vlan_pcp: ['dl_vlan_pcp', 7n, 'vlan'],
  mod_dl_src: ['eth_src', 2n ** 48n - 1n, undefined],
  mod_dl_dst: ['eth_dst', 2n ** 48n - 1n, undefined],
  mod_nw_src: ['ip_src', 2n ** 32n - 1n, 'ipv4'],
  mod_nw_dst: ['ip_dst', 2n ** 32n - 1n, 'ipv4'],
  mod_nw_tos: ['nw_tos', 0xfcn, 'ip'],
  mod_nw_ecn: ['nw_ecn', 3n, 'ip'],
  mod_nw_ttl: ['nw_ttl', 0xffn, 'ip'],
  mod_tp_src: ['tcp_src', 0xffffn, 'transport'],
  mod_tp_dst: ['tcp_dst', 0xffffn, 'transport'],
  set_mpls_label: ['mpls_label', 0xfffffn, 'mpls'],
  set_mpls_tc: ['mpls_tc', 7n, 'mpls'],
  set_mpls_ttl: ['mpls_ttl', 0xffn, 'mpls'],
  set_tunnel: ['tun_id', 2n ** 64n - 1n, undefined],
  set_tunnel64: ['tun_id', 2n ** 64n - 1n, undefined],
};

function fieldNamed(name: string): Field {
  return FIELD_BY_NAME.get(name)!;
}

function setOfField(
  field: Field,
  value: bigint,
  mask: bigint,
  prerequisite: PrerequisiteName | undefined,
): FieldSet {
  const tag = tagBits(field, Number(value & 0xffffn), Number(mask & 0xffffn));
  if (tag) return { prerequisite, field: field.name, words: NO_WORDS, behindEthernet: false, ...tag };
  const words = new Int32Array(FLOW_WORDS);
  const masks = new Int32Array(FLOW_WORDS);
  writeBits(words, field.bit, field.width, value);
  writeBits(masks, field.bit, field.width, mask);
  const triples: number[] = [];
  for (const [word, bits] of masks.entries()) {
    if (bits !== 0) triples.push(word, words[word]! & bits, bits);
  }
  const word = field.bit >> 5;
  return {
    prerequisite,
    field: field.name,
    words: Int32Array.from(triples),
    tciClear: 0,
    tciSet: 0,
    behindEthernet: word >= KEY_NW_SRC && word < KEY_WORDS,
  };
}

const NO_WORDS = new Int32Array(0);

/** As a change of the TCI, when the field lies in it. */
export function tagBits(
  field: Field,
  value: number,
  mask: number,
): { tciClear: number; tciSet: number } | undefined {
  if (field.bit >> 5 !== KEY_TYPE_VLAN || (field.bit & 31) < 16) return undefined;
  switch (field.name) {
    case 'vlan_tci':
      return { tciClear: mask, tciSet: value };
    case 'dl_vlan':
      if (value === 0xffff) return { tciClear: 0xffff, tciSet: 0 };
      return { tciClear: mask & VLAN_VID_MASK, tciSet: (value & VLAN_VID_MASK) | VLAN_PRESENT };
    case 'vlan_vid': {
      const bits = VLAN_VID_MASK | VLAN_PRESENT;
      return { tciClear: mask & bits, tciSet: value & bits };
    }
    default:
      return {
        tciClear: (mask << VLAN_PCP_SHIFT) & VLAN_PCP_MASK,
        tciSet: ((value << VLAN_PCP_SHIFT) & VLAN_PCP_MASK) | VLAN_PRESENT,
      };
  }
}
