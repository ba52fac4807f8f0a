// What: sends 64-byte UDP frames as often as the kernel takes it, and counts what arrives. Why: the rate of small
// frames is what a switch costs per frame. Who: bench/metrics.ts, explosion.ts, failover.ts.
//
//   flood send DEVICE DESTINATION_MAC SECONDS [FLOWS]   prints how many frames the kernel took; FLOWS (default 1) UDP
//                                                       source ports take turns
//   flood count DEVICE SECONDS                  prints `ready`, then the frames that arrived on the device in the
//                                               SECONDS after the first one, read from the counter of the device
//
// 64 bytes are counted as on the wire: 60 bytes and the check sequence, which a virtual device does not have. The
// frames have the receiver's MAC address and another IP address: it drops them in its IP layer without an answer, which
// costs the same for every switch.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
constexpr size_t kFrameLength = 60;
constexpr unsigned kBurst = 64;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

/// Ethernet, IPv4 10.0.0.1 -> 10.0.0.3, UDP 9 -> 9 (discard), zeros.
std::array<uint8_t, kFrameLength> make_frame(const char* device, const char* destination) {
  std::array<uint8_t, kFrameLength> frame{};
  if (std::sscanf(destination, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &frame[0], &frame[1], &frame[2], &frame[3],
                  &frame[4], &frame[5]) != 6) {
    std::fputs("not a MAC address\n", stderr);
    std::exit(2);
  }
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) != 0) fail(device);
  close(fd);
  std::memcpy(&frame[6], request.ifr_hwaddr.sa_data, ETH_ALEN);
  const uint8_t rest[] = {0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1,
                          10,   0,    0,    3, 0, 9,  0, 9, 0,    26, 0,  0};
  std::memcpy(&frame[12], rest, sizeof rest);
  uint32_t sum = 0;
  for (size_t i = 14; i < 34; i += 2) sum += static_cast<uint32_t>(frame[i] << 8 | frame[i + 1]);
  sum = (sum & 0xffff) + (sum >> 16);
  const uint16_t checksum = static_cast<uint16_t>(~sum);
  frame[24] = static_cast<uint8_t>(checksum >> 8);
  frame[25] = static_cast<uint8_t>(checksum);
  return frame;
}

int send_frames(const char* device, const char* destination, double seconds, size_t flows) {
  std::vector<std::array<uint8_t, kFrameLength>> frames(flows, make_frame(device, destination));
  for (size_t i = 1; i < flows; i++) {
    frames[i][34] = static_cast<uint8_t>((9 + i) >> 8);
    frames[i][35] = static_cast<uint8_t>(9 + i);
  }
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) fail("socket");
  int one = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(device));
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  std::array<iovec, kBurst> vectors{};
  std::array<mmsghdr, kBurst> messages{};
  for (size_t i = 0; i < kBurst; i++) {
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  size_t next = 0;
  uint64_t sent = 0;
  const auto end = clock_type::now() + std::chrono::duration<double>(seconds);
  while (clock_type::now() < end) {
    for (auto& vector : vectors) {
      vector = {frames[next].data(), kFrameLength};
      next = next + 1 == flows ? 0 : next + 1;
    }
    int taken = sendmmsg(fd, messages.data(), kBurst, 0);
    if (taken < 0 && errno != ENOBUFS && errno != EAGAIN) fail("sendmmsg");
    if (taken > 0) sent += static_cast<uint64_t>(taken);
  }
  std::printf("%llu\n", static_cast<unsigned long long>(sent));
  return 0;
}

uint64_t received_packets(const std::string& device) {
  std::ifstream file("/sys/class/net/" + device + "/statistics/rx_packets");
  uint64_t value = 0;
  if (!(file >> value)) fail(device.c_str());
  return value;
}

int count_frames(const char* device, double seconds) {
  using namespace std::chrono_literals;
  const uint64_t before = received_packets(device);
  std::puts("ready");
  std::fflush(stdout);
  const auto give_up = clock_type::now() + 10s;
  // Some frames first, so that caches are filled and addresses learned.
  while (received_packets(device) < before + 1'000) {
    if (clock_type::now() > give_up) {
      std::puts("0");
      return 0;
    }
    std::this_thread::sleep_for(5ms);
  }
  const auto begin = clock_type::now();
  const uint64_t first = received_packets(device);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const uint64_t last = received_packets(device);
  const std::chrono::duration<double> elapsed = clock_type::now() - begin;
  std::printf("%.0f\n", static_cast<double>(last - first) / elapsed.count());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "send" && (argc == 5 || argc == 6)) {
    const int flows = argc == 6 ? std::atoi(argv[5]) : 1;
    if (flows >= 1 && flows < 65'000) return send_frames(argv[2], argv[3], std::atof(argv[4]), static_cast<size_t>(flows));
  }
  if (mode == "count" && argc == 4) return count_frames(argv[2], std::atof(argv[3]));
  std::fputs("usage: flood send DEVICE MAC SECONDS [FLOWS] | count DEVICE SECONDS\n", stderr);
  return 2;
}
