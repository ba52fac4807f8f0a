// What: keeps the host's own network stack away from a device that is a switch port. Why: a packet socket gets a copy
// of each frame while the stack gets the original: it would answer ARP for the host's addresses on every port, past
// the switch. A two-instruction eBPF program on the device's tcx ingress hook (Linux 6.6), which runs behind packet
// sockets, drops the originals. Needs CAP_BPF beside CAP_NET_ADMIN; without them the port works, unguarded.

#pragma once

namespace tsswitch {

// Attaches the program to the device. Returns a descriptor that holds it there until closed, or -errno.
int AttachIngressDrop(int ifindex);

}  // namespace tsswitch
