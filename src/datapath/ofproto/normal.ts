// What: the action NORMAL: what a MAC-learning switch does with a frame (IEEE 802.1D, 7.7 to 7.9; ovs-actions(7),
// "The OVS Normal Pipeline"). Why: it is the default of a bridge. Who: xlate.ts. Pure but for learning in the Fdb.
// Unlike Open vSwitch, which forwards it without learning, a frame from a group address is dropped: no station may
// send one (IEEE 802.3, 3.2.3).

import type { DropReason } from '../drop.ts';
import { KEY_MAC, KEY_TYPE_VLAN, VLAN_PRESENT, VLAN_VID_MASK } from '../flow/key.ts';
import { isGroupMac } from '../wire/ethernet.ts';
import type { Fdb } from './fdb.ts';

/** Key bits of word KEY_TYPE_VLAN that NORMAL looks at, besides all bits of the MAC addresses. */
export const NORMAL_VLAN_MASK = VLAN_PRESENT | VLAN_VID_MASK;

/** 01:80:c2:00:00:00 to 0f, in two key words: groups that no bridge forwards (IEEE 802.1D, table 7-10). */
const RESERVED_GROUP_HIGH = 0x0180_c200;
const RESERVED_GROUP_LAST = 0x000f;

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
  if (key[at + KEY_MAC] === RESERVED_GROUP_HIGH && macWord >>> 16 <= RESERVED_GROUP_LAST) {
    sink.refuse('reserved-multicast');
    return;
  }
  if (isGroupMac(source)) {
    sink.refuse('multicast-source');
    return;
  }
  // No tag and a tag with VLAN 0 (which carries a priority only) are the same VLAN.
  const vlan = key[at + KEY_TYPE_VLAN]! & VLAN_VID_MASK;
  const slot = fdb.learn(vlan, source, inPort, nowMs);
  sink.depend(fdb.bucketOf(vlan, source), fdb.bucketOf(vlan, destination), slot);
  const ofport = isGroupMac(destination) ? -1 : fdb.lookup(vlan, destination, nowMs);
  if (ofport < 0) sink.flood();
  else if (ofport === inPort) sink.refuse('same-port');
  else sink.output(ofport);
}
