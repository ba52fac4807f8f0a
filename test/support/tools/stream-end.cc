// What: an end of a TCP or UDP transfer: what comes on stdin goes over the wire, and stdout of the other end gives it
// back. Why: the caller hashes both sides, so each byte is checked end to end. Who: traffic.ts.
//
//   stream-end tcp-sink PORT             one connection, then ends
//   stream-end tcp-source ADDRESS PORT
//   stream-end udp-sink PORT             ends with the empty datagram that closes a transfer
//   stream-end udp-source ADDRESS PORT SIZE SEGMENT
//       datagrams of SIZE bytes; SEGMENT > 0: SIZE-byte super-datagrams that the kernel cuts into SEGMENT bytes
//       (udp(7), UDP_SEGMENT). Each datagram starts with its number, 4 bytes little endian. The source never has
//       more than kWindow datagrams on the way: UDP has no flow control, so without that the sink's socket would
//       overflow, and a loss would say nothing about the path. A loss ends the source with code 3.
//
// A sink prints `ready` on stderr when it listens.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr uint32_t kWindow = 64;
constexpr int kAckPatienceMs = 2'000;
constexpr size_t kNumberLength = 4;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

/// An IPv4 or IPv6 address, the former in its IPv6 form, so that one kind of socket serves both.
sockaddr_in6 address_of(const char* host, const char* port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<uint16_t>(std::atoi(port)));
  const std::string text = std::strchr(host, ':') != nullptr ? host : std::string("::ffff:") + host;
  if (inet_pton(AF_INET6, text.c_str(), &address.sin6_addr) != 1) fail(host);
  return address;
}

int open_socket(int type) {
  int fd = socket(AF_INET6, type, 0);
  int off = 0;
  if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) fail("socket");
  return fd;
}

int bound_socket(int type, const char* port) {
  int fd = open_socket(type);
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  int size = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  sockaddr_in6 address = address_of("::", port);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  return fd;
}

int connected_socket(int type, const char* host, const char* port) {
  int fd = open_socket(type);
  sockaddr_in6 address = address_of(host, port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  return fd;
}

void write_all(int fd, const uint8_t* bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t written = write(fd, bytes + done, length - done);
    if (written < 0) fail("write");
    done += static_cast<size_t>(written);
  }
}

/// Reads until `length` bytes are there or the input ends.
size_t read_full(int fd, uint8_t* bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    ssize_t got = read(fd, bytes + done, length - done);
    if (got < 0) fail("read");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

void copy(int from, int to) {
  std::vector<uint8_t> buffer(1 << 20);
  for (;;) {
    ssize_t got = read(from, buffer.data(), buffer.size());
    if (got < 0) fail("read");
    if (got == 0) return;
    write_all(to, buffer.data(), static_cast<size_t>(got));
  }
}

int tcp_sink(const char* port) {
  int listener = bound_socket(SOCK_STREAM, port);
  if (listen(listener, 1) != 0) fail("listen");
  std::fputs("ready\n", stderr);
  int fd = accept(listener, nullptr, nullptr);
  if (fd < 0) fail("accept");
  copy(fd, STDOUT_FILENO);
  return 0;
}

int tcp_source(const char* host, const char* port) {
  int fd = connected_socket(SOCK_STREAM, host, port);
  copy(STDIN_FILENO, fd);
  // Ends when the sink has read all and closed: a reset before that is a failure.
  shutdown(fd, SHUT_WR);
  uint8_t byte;
  if (read(fd, &byte, 1) != 0) fail("close");
  return 0;
}

int udp_sink(const char* port) {
  int fd = bound_socket(SOCK_DGRAM, port);
  std::fputs("ready\n", stderr);
  std::vector<uint8_t> datagram(65'536);
  for (uint32_t received = 0;;) {
    sockaddr_in6 peer{};
    socklen_t length = sizeof peer;
    ssize_t got = recvfrom(fd, datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&peer), &length);
    if (got < 0) fail("recvfrom");
    if (got == 0) return 0;
    if (static_cast<size_t>(got) < kNumberLength) continue;
    uint32_t number;
    std::memcpy(&number, datagram.data(), kNumberLength);
    // In order or not at all: the next ack tells the source where a gap is.
    if (number == received) {
      received++;
      write_all(STDOUT_FILENO, datagram.data() + kNumberLength, static_cast<size_t>(got) - kNumberLength);
    }
    sendto(fd, &received, sizeof received, 0, reinterpret_cast<sockaddr*>(&peer), length);
  }
}

/// Takes acks until at most `allowed` of the `sent` datagrams are on the way. False when they do not come.
bool wait_for_acks(int fd, uint32_t sent, uint32_t& acked, uint32_t allowed) {
  while (sent - acked > allowed) {
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, kAckPatienceMs) <= 0) return false;
    uint32_t number;
    if (recv(fd, &number, sizeof number, 0) == sizeof number) acked = std::max(acked, number);
  }
  return true;
}

int udp_source(const char* host, const char* port, size_t size, size_t segment) {
  int fd = connected_socket(SOCK_DGRAM, host, port);
  int gso_size = static_cast<int>(segment);
  if (segment > 0 && setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &gso_size, sizeof gso_size) != 0) fail("UDP_SEGMENT");
  const size_t datagram = segment > 0 ? segment : size;
  if (datagram <= kNumberLength) {
    std::fputs("a datagram must be longer than its number\n", stderr);
    return 2;
  }
  const size_t per_call = std::max<size_t>(size / datagram, 1);
  std::vector<uint8_t> message(per_call * datagram);
  uint32_t sent = 0;
  uint32_t acked = 0;
  for (bool more = true; more;) {
    size_t length = 0;
    uint32_t first = sent;
    while (length + datagram <= message.size() && more) {
      size_t got = read_full(STDIN_FILENO, message.data() + length + kNumberLength, datagram - kNumberLength);
      more = got == datagram - kNumberLength;
      if (got == 0) break;
      std::memcpy(message.data() + length, &sent, kNumberLength);
      length += kNumberLength + got;
      sent++;
    }
    if (length == 0) break;
    if (send(fd, message.data(), length, 0) < 0) fail("send");
    if (!wait_for_acks(fd, sent, acked, kWindow - std::min<uint32_t>(kWindow, sent - first))) {
      std::fprintf(stderr, "datagram %u did not arrive\n", acked);
      return 3;
    }
  }
  if (!wait_for_acks(fd, sent, acked, 0)) {
    std::fprintf(stderr, "datagram %u did not arrive\n", acked);
    return 3;
  }
  int off = 0;
  setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &off, sizeof off);
  if (send(fd, nullptr, 0, 0) < 0) fail("send");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "tcp-sink" && argc == 3) return tcp_sink(argv[2]);
  if (mode == "tcp-source" && argc == 4) return tcp_source(argv[2], argv[3]);
  if (mode == "udp-sink" && argc == 3) return udp_sink(argv[2]);
  if (mode == "udp-source" && argc == 6) {
    return udp_source(argv[2], argv[3], std::strtoul(argv[4], nullptr, 10), std::strtoul(argv[5], nullptr, 10));
  }
  std::fputs("usage: see the head of stream-end.cc\n", stderr);
  return 2;
}
