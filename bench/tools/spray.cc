// What: sends TCP frames whose addresses and ports are random, at a steady rate. Why: a trickle of them is what drives
// a tuple-space cache apart (Csikor et al., "Tuple Space Explosion", CoNEXT 2019). Who: bench/explosion.ts.
//
//   spray DEVICE FRAMES_PER_SECOND SECONDS   prints `ready`, at the end how many frames the kernel took
//
// Checksums are not made good: switches do not look at them, and no host is to answer.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

namespace {

using clock_type = std::chrono::steady_clock;
constexpr size_t kFrameLength = 60;
/// Frames sent between two looks at the clock.
constexpr int kBurst = 10;

/// Ethernet 02:00:00:00:00:03 -> 02:00:00:00:00:02, IPv4, TCP; addresses and ports are filled in per frame.
std::array<uint8_t, kFrameLength> make_frame() {
  const uint8_t start[] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, 0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 6, 0, 0};
  std::array<uint8_t, kFrameLength> frame{};
  std::memcpy(frame.data(), start, sizeof start);
  frame[46] = 0x50;  // header of five words
  frame[47] = 0x10;  // ACK
  return frame;
}

int spray(const char* device, double per_second, double seconds) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(device));
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror(device);
    return 1;
  }
  auto frame = make_frame();
  std::mt19937 random(1);
  uint64_t sent = 0;
  std::puts("ready");
  std::fflush(stdout);
  const auto begin = clock_type::now();
  const auto end = begin + std::chrono::duration<double>(seconds);
  for (uint64_t due = 0; clock_type::now() < end; due += kBurst) {
    std::this_thread::sleep_until(begin + std::chrono::duration<double>(static_cast<double>(due) / per_second));
    for (int i = 0; i < kBurst; i++) {
      for (size_t at = 26; at < 38; at += 4) {
        const uint32_t word = random();
        std::memcpy(&frame[at], &word, sizeof word);
      }
      if (send(fd, frame.data(), frame.size(), 0) > 0) sent++;
    }
  }
  std::printf("%llu\n", static_cast<unsigned long long>(sent));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4) return spray(argv[1], std::atof(argv[2]), std::atof(argv[3]));
  std::fputs("usage: spray DEVICE FRAMES_PER_SECOND SECONDS\n", stderr);
  return 2;
}
