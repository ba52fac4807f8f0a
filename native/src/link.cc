#include "link.h"

#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/net_namespace.h>
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

// TUNGETDEVNETNS, Linux 5.2; newer than the headers of some distributions.
constexpr unsigned long kTunGetDeviceNamespace = _IO('T', 227);

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

// A request to rtnetlink and its one reply.
class Query {
 public:
  // `body` follows the header, for example an ifinfomsg.
  Query(uint16_t type, const void* body, size_t length) {
    auto* header = reinterpret_cast<nlmsghdr*>(buffer_);
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST;
    header->nlmsg_len = NLMSG_SPACE(length);
    memcpy(NLMSG_DATA(header), body, length);
  }

  void Add(uint16_t type, const void* value, size_t length) {
    auto* header = reinterpret_cast<nlmsghdr*>(buffer_);
    auto* attribute = reinterpret_cast<rtattr*>(buffer_ + NLMSG_ALIGN(header->nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = RTA_LENGTH(length);
    memcpy(RTA_DATA(attribute), value, length);
    header->nlmsg_len = NLMSG_ALIGN(header->nlmsg_len) + RTA_ALIGN(attribute->rta_len);
  }

  void WantAcknowledgement() { reinterpret_cast<nlmsghdr*>(buffer_)->nlmsg_flags |= NLM_F_ACK; }

  // Returns 0 and the reply (null: a mere acknowledgement), or an errno.
  int Ask(const nlmsghdr** reply) {
    const Socket s(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (s.fd() < 0 || send(s.fd(), buffer_, reinterpret_cast<nlmsghdr*>(buffer_)->nlmsg_len, 0) < 0) return errno;
    const ssize_t n = recv(s.fd(), buffer_, sizeof buffer_, 0);
    if (n < 0) return errno;
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer_);
    if (!NLMSG_OK(message, static_cast<size_t>(n))) return EIO;
    const bool error = message->nlmsg_type == NLMSG_ERROR;
    *reply = error ? nullptr : message;
    return error ? -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error : 0;
  }

 private:
  alignas(nlmsghdr) char buffer_[16384] = {};
};

// `namespace_id` names another network namespace, or is null for our own.
int AskForLink(const char* name, const int32_t* namespace_id, Link* link) {
  const size_t length = strlen(name);
  if (length == 0 || length >= IFNAMSIZ) return ENODEV;
  const ifinfomsg info{};
  Query query(RTM_GETLINK, &info, sizeof info);
  query.Add(IFLA_IFNAME, name, length + 1);
  if (namespace_id != nullptr) query.Add(IFLA_TARGET_NETNSID, namespace_id, sizeof *namespace_id);
  const nlmsghdr* reply = nullptr;
  const int error = query.Ask(&reply);
  if (error != 0) return error;
  return reply != nullptr && ParseLink(reply, link) ? 0 : EIO;
}

// The number by which our namespace knows the one behind `namespace_fd`; gives it one when it has none.
int NamespaceId(int namespace_fd, int32_t* id) {
  const rtgenmsg body{};
  const int32_t any = -1;
  Query give(RTM_NEWNSID, &body, sizeof body);
  give.Add(NETNSA_NSID, &any, sizeof any);
  give.Add(NETNSA_FD, &namespace_fd, sizeof namespace_fd);
  give.WantAcknowledgement();
  const nlmsghdr* reply = nullptr;
  const int given = give.Ask(&reply);
  if (given != 0 && given != EEXIST) return given;

  Query ask(RTM_GETNSID, &body, sizeof body);
  ask.Add(NETNSA_FD, &namespace_fd, sizeof namespace_fd);
  const int error = ask.Ask(&reply);
  if (error != 0 || reply == nullptr) return error != 0 ? error : EIO;
  int rest = static_cast<int>(reply->nlmsg_len - NLMSG_SPACE(sizeof body));
  auto* a = reinterpret_cast<const rtattr*>(static_cast<const char*>(NLMSG_DATA(reply)) + NLMSG_ALIGN(sizeof body));
  for (; RTA_OK(a, rest); a = RTA_NEXT(a, rest)) {
    if (a->rta_type == NETNSA_NSID) memcpy(id, RTA_DATA(a), sizeof *id);
  }
  return 0;
}

}  // namespace

int GetLink(const char* name, Link* link) { return AskForLink(name, nullptr, link); }

int GetTapLink(int tap_fd, Link* link) {
  ifreq device{};
  if (ioctl(tap_fd, TUNGETIFF, &device) != 0) return errno;
  const int namespace_fd = ioctl(tap_fd, kTunGetDeviceNamespace);
  if (namespace_fd < 0) return errno;
  int32_t id = -1;
  int error = NamespaceId(namespace_fd, &id);
  close(namespace_fd);
  if (error == 0) error = AskForLink(device.ifr_name, &id, link);
  return error;
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
