// What: a raw end of a wire: sends frames as they are given, or prints frames as they arrive. Why: tests need frames
// that no socket makes (VLAN tags, super-frames, damage) and must see what really arrives, offload header and VLAN tag
// included. Who: packets.ts.
//
//   packet-end send DEVICE             stdin: lines `VNETHEADER FRAME`, both hex
//   packet-end capture DEVICE COUNT TIMEOUT_MS
//       prints `ready`, then a line `VNETHEADER FRAME` per frame that another host sent; ends after COUNT frames, or
//       after TIMEOUT_MS. COUNT 0: only the time ends it.
//
// The VLAN tag that the kernel takes out of a received frame is put back (packet(7), PACKET_AUXDATA), and csum_start
// of the vnet header is corrected for it.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

namespace {

/// struct virtio_net_hdr; linux/virtio_net.h has a member named `class`, so C++ cannot include it.
struct VnetHeader {
  uint8_t flags, gso_type;
  uint16_t hdr_len, gso_size, csum_start, csum_offset;
};
constexpr uint8_t kNeedsChecksum = 1;
constexpr size_t kVnetLength = sizeof(VnetHeader);
static_assert(kVnetLength == 10);
constexpr size_t kMaxFrame = 70'000;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int open_socket(const char* device, int protocol) {
  int fd = socket(AF_PACKET, SOCK_RAW, htons(protocol));
  if (fd < 0) fail("socket");
  int one = 1;
  if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) != 0) fail("PACKET_VNET_HDR");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(protocol);
  address.sll_ifindex = static_cast<int>(if_nametoindex(device));
  if (address.sll_ifindex == 0) fail(device);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  return fd;
}

std::vector<uint8_t> bytes_of(const std::string& hex) {
  std::vector<uint8_t> bytes(hex.size() / 2);
  for (size_t i = 0; i < bytes.size(); i++) {
    bytes[i] = static_cast<uint8_t>(std::stoi(hex.substr(i * 2, 2), nullptr, 16));
  }
  return bytes;
}

void append_hex(std::string& text, const uint8_t* bytes, size_t length) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < length; i++) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
}

int send_all(const char* device) {
  int fd = open_socket(device, 0);
  std::string vnet, frame;
  while (std::cin >> vnet >> frame) {
    auto message = bytes_of(vnet + frame);
    if (send(fd, message.data(), message.size(), 0) < 0) fail("send");
  }
  return 0;
}

/// The tag that was taken out, or 0 when there was none; `tpid` and `tci` are set.
bool removed_tag(msghdr& message, uint16_t& tpid, uint16_t& tci) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
    tpacket_auxdata aux;
    std::memcpy(&aux, CMSG_DATA(c), sizeof aux);
    if (!(aux.tp_status & TP_STATUS_VLAN_VALID)) return false;
    tpid = aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q;
    tci = aux.tp_vlan_tci;
    return true;
  }
  return false;
}

int capture(const char* device, long count, long timeout_ms) {
  int fd = open_socket(device, ETH_P_ALL);
  int one = 1;
  int size = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) != 0) fail("PACKET_AUXDATA");
  if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0) fail("PACKET_IGNORE_OUTGOING");
  packet_mreq membership{};
  membership.mr_ifindex = static_cast<int>(if_nametoindex(device));
  membership.mr_type = PACKET_MR_PROMISC;
  setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership);
  std::cout << "ready" << std::endl;

  using clock = std::chrono::steady_clock;
  const auto deadline = clock::now() + std::chrono::milliseconds(timeout_ms);
  std::vector<uint8_t> buffer(kVnetLength + kMaxFrame);
  for (long seen = 0; count == 0 || seen < count;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    pollfd waiting{fd, POLLIN, 0};
    if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) == 0) break;
    alignas(cmsghdr) char control[256];
    iovec vector{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t received = recvmsg(fd, &message, 0);
    if (received < static_cast<ssize_t>(kVnetLength + ETH_HLEN)) continue;
    uint16_t tpid, tci;
    const bool tagged = removed_tag(message, tpid, tci);
    VnetHeader vnet;
    std::memcpy(&vnet, buffer.data(), kVnetLength);
    if (tagged && (vnet.flags & kNeedsChecksum)) vnet.csum_start += 4;
    std::string line;
    append_hex(line, reinterpret_cast<uint8_t*>(&vnet), kVnetLength);
    line += ' ';
    const uint8_t* frame = buffer.data() + kVnetLength;
    append_hex(line, frame, 2 * ETH_ALEN);
    if (tagged) {
      const uint8_t tag[4] = {static_cast<uint8_t>(tpid >> 8), static_cast<uint8_t>(tpid),
                              static_cast<uint8_t>(tci >> 8), static_cast<uint8_t>(tci)};
      append_hex(line, tag, sizeof tag);
    }
    append_hex(line, frame + 2 * ETH_ALEN, static_cast<size_t>(received) - kVnetLength - 2 * ETH_ALEN);
    std::cout << line << std::endl;
    seen++;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "send" && argc == 3) return send_all(argv[2]);
  if (mode == "capture" && argc == 5) return capture(argv[2], std::atol(argv[3]), std::atol(argv[4]));
  std::fputs("usage: packet-end send DEVICE | capture DEVICE COUNT TIMEOUT_MS\n", stderr);
  return 2;
}
