// What: numbers of IPv4, IPv6 and the transport headers: protocols (IANA), lengths, places of checksums, neighbor
// discovery. Why: one list for all that look into and behind the IP header. Pure.

export const IPV4_HEADER_LENGTH = 20;
export const IPV6_HEADER_LENGTH = 40;
export const TCP_HEADER_LENGTH = 20;
export const UDP_HEADER_LENGTH = 8;

/** Offset of the checksum in the header. */
export const TCP_CHECKSUM = 16;
export const UDP_CHECKSUM = 6;
/** Of SCTP it is a CRC32c (RFC 9260, 6.8). */
export const SCTP_CHECKSUM = 8;

/** ICMPv6 types of neighbor discovery (RFC 4861), and its length up to the options. */
export const ND_SOLICIT = 135;
export const ND_ADVERT = 136;
export const ND_LENGTH = 24;
/** Options of neighbor discovery (RFC 4861, 4.6.1): source and target link-layer address. */
export const ND_OPTION_SOURCE = 1;
export const ND_OPTION_TARGET = 2;

/** IPv6 hop-by-hop options. */
export const IPPROTO_HOPOPTS = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_IGMP = 2;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
/** IPv6 routing header. */
export const IPPROTO_ROUTING = 43;
/** IPv6 fragment header. */
export const IPPROTO_FRAGMENT = 44;
export const IPPROTO_AH = 51;
export const IPPROTO_ICMPV6 = 58;
/** IPv6 destination options. */
export const IPPROTO_DSTOPTS = 60;
export const IPPROTO_SCTP = 132;

/** Headers that stand between IPv6 and the transport header (RFC 8200, 4.1) and that are skipped. */
export function isIpv6Extension(protocol: number): boolean {
  return (
    protocol === IPPROTO_HOPOPTS ||
    protocol === IPPROTO_ROUTING ||
    protocol === IPPROTO_DSTOPTS ||
    protocol === IPPROTO_AH ||
    protocol === IPPROTO_FRAGMENT
  );
}
