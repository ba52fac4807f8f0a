// What: FrameState, a frame as a translation sees it: the key after the changes so far, the bits of the original key
// that were looked at, and the changes that the program does not say yet. Why: changes are only written where the
// frame is used (an output), so that a set that is set again, or of a frame that goes nowhere, costs nothing. Who:
// xlate.ts; xlate-tags.ts and xlate-labels.ts for VLAN tags and MPLS labels, commit() for the program.
//
// Invariant: of the original key, everything that the program or a later lookup depends on is in `mask`. A written
// bit needs no place in the mask: it is the same for all frames of the translation.

import type { Subfield } from '../../actions/action.ts';
import { OP_SET, type ProgramBuilder } from '../../actions/program.ts';
import { fillBits } from '../../flow/bits.ts';
import type { PrerequisiteName } from '../../flow/fields.ts';
import {
  FLOW_WORDS,
  KEY_MAC,
  KEY_MPLS,
  KEY_NW,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TYPE_VLAN,
  KEY_WORDS,
  MPLS_ENTRIES,
  NW_FRAG_LATER,
  TYPE_BITS,
  VLAN_PRESENT,
} from '../../flow/key.ts';
import { ETH_TYPE_ARP, ETH_TYPE_IPV4, ETH_TYPE_IPV6, ETH_TYPE_RARP } from '../../wire/ethernet.ts';
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  ND_ADVERT,
  ND_SOLICIT,
} from '../../wire/ip-protocol.ts';
import { firstBit, readSubfield, VALUE_WORDS, writeValue } from './xlate-bits.ts';
import { commitLabels, isMpls } from './xlate-labels.ts';
import { type FieldSet, tagBits } from './xlate-set.ts';
import { commitTags, setTci } from './xlate-tags.ts';

const PROTO_BITS = 0xff00_0000 | 0;

/** What save() keeps. */
interface Snapshot {
  flow: Int32Array;
  base: Int32Array;
  pending: Int32Array;
  changed: boolean;
  tagsKnown: boolean;
  tagsChanged: boolean;
  baseTags: number;
  keptTags: number;
  labelsChanged: boolean;
  wasMpls: boolean;
}

export class FrameState {
  /** The key, with the changes so far. */
  readonly flow = new Int32Array(FLOW_WORDS);
  /** EtherType and labels of the frame as the program leaves them so far; other words are of no use. */
  readonly base = new Int32Array(KEY_WORDS);
  /** Bits of the original key that were looked at. */
  readonly mask = new Int32Array(FLOW_WORDS);
  /** Bits of `flow` that the program does not set yet. */
  readonly pending = new Int32Array(KEY_WORDS);
  /** commit() has something to do. */
  changed = false;

  // VLAN tags, see xlate-tags.ts.
  tagsKnown = false;
  tagsChanged = false;
  baseTags = 0;
  keptTags = 0;

  /** Labels were pushed or popped that the program does not say yet. */
  labelsChanged = false;
  /** The last label was popped: what stands behind it is not in the key (recirculation reads it). */
  wasMpls = false;

  private readonly value = new Int32Array(VALUE_WORDS);
  private readonly snapshots: Snapshot[] = [];
  private depth = 0;

  /** Begins with the frame key at key[at, at + KEY_WORDS) and pipeline fields of zero. */
  start(key: Int32Array, at: number): void {
    const { flow, base, mask } = this;
    for (let i = 0; i < KEY_WORDS; i++) {
      flow[i] = key[at + i]!;
      mask[i] = 0;
    }
    base[KEY_TYPE_VLAN] = flow[KEY_TYPE_VLAN]!;
    for (let i = KEY_MPLS; i < KEY_MPLS + MPLS_ENTRIES; i++) base[i] = flow[i]!;
    if (this.changed) this.pending.fill(0);
    for (let i = KEY_WORDS; i < FLOW_WORDS; i++) {
      flow[i] = 0;
      mask[i] = 0;
    }
    this.changed = false;
    this.tagsKnown = false;
    this.tagsChanged = false;
    this.labelsChanged = false;
    this.wasMpls = false;
    this.depth = 0;
  }

  /** Notes that bits of a word were looked at. */
  look(word: number, bits: number): void {
    this.mask[word] = this.mask[word]! | bits;
  }

  /** The EtherType, looked at. */
  get type(): number {
    this.look(KEY_TYPE_VLAN, TYPE_BITS);
    return this.flow[KEY_TYPE_VLAN]! >>> 16;
  }

  /** The IP protocol or ARP operation, looked at. */
  get proto(): number {
    this.look(KEY_NW, PROTO_BITS);
    return this.flow[KEY_NW]! >>> 24;
  }

  get isIp(): boolean {
    const { type } = this;
    return type === ETH_TYPE_IPV4 || type === ETH_TYPE_IPV6;
  }

  /** Whether the frame has the header that a field stands in. */
  has(prerequisite: PrerequisiteName | undefined): boolean {
    switch (prerequisite) {
      case undefined:
        return true;
      case 'vlan':
        this.look(KEY_TYPE_VLAN, VLAN_PRESENT);
        return (this.flow[KEY_TYPE_VLAN]! & VLAN_PRESENT) !== 0;
      case 'ip':
        return this.isIp;
      case 'ipv4':
        return this.type === ETH_TYPE_IPV4;
      case 'ipv6':
        return this.type === ETH_TYPE_IPV6;
      case 'arp':
        return this.isArp;
      case 'ipv4OrArp':
        return this.isArp || this.type === ETH_TYPE_IPV4;
      case 'ipOrArp':
        return this.isArp || this.isIp;
      case 'mpls':
        return isMpls(this.type);
      case 'transport':
        return this.hasPorts(IPPROTO_TCP) || this.hasPorts(IPPROTO_UDP) || this.hasPorts(IPPROTO_SCTP);
      case 'tcp':
        return this.hasPorts(IPPROTO_TCP);
      case 'udp':
        return this.hasPorts(IPPROTO_UDP);
      case 'sctp':
        return this.hasPorts(IPPROTO_SCTP);
      case 'icmp':
        return this.has('icmpv4') || this.has('icmpv6');
      case 'icmpv4':
        return this.type === ETH_TYPE_IPV4 && this.proto === IPPROTO_ICMP;
      case 'icmpv6':
        return this.type === ETH_TYPE_IPV6 && this.proto === IPPROTO_ICMPV6;
      case 'nd':
        return this.isDiscovery(ND_SOLICIT) || this.isDiscovery(ND_ADVERT);
      case 'ndSolicit':
        return this.isDiscovery(ND_SOLICIT);
      case 'ndAdvert':
        return this.isDiscovery(ND_ADVERT);
    }
  }

  /** Sets a field. False: the frame does not have it. */
  set(set: FieldSet): boolean {
    if (!this.has(set.prerequisite)) return false;
    if ((set.tciClear | set.tciSet) !== 0) {
      setTci(this, set.tciClear, set.tciSet);
      return true;
    }
    const { flow, pending } = this;
    const { words } = set;
    const inFrame = words[0]! >= KEY_MAC && words[0]! < KEY_WORDS && this.canWrite(words[0]!);
    for (let i = 0; i < words.length; i += 3) {
      const word = words[i]!;
      const bits = words[i + 2]!;
      flow[word] = (flow[word]! & ~bits) | words[i + 1]!;
      if (inFrame) pending[word] = pending[word]! | bits;
    }
    if (inFrame) this.changed = true;
    return true;
  }

  /** Notes that bits of a word of the frame were written to `flow`. */
  written(word: number, bits: number): void {
    if (!this.canWrite(word)) return;
    this.pending[word] = this.pending[word]! | bits;
    this.changed = true;
  }

  /** The value of a subfield, in the low bits of `value`; its bits were looked at. */
  read(subfield: Subfield, value: Int32Array): void {
    fillBits(this.mask, firstBit(subfield), subfield.width);
    readSubfield(this.flow, subfield, value);
  }

  /** Writes the low bits of `value` into a subfield. */
  write(subfield: Subfield, value: Int32Array): void {
    const { field, offset, width } = subfield;
    const ones = (2 ** width - 1) * 2 ** offset;
    const tag = width <= 16 ? tagBits(field, (value[3]! & (2 ** width - 1)) * 2 ** offset, ones) : undefined;
    if (tag) {
      setTci(this, tag.tciClear, tag.tciSet);
      return;
    }
    const bit = firstBit(subfield);
    writeValue(this.flow, bit, width, value);
    const word = bit >> 5;
    if (word < KEY_MAC || word >= KEY_WORDS) return;
    if (!this.has(field.prerequisite) || !this.canWrite(word)) return;
    fillBits(this.pending, bit, width);
    this.changed = true;
  }

  /** Copies a subfield, when the frame has both fields. */
  move(source: Subfield, target: Subfield): void {
    if (!this.has(target.field.prerequisite) || !this.has(source.field.prerequisite)) return;
    this.read(source, this.value);
    this.write(target, this.value);
  }

  /** Writes into the program what it does not say yet. */
  commit(program: ProgramBuilder): void {
    if (!this.changed) return;
    this.changed = false;
    const labelsFirst =
      this.labelsChanged &&
      isMpls(this.base[KEY_TYPE_VLAN]! >>> 16) &&
      !isMpls(this.flow[KEY_TYPE_VLAN]! >>> 16);
    if (labelsFirst) commitLabels(this, program);
    this.commitWords(program);
    if (this.labelsChanged) commitLabels(this, program);
    if (this.tagsChanged) commitTags(this, program);
  }

  /** Keeps the state, for restore(). */
  save(): void {
    let snapshot = this.snapshots[this.depth];
    if (!snapshot) {
      snapshot = newSnapshot();
      this.snapshots[this.depth] = snapshot;
    }
    this.depth++;
    snapshot.flow.set(this.flow);
    snapshot.base.set(this.base);
    snapshot.pending.set(this.pending);
    copyFlags(this, snapshot);
  }

  /** Takes the state of the last save() back, all but the mask, and forgets it unless it is to be used again. */
  restore(again = false): void {
    const snapshot = this.snapshots[this.depth - 1]!;
    this.flow.set(snapshot.flow);
    this.base.set(snapshot.base);
    this.pending.set(snapshot.pending);
    copyFlags(snapshot, this);
    if (!again) this.depth--;
  }

  private get isArp(): boolean {
    const { type } = this;
    return type === ETH_TYPE_ARP || type === ETH_TYPE_RARP;
  }

  /** The frame has a transport header of that protocol, and it is not a later fragment. */
  private hasPorts(proto: number): boolean {
    if (!this.isIp || this.proto !== proto) return false;
    this.look(KEY_NW, NW_FRAG_LATER);
    return (this.flow[KEY_NW]! & NW_FRAG_LATER) === 0;
  }

  private isDiscovery(type: number): boolean {
    if (!this.has('icmpv6')) return false;
    this.look(KEY_TP, -1);
    return this.flow[KEY_TP] === type << 16;
  }

  /**
   * Whether a change of a word is one of the frame's own headers. Behind Ethernet nothing is written in frames of
   * protocol 0: those have no whole header there. Labels that differ are written as a whole.
   */
  private canWrite(word: number): boolean {
    if (word >= KEY_MPLS) {
      if (this.labelsChanged) this.changed = true;
      return !this.labelsChanged;
    }
    return word < KEY_NW_SRC || this.proto !== 0;
  }

  private commitWords(program: ProgramBuilder): void {
    const { flow, base, pending } = this;
    for (let word = KEY_MAC; word < KEY_WORDS; word++) {
      const bits = pending[word]!;
      if (bits === 0) continue;
      pending[word] = 0;
      program.put(OP_SET, word, flow[word]! & bits, bits);
      base[word] = (base[word]! & ~bits) | (flow[word]! & bits);
    }
  }
}

function newSnapshot(): Snapshot {
  return {
    flow: new Int32Array(FLOW_WORDS),
    base: new Int32Array(KEY_WORDS),
    pending: new Int32Array(KEY_WORDS),
    changed: false,
    tagsKnown: false,
    tagsChanged: false,
    baseTags: 0,
    keptTags: 0,
    labelsChanged: false,
    wasMpls: false,
  };
}

type Flags = Omit<Snapshot, 'flow' | 'base' | 'pending'>;

function copyFlags(from: Flags, to: Flags): void {
  to.changed = from.changed;
  to.tagsKnown = from.tagsKnown;
  to.tagsChanged = from.tagsChanged;
  to.baseTags = from.baseTags;
  to.keptTags = from.keptTags;
  to.labelsChanged = from.labelsChanged;
  to.wasMpls = from.wasMpls;
}
