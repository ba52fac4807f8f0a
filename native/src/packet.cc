// What: a port on any network device by an AF_PACKET socket. Why: veth ends and NICs join the switch without a
// driver. PACKET_VNET_HDR carries offloads through, PACKET_AUXDATA brings back VLAN tags that the kernel took out,
// PACKET_IGNORE_OUTGOING keeps the frames that we send from coming back.
// See packet(7); recvmmsg and sendmmsg move a burst in one call.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ingress_drop.h"
#include "port.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

namespace tsswitch {
namespace {

// Bytes of frames that may wait in the socket while the worker is busy.
constexpr int kReceiveBuffer = 4 << 20;
constexpr int kSendBuffer = 4 << 20;

class PacketPort final : public Port {
 public:
  PacketPort(int fd, int ingress_drop) : Port(fd), ingress_drop_(ingress_drop) {}
  ~PacketPort() override {
    if (ingress_drop_ >= 0) close(ingress_drop_);
  }

  int Receive(const FrameBatch& batch, int max) override {
    for (int i = 0; i < max; ++i) {
      iov_[i] = {batch.ReceiveStart(i), kVnetHdrLength + kMaxFrameLength};
      messages_[i].msg_hdr = {};
      messages_[i].msg_hdr.msg_iov = &iov_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
      messages_[i].msg_hdr.msg_control = control_[i];
      messages_[i].msg_hdr.msg_controllen = sizeof control_[i];
    }
    const int n = recvmmsg(fd(), messages_, max, MSG_DONTWAIT, nullptr);
    if (n < 0) return errno == EAGAIN ? 0 : -errno;
    for (int i = 0; i < n; ++i) {
      uint8_t tag[kVlanTagLength];
      const bool tagged = TakeVlanTag(messages_[i].msg_hdr, tag);
      const size_t length = messages_[i].msg_len < kVnetHdrLength ? 0 : messages_[i].msg_len - kVnetHdrLength;
      FinishReceive(batch, i, length, tagged ? tag : nullptr);
    }
    return n;
  }

  int Send(const FrameBatch& batch, const int32_t* rows, int count) override {
    int sent = 0;
    int done = 0;
    while (done < count) {
      const int chunk = count - done < kBurst ? count - done : kBurst;
      for (int i = 0; i < chunk; ++i) {
        const int32_t row = rows[done + i];
        iov_[i] = {batch.VnetHdr(row), kVnetHdrLength + static_cast<size_t>(batch.length[row])};
        messages_[i].msg_hdr = {};
        messages_[i].msg_hdr.msg_iov = &iov_[i];
        messages_[i].msg_hdr.msg_iovlen = 1;
      }
      const int n = sendmmsg(fd(), messages_, chunk, MSG_DONTWAIT);
      for (int i = 0; i < n; ++i) batch.errnos[done + i] = 0;
      if (n > 0) {
        sent += n;
        done += n;
        continue;
      }
      // The first of the chunk was refused: blame it, and go on behind it unless all would meet the same fate.
      const int error = errno;
      batch.errnos[done++] = error;
      if (error == EAGAIN || error == ENOBUFS || error == ENETDOWN || error == ENXIO) {
        while (done < count) batch.errnos[done++] = error;
      }
    }
    return sent;
  }

  int64_t TakeKernelDrops() override {
    tpacket_stats stats{};
    socklen_t length = sizeof stats;
    if (getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &stats, &length) != 0) return 0;
    return stats.tp_drops;
  }

  bool Alive() const override {
    sockaddr_ll address{};
    socklen_t length = sizeof address;
    return getsockname(fd(), reinterpret_cast<sockaddr*>(&address), &length) == 0 && address.sll_ifindex > 0;
  }

 private:
  // The kernel hands the outer VLAN tag over beside the frame. Writes it as it stands on the wire.
  static bool TakeVlanTag(const msghdr& message, uint8_t tag[kVlanTagLength]) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr;
         c = CMSG_NXTHDR(const_cast<msghdr*>(&message), c)) {
      if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
      tpacket_auxdata aux;
      memcpy(&aux, CMSG_DATA(c), sizeof aux);
      if (!(aux.tp_status & TP_STATUS_VLAN_VALID)) return false;
      const bool known = aux.tp_status & TP_STATUS_VLAN_TPID_VALID;
      const uint16_t words[2] = {htons(known ? aux.tp_vlan_tpid : ETH_P_8021Q), htons(aux.tp_vlan_tci)};
      memcpy(tag, words, kVlanTagLength);
      return true;
    }
    return false;
  }

  // Keeps the host stack off the device; -errno when the kernel does not let us.
  const int ingress_drop_;
  mmsghdr messages_[kBurst];
  iovec iov_[kBurst];
  alignas(cmsghdr) uint8_t control_[kBurst][CMSG_SPACE(sizeof(tpacket_auxdata))];
};

bool SetOption(int fd, int option, int value) {
  return setsockopt(fd, SOL_PACKET, option, &value, sizeof value) == 0;
}

// Sizes beyond the sysctl limit need CAP_NET_ADMIN; without it the limit is taken.
void SetBuffer(int fd, int forced, int plain, int bytes) {
  if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0) {
    setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);
  }
}

bool Configure(int fd, int ifindex) {
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = ifindex;
  promiscuous.mr_type = PACKET_MR_PROMISC;
  if (!SetOption(fd, PACKET_VNET_HDR, 1) || !SetOption(fd, PACKET_AUXDATA, 1)) return false;
  if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0) return false;
  SetOption(fd, PACKET_IGNORE_OUTGOING, 1);
  SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, kReceiveBuffer);
  SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, kSendBuffer);
  // Bound last, so that no frame arrives before the options stand.
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = ifindex;
  return bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Port* OpenPacket(int ifindex, int* error) {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || !Configure(fd, ifindex)) {
    *error = errno;
    if (fd >= 0) close(fd);
    return nullptr;
  }
  return new PacketPort(fd, AttachIngressDrop(ifindex));
}

}  // namespace tsswitch
