#include "link.h"

#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tsswitch {
namespace {

class Socket {
 public:
  Socket(int domain, int type, int protocol) : fd_(socket(domain, type | SOCK_CLOEXEC, protocol)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::string FormatAddress(const uint8_t* bytes, size_t length) {
  if (length != 6) return "";
  char text[18];
  snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
           bytes[5]);
  return text;
}

void ParseLinkInfo(const rtattr* info, Link* link) {
  int rest = RTA_PAYLOAD(info);
  for (auto* a = static_cast<rtattr*>(RTA_DATA(info)); RTA_OK(a, rest); a = RTA_NEXT(a, rest)) {
    const int type = a->rta_type & NLA_TYPE_MASK;
    if (type == IFLA_INFO_KIND) {
      link->kind.assign(static_cast<char*>(RTA_DATA(a)), strnlen(static_cast<char*>(RTA_DATA(a)), RTA_PAYLOAD(a)));
    } else if (type == IFLA_INFO_DATA && link->kind == "tun") {
      int inner = RTA_PAYLOAD(a);
      for (auto* d = static_cast<rtattr*>(RTA_DATA(a)); RTA_OK(d, inner); d = RTA_NEXT(d, inner)) {
        if ((d->rta_type & NLA_TYPE_MASK) == IFLA_TUN_TYPE) {
          link->tap = *static_cast<uint8_t*>(RTA_DATA(d)) == IFF_TAP;
        }
      }
    }
  }
}

bool ParseLink(const nlmsghdr* message, Link* link) {
  if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) return false;
  const auto* info = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
  // Bridge ports and others are announced in their own families as well; those are not about the device.
  if (info->ifi_family != AF_UNSPEC) return false;
  link->deleted = message->nlmsg_type == RTM_DELLINK;
  link->ifindex = info->ifi_index;
  link->flags = info->ifi_flags;
  int rest = IFLA_PAYLOAD(message);
  for (auto* a = IFLA_RTA(info); RTA_OK(a, rest); a = RTA_NEXT(a, rest)) {
    switch (a->rta_type & NLA_TYPE_MASK) {
      case IFLA_IFNAME:
        link->name = static_cast<const char*>(RTA_DATA(a));
        break;
      case IFLA_MTU:
        memcpy(&link->mtu, RTA_DATA(a), sizeof link->mtu);
        break;
      case IFLA_ADDRESS:
        link->address = FormatAddress(static_cast<const uint8_t*>(RTA_DATA(a)), RTA_PAYLOAD(a));
        break;
      case IFLA_LINKINFO:
        ParseLinkInfo(a, link);
        break;
      case IFLA_STATS64: {
        rtnl_link_stats64 stats{};
        memcpy(&stats, RTA_DATA(a), RTA_PAYLOAD(a) < sizeof stats ? RTA_PAYLOAD(a) : sizeof stats);
        link->tx_dropped = stats.tx_dropped;
        break;
      }
    }
  }
  return true;
}

}  // namespace

int GetLink(const char* name, Link* link) {
  struct {
    nlmsghdr header;
    ifinfomsg info;
    rtattr attribute;
    char name[IFNAMSIZ];
  } request{};
  const size_t length = strlen(name);
  if (length == 0 || length >= IFNAMSIZ) return ENODEV;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.attribute.rta_type = IFLA_IFNAME;
  request.attribute.rta_len = RTA_LENGTH(length + 1);
  memcpy(request.name, name, length + 1);
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.info) + RTA_ALIGN(request.attribute.rta_len);

  const Socket s(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (s.fd() < 0 || send(s.fd(), &request, request.header.nlmsg_len, 0) < 0) return errno;
  alignas(nlmsghdr) char reply[16384];
  const ssize_t n = recv(s.fd(), reply, sizeof reply, 0);
  if (n < 0) return errno;
  const auto* message = reinterpret_cast<const nlmsghdr*>(reply);
  if (!NLMSG_OK(message, static_cast<size_t>(n))) return EIO;
  if (message->nlmsg_type == NLMSG_ERROR) return -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error;
  return ParseLink(message, link) ? 0 : EIO;
}

int SetLink(const char* name, bool up, const uint8_t* address) {
  ifreq request{};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  const Socket s(AF_INET, SOCK_DGRAM, 0);
  if (s.fd() < 0) return errno;
  if (address != nullptr) {
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(request.ifr_hwaddr.sa_data, address, 6);
    if (ioctl(s.fd(), SIOCSIFHWADDR, &request) != 0) return errno;
  }
  if (ioctl(s.fd(), SIOCGIFFLAGS, &request) != 0) return errno;
  const short flags = up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP;
  if (flags == request.ifr_flags) return 0;
  request.ifr_flags = flags;
  return ioctl(s.fd(), SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
}

int OpenLinkEvents() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

int ReadLinkEvents(int fd, std::vector<Link>* links) {
  alignas(nlmsghdr) char buffer[32768];
  for (;;) {
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0) return errno == EAGAIN ? 0 : errno;
    for (auto* m = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(m, static_cast<size_t>(n)); m = NLMSG_NEXT(m, n)) {
      Link link;
      if (ParseLink(m, &link)) links->push_back(std::move(link));
    }
  }
}

}  // namespace tsswitch
