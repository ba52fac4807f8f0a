// What: numbers of Ethernet and of what stands between it and IP: header lengths, EtherTypes, tags, labels, groups of
// MAC addresses. Why: extraction, matching, edits, NORMAL and the text formats share one list. Pure.

/** Destination, source and EtherType. */
export const ETHERNET_HEADER_LENGTH = 14;
export const VLAN_TAG_LENGTH = 4;
/** LLC and SNAP headers (RFC 1042). */
export const SNAP_LENGTH = 8;
/** A label stack entry (RFC 3032). */
export const MPLS_ENTRY_LENGTH = 4;
/** In a label stack entry: no other follows. */
export const MPLS_BOTTOM = 0x100;
/** ARP for IPv4 over Ethernet (RFC 826). */
export const ARP_LENGTH = 28;

export const ETH_TYPE_IPV4 = 0x0800;
export const ETH_TYPE_ARP = 0x0806;
export const ETH_TYPE_RARP = 0x8035;
export const ETH_TYPE_IPV6 = 0x86dd;
/** 802.1Q tag. */
export const ETH_TYPE_VLAN = 0x8100;
/** 802.1ad (service) tag. */
export const ETH_TYPE_QINQ = 0x88a8;
/** MPLS (RFC 5332: with a downstream-, with an upstream-assigned label). */
export const ETH_TYPE_MPLS = 0x8847;
export const ETH_TYPE_MPLS_MULTICAST = 0x8848;
/** Smallest type; below it the field is an 802.3 length (IEEE 802.3, 3.2.6). */
export const ETH_TYPE_MIN = 0x0600;
/** What Open vSwitch shows as type of an 802.3 frame that names none (OpenFlow 1.0, OFP_DL_TYPE_NOT_ETH_TYPE). */
export const ETH_TYPE_NONE = 0x05ff;

/** Whether a VLAN tag follows. */
export function isVlanType(type: number): boolean {
  return type === ETH_TYPE_VLAN || type === ETH_TYPE_QINQ;
}

/** Whether an MPLS label stack follows. */
export function isMplsType(type: number): boolean {
  return type === ETH_TYPE_MPLS || type === ETH_TYPE_MPLS_MULTICAST;
}

/** True for group addresses: the lowest bit of the first byte is set (IEEE 802, 8.2.2). */
export function isGroupMac(mac: number): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1;
}

/** Groups of link-local protocols besides the ranges below: Extreme EDP and EAPS, Cisco ISL, CDP and kin, PVST+, STP. */
const RESERVED_GROUPS = new Set([
  0x00e0_2b00_0000, 0x00e0_2b00_0004, 0x00e0_2b00_0006, 0x0100_0c00_0000, 0x0100_0ccc_cccc, 0x0100_0ccc_cccd,
  0x0100_0ccd_cdcd,
]);

/**
 * Whether a switch keeps frames to this address to itself: 01:80:c2:00:00:00 to 0f (IEEE 802.1D, table 7-10), Cisco's
 * 01:00:0c:cc:cc:c0 to c7, and the other addresses that NORMAL of Open vSwitch does not forward.
 */
export function isReservedGroup(mac: number): boolean {
  return (
    (mac >= 0x0180_c200_0000 && mac <= 0x0180_c200_000f) ||
    (mac >= 0x0100_0ccc_ccc0 && mac <= 0x0100_0ccc_ccc7) ||
    RESERVED_GROUPS.has(mac)
  );
}
