// What: the action NORMAL: what a MAC-learning switch does with a frame (IEEE 802.1D, 7.7 to 7.9; ovs-actions(7),
// "The OVS Normal Pipeline"). Why: it is the default of a bridge. Who: xlate-output.ts. Pure but for learning in the Fdb.

import type { DropReason } from '../../drop.ts';
import { KEY_MAC, KEY_TYPE_VLAN, VLAN_PRESENT, VLAN_VID_MASK } from '../../flow/key.ts';
import { isGroupMac, isReservedGroup, isVlanType } from '../../wire/ethernet.ts';
import { type Fdb, NO_SLOT } from '../tables/fdb.ts';

/** Key bits of word KEY_TYPE_VLAN that NORMAL looks at, besides all bits of the MAC addresses: type and VLAN. */
export const NORMAL_TYPE_VLAN_MASK = 0xffff_0000 | VLAN_PRESENT | VLAN_VID_MASK;

/** Where NORMAL sends its frame, and what that depends on. */
export interface NormalSink {
  output(ofport: number): void;
  flood(): void;
  refuse(reason: DropReason): void;
  /** The source would be learned, if frames of this translation taught. */
  wouldLearn(vlan: number, source: number): void;
  /** The result holds as long as nothing changes in the two buckets; frames of the flow refresh the station `slot`. */
  depend(sourceBucket: number, destinationBucket: number, slot: number): void;
}

/** Finds the way for a frame with the key at key[0], and learns its source if `learns`. */
export function forwardNormally(
  fdb: Fdb,
  key: Int32Array,
  inPort: number,
  nowMs: number,
  learns: boolean,
  sink: NormalSink,
): void {
  const typeVlan = key[KEY_TYPE_VLAN]!;
  // A tag that is cut off, or that stood behind one which an action took off: it was not read, so its VLAN is not known.
  if ((typeVlan & VLAN_PRESENT) === 0 && isVlanType(typeVlan >>> 16)) {
    sink.refuse('unread-vlan-tag');
    return;
  }
  const macWord = key[KEY_MAC + 1]!;
  const destination = (key[KEY_MAC]! >>> 0) * 2 ** 16 + (macWord >>> 16);
  const source = (macWord & 0xffff) * 2 ** 32 + (key[KEY_MAC + 2]! >>> 0);
  if (isReservedGroup(destination)) {
    sink.refuse('reserved-multicast');
    return;
  }
  // No tag and a tag with VLAN 0 (which carries a priority only) are the same VLAN.
  const vlan = typeVlan & VLAN_VID_MASK;
  // A group address is no station: frames that carry one as their source pass, but teach nothing.
  const teaches = !isGroupMac(source);
  const slot = learns && teaches ? fdb.learn(vlan, source, inPort, nowMs) : NO_SLOT;
  if (!learns && teaches && fdb.isNews(vlan, source, inPort, nowMs)) sink.wouldLearn(vlan, source);
  sink.depend(fdb.bucketOf(vlan, source), fdb.bucketOf(vlan, destination), slot);
  const ofport = isGroupMac(destination) ? -1 : fdb.lookup(vlan, destination, nowMs);
  if (ofport < 0) sink.flood();
  else if (ofport === inPort) sink.refuse('same-port');
  else sink.output(ofport);
}
