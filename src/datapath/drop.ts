// What: the only list of reasons for which a frame ends in nothing. Why: "why was my packet dropped?" has one
// answer, the same in counters, in `drops`, in traces and in tests. A frame that is received ends in a send or
// in exactly one of these; a copy that cannot be sent ends in one of the tx reasons.
//
// rx and tx are seen from the switch. `frame` reasons are charged to the port that received the frame, `tx`
// reasons to the port that should have sent it, `kernel` reasons to frames lost before the switch could see them.

/** Reason -> the sentence that an operator reads. Order fixes the index of each counter. */
export const DROP_REASONS = {
  'rx-too-short': 'The frame is shorter than an Ethernet header (14 bytes).',
  'rx-too-long': 'The frame is longer than a buffer of the switch (65,535 bytes and its headers).',
  'rx-bad-offload': 'The offload header that came with the frame points outside of it.',
  'table-miss': 'No flow matches the frame, and a table miss drops.',
  'flow-drop': 'The matching flow has no actions: it says drop.',
  'ingress-only': 'The flow outputs only to the port on which the frame came; use in_port to send it back.',
  'no-such-port':
    'The flow outputs only to ports that do not exist, or uses NORMAL for a frame that came on none of the bridge.',
  'reserved-multicast':
    'The destination is the group of a link-local protocol (STP, LACP, LLDP, CDP, ...), which NORMAL does not forward.',
  'unread-vlan-tag':
    'NORMAL cannot tell the VLAN: the tag is cut off, or stood behind another tag that an action took off.',
  'same-port': 'NORMAL learned the destination on the port on which the frame came.',
  'no-flood-port': 'The frame should be flooded, but the bridge has no other port that is up.',
  'no-such-group': 'The flow sends the frame to a group that does not exist.',
  'group-no-live-bucket': 'No bucket of the group is live: the ports and groups that they watch are down.',
  'port-no-forward': 'The output port is configured not to send (no-forward or down).',
  'port-no-receive': 'The port on which the frame came is configured not to receive (no-receive or down).',
  'invalid-ttl': 'The time to live has run out: it cannot be decremented below 1.',
  'recursion-too-deep':
    'The tables call each other more than 64 deep: a flow resubmits to itself, perhaps by others.',
  'too-many-resubmits': 'The frame was looked up in tables more than 4,096 times.',
  'stack-too-deep': 'The actions push more than 64 kB onto the stack.',
  'too-many-mpls-labels': 'A push or a pop of an MPLS label meets more than 3 labels.',
  'recirculation-lost': 'The flows changed while the frame was looked up a second time.',
  'meter-exceeded': 'A meter drops the frame: its band allows no more.',
  'too-many-recirculations': 'The frame was to be looked up again more than 8 times.',
  'no-headroom': 'The actions push more tags and labels than have room in front of the frame (64 bytes).',
  'too-many-copies': 'Clones within clones need more copies of the frame than the switch keeps (64).',
  'tx-queue-full': 'The kernel would not take the frame at once: the transmit queue of the port is full.',
  'tx-link-down': 'The device of the output port is down or absent.',
  'tx-too-long': 'The frame is longer than the MTU of the output port allows.',
  'tx-not-segmentable': 'The output port needs the frame in segments, but its headers allow none.',
  'tx-error': 'The kernel refused the frame for another reason.',
} as const;

export type DropReason = keyof typeof DROP_REASONS;

/** Reasons in counter order. */
export const DROP_REASON_NAMES = Object.keys(DROP_REASONS) as DropReason[];

/** Index of each reason in a port's drop counters. */
export const DROP = Object.fromEntries(DROP_REASON_NAMES.map((name, index) => [name, index])) as Record<
  DropReason,
  number
>;

export const DROP_REASON_COUNT = DROP_REASON_NAMES.length;
