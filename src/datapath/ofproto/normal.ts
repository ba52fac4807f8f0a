// What: the action NORMAL: what a MAC-learning switch does with a frame (IEEE 802.1D, 7.7 to 7.9; ovs-actions(7),
// "The OVS Normal Pipeline"). Why: it is the default of a bridge. Who: xlate.ts. Pure but for learning in the Fdb.

import type { DropReason } from '../drop.ts';
import { KEY_MAC, KEY_TYPE_VLAN, VLAN_PRESENT, VLAN_VID_MASK } from '../flow/key.ts';
import { isGroupMac, isReservedGroup } from '../wire/ethernet.ts';
import { type Fdb, NO_SLOT } from './fdb.ts';

/** Key bits of word KEY_TYPE_VLAN that NORMAL looks at, besides all bits of the MAC addresses. */
export const NORMAL_VLAN_MASK = VLAN_PRESENT | VLAN_VID_MASK;

/** Where NORMAL sends its frame, and what that depends on. */
export interface NormalSink {
  output(ofport: number): void;
  flood(): void;
  refuse(reason: DropReason): void;
  /** The result holds as long as nothing changes in the two buckets; frames of the flow refresh the station `slot`. */
  depend(sourceBucket: number, destinationBucket: number, slot: number): void;
}

/** Learns the source of the frame with the key at key[at] and finds the way for its destination. */
export function forwardNormally(
  fdb: Fdb,
  key: Int32Array,
  at: number,
  inPort: number,
  nowMs: number,
  sink: NormalSink,
): void {
  const macWord = key[at + KEY_MAC + 1]!;
  const destination = (key[at + KEY_MAC]! >>> 0) * 2 ** 16 + (macWord >>> 16);
  const source = (macWord & 0xffff) * 2 ** 32 + (key[at + KEY_MAC + 2]! >>> 0);
  if (isReservedGroup(destination)) {
    sink.refuse('reserved-multicast');
    return;
  }
  // No tag and a tag with VLAN 0 (which carries a priority only) are the same VLAN.
  const vlan = key[at + KEY_TYPE_VLAN]! & VLAN_VID_MASK;
  // A group address is no station: frames that carry one as their source pass, but teach nothing.
  const slot = isGroupMac(source) ? NO_SLOT : fdb.learn(vlan, source, inPort, nowMs);
  sink.depend(fdb.bucketOf(vlan, source), fdb.bucketOf(vlan, destination), slot);
  const ofport = isGroupMac(destination) ? -1 : fdb.lookup(vlan, destination, nowMs);
  if (ofport < 0) sink.flood();
  else if (ofport === inPort) sink.refuse('same-port');
  else sink.output(ofport);
}
