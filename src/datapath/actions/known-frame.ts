// What: what is known of a frame at each action of a list: first what the match says of its tags, type and protocol,
// then what the actions make of it. Why: whether an action means anything, and how a version of OpenFlow says it, depends
// on that. Who: check.ts and openflow-form.ts walk with it; ofproto/text/openflow-usable.ts asks which versions take a list.

import { FIELD_BY_NAME, type Field } from '../flow/fields.ts';
import { KEY_INNER_VLAN, KEY_NW, KEY_TYPE_VLAN, NW_FRAG_LATER, VLAN_PRESENT } from '../flow/key.ts';
import { Match } from '../flow/match.ts';
import { ETH_TYPE_IPV4, ETH_TYPE_IPV6, ETH_TYPE_MPLS, ETH_TYPE_MPLS_MULTICAST } from '../wire/ethernet.ts';
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/ip-protocol.ts';
import type { Action, ModWord } from './action.ts';

const VLAN_TCI = FIELD_BY_NAME.get('vlan_tci')!;

export class KnownFrame {
  /** A copy once an action changes what is known. */
  #match: Match;
  #isCopy = false;

  constructor(match: Match) {
    this.#match = match;
  }

  /** Read only. */
  get match(): Match {
    return this.#match;
  }

  /** The same knowledge for a list inside of this one; what that list does is not known here. */
  inner(): KnownFrame {
    return new KnownFrame(this.#match);
  }

  get hasTag(): boolean {
    return (this.#match.value[KEY_TYPE_VLAN]! & VLAN_PRESENT) !== 0;
  }

  get hasTwoTags(): boolean {
    return (this.#match.value[KEY_INNER_VLAN]! & VLAN_PRESENT) !== 0;
  }

  /** IP protocol; 0: not known. */
  get proto(): number {
    return this.#match.value[KEY_NW]! >>> 24;
  }

  /**
   * What OpenFlow 1.1 and later want the match to say for `action`, in the words of a flow; undefined when it does.
   * OpenFlow 1.0 takes the action without.
   */
  lacks(action: Action): string | undefined {
    switch (action.type) {
      case 'mod':
        return this.#lacksForWord(action.word);
      case 'dec_ttl':
        return this.#isIp() ? undefined : 'ip or ipv6';
      case 'dec_mpls_ttl':
      case 'pop_mpls':
        return this.#isMpls() ? undefined : 'mpls or mplsm';
      case 'fin_timeout':
        return this.proto === IPPROTO_TCP ? undefined : 'tcp or tcp6';
      case 'pop_vlan':
        return this.hasTag ? undefined : 'dl_vlan';
      default:
        return undefined;
    }
  }

  /** Takes in what the action makes of the frame. */
  pass(action: Action): void {
    switch (action.type) {
      case 'set_field':
        this.#set(action.field, action.value);
        return;
      case 'load':
        if (action.target.field === VLAN_TCI)
          this.#set(VLAN_TCI, action.value << BigInt(action.target.offset));
        return;
      case 'mod':
        if (action.word.includes('_vlan_'))
          this.#change().setWord(KEY_TYPE_VLAN, VLAN_PRESENT, VLAN_PRESENT, -1);
        return;
      case 'push_vlan': {
        const outer = this.#match.value[KEY_TYPE_VLAN]! & 0xffff;
        this.#setTags(VLAN_PRESENT, outer);
        return;
      }
      case 'pop_vlan':
        this.#setTags(this.#match.value[KEY_INNER_VLAN]! & 0xffff, 0);
        return;
      case 'push_mpls':
        this.#setType(action.ethType);
        this.#change().setWord(KEY_NW, 0xff00_0000 | 0, 0, -1);
        return;
      case 'pop_mpls':
        this.#setType(action.ethType);
        return;
      default:
    }
  }

  #lacksForWord(word: ModWord): string | undefined {
    switch (word) {
      case 'set_vlan_vid':
      case 'set_vlan_pcp':
        return this.hasTag ? undefined : 'dl_vlan';
      case 'mod_nw_src':
      case 'mod_nw_dst':
        return this.#type() === ETH_TYPE_IPV4 ? undefined : 'ip';
      case 'mod_nw_tos':
      case 'mod_nw_ecn':
      case 'mod_nw_ttl':
        return this.#isIp() ? undefined : 'ip or ipv6';
      case 'mod_tp_src':
      case 'mod_tp_dst':
        return this.#hasPorts() ? undefined : 'tcp, udp or sctp';
      case 'set_mpls_label':
      case 'set_mpls_tc':
      case 'set_mpls_ttl':
        return this.#isMpls() ? undefined : 'mpls or mplsm';
      default:
        return undefined;
    }
  }

  #set(field: Field, value: bigint): void {
    if (field === VLAN_TCI)
      this.#change().setWord(KEY_TYPE_VLAN, 0xffff, Number(BigInt.asUintN(16, value)), -1);
  }

  #setTags(outer: number, inner: number): void {
    const match = this.#change();
    match.setWord(KEY_TYPE_VLAN, 0xffff, outer, -1);
    match.setWord(KEY_INNER_VLAN, 0xffff, inner, -1);
  }

  #setType(type: number): void {
    this.#change().setWord(KEY_TYPE_VLAN, 0xffff_0000 | 0, type << 16, -1);
  }

  /** The match as it is to be changed: a copy. */
  #change(): Match {
    if (!this.#isCopy) {
      this.#match = copyOf(this.#match);
      this.#isCopy = true;
    }
    return this.#match;
  }

  #type(): number {
    return this.#match.value[KEY_TYPE_VLAN]! >>> 16;
  }

  #isIp(): boolean {
    return this.#type() === ETH_TYPE_IPV4 || this.#type() === ETH_TYPE_IPV6;
  }

  #isMpls(): boolean {
    return this.#type() === ETH_TYPE_MPLS || this.#type() === ETH_TYPE_MPLS_MULTICAST;
  }

  #hasPorts(): boolean {
    const isLater = (this.#match.value[KEY_NW]! & NW_FRAG_LATER) !== 0;
    return this.#isIp() && !isLater && [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP].includes(this.proto);
  }
}

export function copyOf(match: Match): Match {
  const copy = new Match();
  copy.value.set(match.value);
  copy.mask.set(match.mask);
  return copy;
}
