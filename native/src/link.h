// What: network devices as rtnetlink (rtnetlink(7)) shows them: look one up, change it, hear of changes. Why: a
// port follows its device through down, deletion and re-creation, and reads drop counters of taps.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tsswitch {

struct Link {
  bool deleted = false;
  int ifindex = 0;
  unsigned flags = 0;  // IFF_*
  unsigned mtu = 0;
  std::string name;
  std::string address;  // aa:bb:cc:dd:ee:ff
  std::string kind;     // IFLA_INFO_KIND: "veth", "tun", "bridge"; empty for physical devices
  bool tap = false;     // kind is "tun" and it carries Ethernet frames
  uint64_t tx_dropped = 0;  // seen from the device: frames that could not be queued to a tap's reader
};

// Looks `name` up. Returns 0 or an errno (ENODEV: none of that name).
int GetLink(const char* name, Link* link);

// Looks up the device behind a tap's descriptor, in whatever network namespace it now lives. Returns 0 or an errno.
int GetTapLink(int tap_fd, Link* link);

// Sets IFF_UP as told, and the MAC address (6 bytes) when not null. Returns 0 or an errno.
int SetLink(const char* name, bool up, const uint8_t* address);

// A socket on which changes of any device arrive, or -errno.
int OpenLinkEvents();

// Appends the waiting changes. Returns 0, or ENOBUFS when some were lost: the caller must look all devices up again.
int ReadLinkEvents(int fd, std::vector<Link>* links);

}  // namespace tsswitch
