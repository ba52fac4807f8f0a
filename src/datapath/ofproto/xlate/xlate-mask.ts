// What: growKeyMask, which adds what a translation looked at to the bits by which a bridge makes keys. Why: keys leave
// out bits that no translation looks at, and each time that one more is looked at all keys change; so whole fields are
// added, and those that mostly come together. Who: bridge.ts. Invariant: the result covers the mask.

import {
  KEY_ARP_MAC,
  KEY_IN_PORT,
  KEY_IPV6_DST,
  KEY_IPV6_LABEL,
  KEY_IPV6_SRC,
  KEY_MAC,
  KEY_MPLS,
  KEY_ND_TARGET,
  KEY_NW,
  KEY_TPID_TCP_FLAGS,
  KEY_TYPE_VLAN,
  KEY_WORDS,
  MPLS_ENTRIES,
} from '../../flow/key.ts';

/** Groups of bits that are taken whole: pairs of word and bits. */
const WHOLE: readonly (readonly [word: number, bits: number][])[] = [
  [[KEY_IN_PORT, -1]],
  [
    [KEY_MAC, -1],
    [KEY_MAC + 1, 0xffff_0000 | 0],
  ],
  [
    [KEY_MAC + 1, 0xffff],
    [KEY_MAC + 2, -1],
  ],
  [[KEY_TYPE_VLAN, 0xffff_0000 | 0]],
  // TCI: presence and VLAN, and priority.
  [[KEY_TYPE_VLAN, 0x1fff]],
  [[KEY_TYPE_VLAN, 0xe000]],
  // Protocol, DSCP, ECN, TTL, fragment.
  [[KEY_NW, 0xff00_0000 | 0]],
  [[KEY_NW, 0xfc_0000]],
  [[KEY_NW, 0x3_0000]],
  [[KEY_NW, 0xff00]],
  [[KEY_NW, 0xff]],
  words(KEY_IPV6_SRC, 4),
  words(KEY_IPV6_DST, 4),
  [
    [KEY_ARP_MAC, -1],
    [KEY_ARP_MAC + 1, 0xffff_0000 | 0],
  ],
  [
    [KEY_ARP_MAC + 1, 0xffff],
    [KEY_ARP_MAC + 2, -1],
  ],
  words(KEY_ND_TARGET, 4),
  [[KEY_IPV6_LABEL, -1]],
  [[KEY_TPID_TCP_FLAGS, 0xffff_0000 | 0]],
  [[KEY_TPID_TCP_FLAGS, 0xffff]],
  words(KEY_MPLS, MPLS_ENTRIES),
];

function words(first: number, count: number): [number, number][] {
  return Array.from({ length: count }, (_, i) => [first + i, -1]);
}

/** For each word: its groups. Words that are in none (addresses, ports) are taken whole. */
const GROUPS_OF_WORD = Array.from({ length: KEY_WORDS }, (_, word) =>
  WHOLE.filter((group) => group.some(([member]) => member === word)),
);

/** Adds to keyMask what `mask` has and it has not, rounded to whole fields. False: there was nothing to add. */
export function growKeyMask(keyMask: Int32Array, mask: Int32Array): boolean {
  let grew = false;
  for (let word = 0; word < KEY_WORDS; word++) {
    const missing = mask[word]! & ~keyMask[word]!;
    if (missing === 0) continue;
    grew = true;
    const groups = GROUPS_OF_WORD[word]!;
    if (groups.length === 0) keyMask[word] = -1;
    for (const group of groups) {
      if (!group.some(([member, bits]) => member === word && (bits & missing) !== 0)) continue;
      for (const [member, bits] of group) keyMask[member] = keyMask[member]! | bits;
    }
    keyMask[word] = keyMask[word]! | missing;
  }
  return grew;
}
