// What: the layout of a flow key. Why: a key is a fixed row of Int32 words, so that hashing, masking and comparing
// are loops over a typed array; shallow fields come first, so that a bridge which looks at MAC addresses only
// handles five words. Who: extract.ts writes keys, fields.ts names the bits, dp and ofproto compare them.
//
//   word   bits 31..24   23..16      15..8       7..0
//   0      0                         in_port                     OpenFlow port number
//   1      dl_dst bytes 0..3
//   2      dl_dst bytes 4..5         dl_src bytes 0..1
//   3      dl_src bytes 2..5
//   4      dl_type                   vlan_tci                    bit 12 of the TCI: there is a tag
//   ------ KEY_L2_WORDS
//   5      nw_src or arp_spa
//   6      nw_dst or arp_tpa
//   7      nw_proto     nw_tos      nw_ttl      nw_frag          arp_op stands in nw_proto; 0 in nw_ttl, nw_tos
//   8      tp_src or icmp_type       tp_dst or icmp_code
//   ------ KEY_L4_WORDS
//   9-12   ipv6_src
//   13-16  ipv6_dst
//   17     arp_sha bytes 0..3
//   18     arp_sha bytes 4..5        arp_tha bytes 0..1
//   19     arp_tha bytes 2..5
//   20     0                                                     makes the number of words odd, as the other depths are
//   ------ KEY_WORDS
//
// Invariant: a field that the frame does not have is 0 in its key.

export const KEY_IN_PORT = 0;
export const KEY_MAC = 1;
export const KEY_TYPE_VLAN = 4;
export const KEY_NW_SRC = 5;
export const KEY_NW_DST = 6;
export const KEY_NW = 7;
export const KEY_TP = 8;
export const KEY_IPV6_SRC = 9;
export const KEY_IPV6_DST = 13;
export const KEY_ARP_MAC = 17;

/** Words of a key that goes as deep as the Ethernet header and its tag. */
export const KEY_L2_WORDS = 5;
/** Words of a key that goes as deep as IPv4, ARP protocol addresses and ports. */
export const KEY_L4_WORDS = 9;
/** Words of a whole key. */
export const KEY_WORDS = 21;

/** Bit of vlan_tci which says that there is a tag (the CFI/DEI bit on the wire). */
export const VLAN_PRESENT = 0x1000;
export const VLAN_VID_MASK = 0x0fff;
export const VLAN_PCP_MASK = 0xe000;
export const VLAN_PCP_SHIFT = 13;

/** nw_frag: the packet is a fragment. */
export const NW_FRAG_ANY = 1;
/** nw_frag: the packet is a fragment, and not the first one. */
export const NW_FRAG_LATER = 2;

/** The least number of words, of the three depths, that holds all bits of a mask. */
export function keyWordsOf(mask: Int32Array): number {
  let last = KEY_WORDS - 1;
  while (last >= 0 && mask[last] === 0) last--;
  if (last < KEY_L2_WORDS) return KEY_L2_WORDS;
  return last < KEY_L4_WORDS ? KEY_L4_WORDS : KEY_WORDS;
}

/** One step of the hash: takes in a word. */
export function mixHash(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e37_79b1 | 0);
  return mixed ^ (mixed >>> 15);
}

/** The last step of the hash. */
export function finishHash(hash: number): number {
  const mixed = Math.imul(hash, 0x85eb_ca6b | 0);
  return mixed ^ (mixed >>> 13);
}
