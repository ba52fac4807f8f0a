// What: the actions and instructions that a flow or a bucket can carry (ovs-actions(7)), as one union. Why: the
// compiler points at each place that must know a new action: the printer in text.ts and the translation in
// ofproto/xlate/xlate.ts. Who: text.ts reads and prints them, ofproto carries them out.
// Values of fields are bigints, since a field has up to 128 bits; `bit` numbers count from the highest bit of word 0
// of a key, as in flow/key.ts.

import type { Field } from '../flow/fields.ts';

/** The highest table number that a bridge has. */
export const LAST_TABLE = 253;
/** As the table of resubmit: the current one. */
export const CURRENT_TABLE = 255;
/** The largest number of a meter; above it stand those with a meaning of their own. */
export const METER_MAX = 0xffff_0000;
/** The largest number of a group; above it stand OFPG_ALL and OFPG_ANY. */
export const GROUP_MAX = 0xffff_ff00;

/** Bits of a field, `field[from..to]` in text: `width` bits whose lowest is bit `offset` of the field (0: its lowest). */
export interface Subfield {
  field: Field;
  offset: number;
  width: number;
}

/** Fields over which a hash is taken (enum nx_hash_fields of Open vSwitch), by the name that the text uses. */
export type HashFields =
  | 'eth_src'
  | 'symmetric_l4'
  | 'symmetric_l3l4'
  | 'symmetric_l3l4+udp'
  | 'nw_src'
  | 'nw_dst'
  | 'symmetric_l3';

export type PacketInReason = 'action' | 'no_match' | 'invalid_ttl' | 'action_set' | 'group' | 'packet_out';

export interface ControllerAction {
  type: 'controller';
  /** Bytes of the frame that the controller wants; 65535: all. */
  maxLength: number;
  reason: PacketInReason;
  controllerId: number;
  userdata: Uint8Array | undefined;
  pause: boolean;
  meterId: number | undefined;
}

/** What a flow that `learn` adds is made of, one for each term of its text. */
export type LearnTerm =
  /** Match `width` bits of `target` against a constant, or against what `source` holds in the frame that teaches. */
  | { kind: 'match'; target: Subfield; value: bigint | Subfield }
  /** `load:` a constant or a field into a field, when the learned flow matches. */
  | { kind: 'load'; target: Subfield; value: bigint | Subfield }
  /** `output:` to the port that the field names in the frame that teaches. */
  | { kind: 'output'; source: Subfield };

export interface LearnAction {
  type: 'learn';
  tableId: number;
  priority: number;
  cookie: bigint;
  idleTimeout: number;
  hardTimeout: number;
  finIdleTimeout: number;
  finHardTimeout: number;
  sendFlowRemoved: boolean;
  deleteLearned: boolean;
  /** 0: no limit. */
  limit: number;
  resultTarget: Subfield | undefined;
  terms: readonly LearnTerm[];
}

/**
 * The words `mod_…` and their like: each sets one field to a whole value, and prints as it was written. The value is
 * the number of the text: a VLAN number, a ToS byte (a multiple of 4), a MAC or IPv4 address as an integer. The words
 * mod_vlan_… push a tag when there is none, set_vlan_… then do nothing.
 */
export type ModWord =
  | 'mod_vlan_vid'
  | 'mod_vlan_pcp'
  | 'set_vlan_vid'
  | 'set_vlan_pcp'
  | 'mod_dl_src'
  | 'mod_dl_dst'
  | 'mod_nw_src'
  | 'mod_nw_dst'
  | 'mod_nw_tos'
  | 'mod_nw_ecn'
  | 'mod_nw_ttl'
  | 'mod_tp_src'
  | 'mod_tp_dst'
  | 'set_mpls_label'
  | 'set_mpls_tc'
  | 'set_mpls_ttl'
  | 'set_tunnel'
  | 'set_tunnel64';

export type Action =
  // Output. `port` may be OFPORT_LOCAL, and OFPORT_IN_PORT when the frame is cut. maxLength 0: the whole frame.
  | { type: 'output'; port: number; maxLength: number }
  | { type: 'output_field'; source: Subfield }
  | { type: 'normal' }
  | { type: 'flood' }
  | { type: 'all' }
  | { type: 'in_port' }
  | { type: 'table' } // only in a packet-out: start at the tables
  | ControllerAction
  // An output through a queue; `port` may be OFPORT_LOCAL or OFPORT_IN_PORT.
  | { type: 'enqueue'; port: number; queue: number }
  // Members may be any reserved port but CONTROLLER; OFPORT_NONE is one that is never up.
  | {
      type: 'bundle';
      load: Subfield | undefined;
      fields: HashFields;
      basis: number;
      algorithm: 'active_backup' | 'hrw';
      members: readonly number[];
    }
  | { type: 'group'; groupId: number }
  // Changes of fields. `value` has no bit outside of `mask`; the prerequisites of `field` are those of a match.
  // `masked`: the text shows the mask although it is whole; a field of 20 bits has 24 or 32 where a mask is carried.
  | { type: 'set_field'; field: Field; value: bigint; mask: bigint; masked?: true }
  | { type: 'mod'; word: ModWord; value: bigint }
  | { type: 'load'; value: bigint; target: Subfield }
  | { type: 'move'; source: Subfield; target: Subfield }
  | { type: 'push'; source: Subfield }
  | { type: 'pop'; target: Subfield }
  | {
      type: 'multipath';
      fields: HashFields;
      basis: number;
      algorithm: 'modulo_n' | 'hash_threshold' | 'hrw' | 'iter_hash';
      links: number;
      argument: number;
      target: Subfield;
    }
  | { type: 'check_pkt_larger'; length: number; target: Subfield }
  // The controllers that hear of an expired frame. `listed`: the text names them; without, they are [0].
  | { type: 'dec_ttl'; controllerIds: readonly number[]; listed?: true }
  | { type: 'dec_mpls_ttl' }
  | { type: 'set_queue'; queue: number }
  | { type: 'pop_queue' }
  // Changes of headers.
  | { type: 'push_vlan'; tpid: number }
  | { type: 'pop_vlan'; word?: 'strip_vlan' }
  | { type: 'push_mpls'; ethType: number }
  | { type: 'pop_mpls'; ethType: number }
  // Control of the walk. `tableId` of resubmit 255: the current table; `port` undefined: in_port as it is. `clause` of
  // conjunction counts from 1, as in the text.
  | { type: 'resubmit'; port: number | undefined; tableId: number }
  | { type: 'clone'; actions: readonly Action[] }
  | { type: 'exit' }
  | { type: 'conjunction'; id: number; clause: number; clauses: number }
  | LearnAction
  | { type: 'fin_timeout'; idleTimeout: number; hardTimeout: number }
  | { type: 'note'; bytes: Uint8Array }
  | {
      type: 'sample';
      probability: number;
      collectorSetId: number;
      obsDomainId: number;
      obsPointId: number;
      samplingPort: number | undefined;
      direction: 'ingress' | 'egress' | undefined;
    }
  // Instructions. They stand behind the actions, in the order meter, actions, clear, write, metadata, goto.
  | { type: 'meter'; meterId: number }
  | { type: 'clear_actions' }
  | { type: 'write_actions'; actions: readonly Action[] }
  | { type: 'write_metadata'; value: bigint; mask: bigint }
  | { type: 'goto_table'; tableId: number };

export type ActionType = Action['type'];
