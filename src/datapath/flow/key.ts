// What: the layout of a flow key. Why: a key is a fixed row of Int32 words, so that hashing, masking and comparing
// are loops over a typed array; shallow fields come first, so that a bridge which looks at MAC addresses only
// handles five words. Who: extract.ts writes the words of the frame, fields.ts names the bits, dp compares the words
// of the frame, ofproto all of them: behind those of the frame stand the fields that only live in the pipeline.
//
//   word   bits 31..24   23..16      15..8       7..0
//   0      recirc_id                 in_port                     recirculation (0: a new frame), OpenFlow port number
//   1      dl_dst bytes 0..3
//   2      dl_dst bytes 4..5         dl_src bytes 0..1
//   3      dl_src bytes 2..5
//   4      dl_type                   vlan_tci                    outermost tag; bit 12 of the TCI: there is a tag
//   5      nw_src or arp_spa
//   6      nw_dst or arp_tpa
//   7      nw_proto     nw_tos      nw_ttl      nw_frag          arp_op stands in nw_proto; 0 in nw_ttl, nw_tos
//   8      tp_src or icmp_type       tp_dst or icmp_code
//   9-12   ipv6_src
//   13-16  ipv6_dst
//   17     arp_sha or nd_sll bytes 0..3
//   18     the same, bytes 4..5      arp_tha or nd_tll bytes 0..1
//   19     the same, bytes 2..5
//   20-23  nd_target
//   24     0            ipv6_label (20 bits)
//   25     TPID of the outermost tag tcp_flags (12 bits)
//   26     TPID of the next tag      TCI of the next tag         0 unless a second tag is looked at
//   27-29  mpls label stack entries, outermost first             label 20 bits, tc 3, bottom of stack 1, ttl 8
//   30     0                                                     not used
//   ------ KEY_WORDS
//   31-32  metadata
//   33-34  tun_id
//   35     pkt_mark
//   36-51  reg0 .. reg15                                         xreg0 is reg0 and reg1, xxreg0 is reg0 to reg3
//   52     conj_id
//   53     0                         actset_output               OpenFlow port number, 0xffff: the set has no output
//   54     skb_priority                                          what set_queue sets
//   ------ FLOW_WORDS
//
// Invariants: a field that the frame does not have is 0 in its key; the words from KEY_WORDS on are 0 for a frame that
// has just come in, but for actset_output, which is NO_ACTSET_OUTPUT.

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
export const KEY_ND_TARGET = 20;
export const KEY_IPV6_LABEL = 24;
export const KEY_TPID_TCP_FLAGS = 25;
export const KEY_INNER_VLAN = 26;
export const KEY_MPLS = 27;
export const KEY_METADATA = 31;
export const KEY_TUN_ID = 33;
export const KEY_PKT_MARK = 35;
export const KEY_REG = 36;
export const KEY_CONJ_ID = 52;
export const KEY_ACTSET_OUTPUT = 53;
export const KEY_SKB_PRIORITY = 54;

/** Words of a key with all that is read from a frame. */
export const KEY_WORDS = 31;
/** Words of a key with the fields of the pipeline behind those of the frame. */
export const FLOW_WORDS = 55;

/** Label stack entries that a key holds (FLOW_MAX_MPLS_LABELS of Open vSwitch). */
export const MPLS_ENTRIES = 3;
export const REGISTERS = 16;
/** actset_output while the action set has no output (OFPP_UNSET). */
export const NO_ACTSET_OUTPUT = 0xffff;

/** Bits of word KEY_IN_PORT: the port; recirc_id stands above it. */
export const IN_PORT_BITS = 0xffff;
/** Bits of word KEY_TYPE_VLAN. */
export const TYPE_BITS = 0xffff_0000 | 0;
export const TCI_BITS = 0xffff;

/** Bit of vlan_tci which says that there is a tag (the CFI/DEI bit on the wire). */
export const VLAN_PRESENT = 0x1000;
export const VLAN_VID_MASK = 0x0fff;
export const VLAN_PCP_MASK = 0xe000;
export const VLAN_PCP_SHIFT = 13;
/** The 20 bits of ipv6_label in its word. */
export const IPV6_LABEL_MASK = 0xf_ffff;

/** nw_frag: the packet is a fragment. */
export const NW_FRAG_ANY = 1;
/** nw_frag: the packet is a fragment, and not the first one. */
export const NW_FRAG_LATER = 2;

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
