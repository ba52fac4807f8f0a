// What: numbers and text of Ethernet: header lengths, EtherTypes, MAC addresses. Why: extraction, matching, NORMAL
// and the text formats share one list. Pure; knows nothing of the switch.

/** Destination, source and EtherType. */
export const ETHERNET_HEADER_LENGTH = 14;

export const ETH_TYPE_IPV4 = 0x0800;
export const ETH_TYPE_ARP = 0x0806;
export const ETH_TYPE_RARP = 0x8035;
export const ETH_TYPE_IPV6 = 0x86dd;
/** 802.1Q tag. */
export const ETH_TYPE_VLAN = 0x8100;
/** 802.1ad (service) tag. */
export const ETH_TYPE_QINQ = 0x88a8;
/** Smallest type; below it the field is an 802.3 length (IEEE 802.3, 3.2.6). */
export const ETH_TYPE_MIN = 0x0600;
/** What Open vSwitch shows as type of an 802.3 frame that names none (OpenFlow 1.0, OFP_DL_TYPE_NOT_ETH_TYPE). */
export const ETH_TYPE_NONE = 0x05ff;

const MAC_TEXT = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i;

/** `aa:bb:cc:dd:ee:ff` as a 48-bit integer; undefined when the text is no MAC address. */
export function parseMac(text: string): number | undefined {
  if (!MAC_TEXT.test(text)) return undefined;
  return text.split(':').reduce((mac, byte) => mac * 256 + Number.parseInt(byte, 16), 0);
}

/** A 48-bit integer as `aa:bb:cc:dd:ee:ff`. */
export function formatMac(mac: number): string {
  return mac
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?!$)/g, '$&:');
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
