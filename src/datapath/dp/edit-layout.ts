// What: FrameLayout, where the headers of the frame under edit lie. Why: the key says what a frame holds, not where; edits
// need the places, and most programs touch one layer. Who: execute.ts owns one; edit-tags.ts and edit-set.ts work on it.
// Invariants: offsets are those of the arena, so bytes that do not move keep theirs; what is not there is 0 (arena
// offset 0 is never inside of a frame); nothing is read outside of the frame; the rules for broken headers are those of
// flow/extract.ts. Layers are looked at when asked for: networkHeader() and transportHeader() cost nothing the second time.

import { type FrameBatch, OFFLOAD_CSUM, VNET_CSUM_START, VNET_HDR_LENGTH } from '../port/batch.ts';
import {
  ARP_LENGTH,
  ETH_TYPE_ARP,
  ETH_TYPE_IPV4,
  ETH_TYPE_IPV6,
  ETH_TYPE_MIN,
  ETH_TYPE_NONE,
  ETH_TYPE_RARP,
  isMplsType,
  isVlanType,
  MPLS_BOTTOM,
  MPLS_ENTRY_LENGTH,
  SNAP_LENGTH,
  VLAN_TAG_LENGTH,
} from '../wire/ethernet.ts';
import {
  IPPROTO_AH,
  IPPROTO_FRAGMENT,
  IPPROTO_ICMPV6,
  IPPROTO_ROUTING,
  IPPROTO_TCP,
  IPPROTO_UDP,
  isIpv6Extension,
} from '../wire/ip-protocol.ts';

/** What has been looked at. */
const NOTHING = 0;
const NETWORK = 1;
const TRANSPORT = 2;

export class FrameLayout {
  readonly batch: FrameBatch;
  readonly view: DataView;
  row = 0;
  /** First byte of the frame, and the one behind its last. */
  start = 0;
  end = 0;
  /** Tags that stand in front of what the key calls the EtherType, at most: the limit of the key, and those pushed. */
  tags = 0;

  /** The EtherType, and where its header starts; the outermost MPLS label stack entry. */
  type = 0;
  l3 = 0;
  labels = 0;

  /** A well-formed IPv4, IPv6 or ARP packet starts at l3. */
  ipv4 = false;
  ipv6 = false;
  arp = false;
  /** The transport header and where its packet ends. 0 in a later fragment, and when the headers before it are broken. */
  l4 = 0;
  l4End = 0;
  protocol = 0;
  /** The checksum that covers the pseudo header, and whether it is partial: the sum of the pseudo header only. */
  pseudoChecksum = 0;
  partial = false;
  /** An IPv6 routing header names the destination that the pseudo header counts. */
  routed = false;
  /** Bytes behind the IP packet. */
  padding = 0;

  private known = NOTHING;

  constructor(batch: FrameBatch) {
    this.batch = batch;
    this.view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
  }

  /** Begins with the frame in `row`, in front of whose EtherType at most `tags` tags stand. */
  begin(row: number, tags: number): void {
    const start = this.batch.offset[row]!;
    this.row = row;
    this.start = start;
    this.end = start + this.batch.length[row]!;
    this.tags = tags;
    this.known = NOTHING;
  }

  /** Forgets the layers: bytes behind the tags changed their place or meaning. */
  forget(): void {
    this.known = NOTHING;
  }

  isTagged(): boolean {
    return isVlanType(this.view.getUint16(this.start + 12)) && this.end - this.start >= 18;
  }

  /** Fills type, labels and l3. */
  networkHeader(): void {
    if (this.known >= NETWORK) return;
    this.known = NETWORK;
    const { view, end } = this;
    let at = this.start + 12;
    let type = view.getUint16(at);
    for (let tag = 0; tag < this.tags && isVlanType(type) && end - at >= VLAN_TAG_LENGTH + 2; tag++) {
      at += VLAN_TAG_LENGTH;
      type = view.getUint16(at);
    }
    let l3 = at + 2;
    if (type < ETH_TYPE_MIN) {
      type = ETH_TYPE_NONE;
      if (
        end - l3 >= SNAP_LENGTH &&
        view.getInt32(l3) === (0xaaaa_0300 | 0) &&
        view.getUint16(l3 + 4) === 0
      ) {
        const inner = view.getUint16(l3 + 6);
        if (inner >= ETH_TYPE_MIN) type = inner;
        l3 += SNAP_LENGTH;
      }
    }
    this.labels = 0;
    if (isMplsType(type)) {
      if (end - l3 >= MPLS_ENTRY_LENGTH) this.labels = l3;
      while (end - l3 >= MPLS_ENTRY_LENGTH) {
        l3 += MPLS_ENTRY_LENGTH;
        if ((view.getInt32(l3 - MPLS_ENTRY_LENGTH) & MPLS_BOTTOM) !== 0) break;
      }
    }
    this.type = type;
    this.l3 = l3;
  }

  /** Fills the fields of IPv4, IPv6 and ARP as well. */
  transportHeader(): void {
    if (this.known >= TRANSPORT) return;
    this.networkHeader();
    this.known = TRANSPORT;
    this.ipv4 = false;
    this.ipv6 = false;
    this.arp = false;
    this.l4 = 0;
    this.pseudoChecksum = 0;
    this.partial = false;
    this.routed = false;
    this.padding = 0;
    const { type } = this;
    if (type === ETH_TYPE_IPV4) this.parseIpv4();
    else if (type === ETH_TYPE_IPV6) this.parseIpv6();
    else if (type === ETH_TYPE_ARP || type === ETH_TYPE_RARP) this.parseArp();
    if (this.l4 !== 0) this.parseTransport();
  }

  /** Where set_ethertype of Open vSwitch writes: behind the last tag, and for 802.3 without a tag over the length. */
  typeAt(): number {
    this.networkHeader();
    const first = this.start + 12;
    if (!isVlanType(this.view.getUint16(first))) return first;
    return (this.labels === 0 ? this.l3 : this.labels) - 2;
  }

  private parseIpv4(): void {
    const { view, l3, end } = this;
    if (end - l3 < 20) return;
    const first = view.getInt32(l3);
    const headerLength = ((first >>> 24) & 0xf) * 4;
    const totalLength = first & 0xffff;
    if (headerLength < 20 || headerLength > totalLength || totalLength > end - l3) return;
    this.ipv4 = true;
    this.padding = end - l3 - totalLength;
    if ((view.getUint16(l3 + 6) & 0x1fff) !== 0) return;
    this.protocol = view.getUint8(l3 + 9);
    this.l4 = l3 + headerLength;
    this.l4End = l3 + totalLength;
  }

  private parseIpv6(): void {
    const { view, l3, end } = this;
    if (end - l3 < 40) return;
    const packetEnd = l3 + 40 + view.getUint16(l3 + 4);
    if (packetEnd > end) return;
    this.padding = end - packetEnd;
    let protocol = view.getUint8(l3 + 6);
    let at = l3 + 40;
    while (isIpv6Extension(protocol)) {
      if (packetEnd - at < 8) return;
      const header = protocol;
      protocol = view.getUint8(at);
      if (header === IPPROTO_FRAGMENT) {
        if ((view.getUint16(at + 2) & 0xfff8) !== 0) {
          this.ipv6 = true;
          return;
        }
        at += 8;
      } else if (header === IPPROTO_AH) {
        at += (view.getUint8(at + 1) + 2) * 4;
      } else {
        if (header === IPPROTO_ROUTING && view.getUint8(at + 3) !== 0) this.routed = true;
        at += (view.getUint8(at + 1) + 1) * 8;
      }
      if (at > packetEnd) return;
    }
    this.ipv6 = true;
    this.protocol = protocol;
    this.l4 = at;
    this.l4End = packetEnd;
  }

  private parseArp(): void {
    const { view, l3, end } = this;
    this.arp =
      end - l3 >= ARP_LENGTH && view.getInt32(l3) === 0x0001_0800 && view.getUint16(l3 + 4) === 0x0604;
  }

  private parseTransport(): void {
    const { l4, protocol } = this;
    const length = this.l4End - l4;
    let checksum = 0;
    if (protocol === IPPROTO_TCP && length >= 20) checksum = l4 + 16;
    else if (protocol === IPPROTO_UDP && length >= 8) checksum = l4 + 6;
    else if (protocol === IPPROTO_ICMPV6 && length >= 4 && this.ipv6) checksum = l4 + 2;
    this.pseudoChecksum = checksum;
    if ((this.batch.offload[this.row]! & OFFLOAD_CSUM) !== 0) {
      this.partial =
        this.start + this.view.getUint16(this.start - VNET_HDR_LENGTH + VNET_CSUM_START, true) === l4;
    }
  }
}
