// What: UDP ping-pong with one datagram in flight. Why: the round trip shows what a switch adds when nothing queues.
// Who: bench/latency.ts.
//
//   ping-pong echo PORT                         prints `ready`; answers until it is killed
//   ping-pong ask ADDRESS PORT SECONDS          prints count, p50, p99 and the longest round trip in ns, by spaces
//
// Both block in the kernel: a spinning end would take one of two cores from the switch. A round trip that takes
// longer than 100 ms counts as lost, and the datagram is sent again; the number lost is the fifth number.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
constexpr size_t kPayload = 22;  // a 64-byte frame

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in address_of(const char* host, const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(port)));
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) fail(host);
  return address;
}

int echo(const char* port) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address = address_of("0.0.0.0", port);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  std::puts("ready");
  std::fflush(stdout);
  char buffer[2048];
  for (;;) {
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    ssize_t got = recvfrom(fd, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&peer), &length);
    if (got < 0) fail("recvfrom");
    sendto(fd, buffer, static_cast<size_t>(got), 0, reinterpret_cast<sockaddr*>(&peer), length);
  }
}

int ask(const char* host, const char* port, double seconds) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in address = address_of(host, port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  timeval patience{0, 100'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::vector<int64_t> times;
  times.reserve(1 << 20);
  uint64_t lost = 0;
  uint64_t message[(kPayload + 7) / 8] = {};
  const auto warm = clock_type::now() + std::chrono::milliseconds(200);
  const auto end = warm + std::chrono::duration<double>(seconds);
  for (;;) {
    const auto begin = clock_type::now();
    if (begin > end) break;
    message[0]++;
    if (send(fd, message, kPayload, 0) < 0) fail("send");
    uint64_t answer[sizeof message / 8];
    ssize_t got;
    // An answer to a datagram that was given up is not this one's.
    while ((got = recv(fd, answer, sizeof answer, 0)) > 0 && answer[0] != message[0]) {
    }
    const auto now = clock_type::now();
    if (begin < warm) continue;
    if (got > 0) times.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(now - begin).count());
    else lost++;
  }
  if (times.empty()) {
    std::fputs("no answer\n", stderr);
    return 1;
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return static_cast<long long>(times[std::min(times.size() - 1, static_cast<size_t>(share * static_cast<double>(times.size())))]);
  };
  std::printf("%zu %lld %lld %lld %llu\n", times.size(), at(0.5), at(0.99), static_cast<long long>(times.back()),
              static_cast<unsigned long long>(lost));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "echo" && argc == 3) return echo(argv[2]);
  if (mode == "ask" && argc == 5) return ask(argv[2], argv[3], std::atof(argv[4]));
  std::fputs("usage: ping-pong echo PORT | ask ADDRESS PORT SECONDS\n", stderr);
  return 2;
}
