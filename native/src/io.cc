#include "io.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tsswitch {
namespace {

constexpr int kMaxEvents = 64;

// From linux/virtio_net.h, which is not C++.
constexpr uint8_t kVnetNeedsCsum = 1;
constexpr uint8_t kVnetGsoTcp4 = 1;
constexpr uint8_t kVnetGsoTcp6 = 4;
constexpr uint8_t kVnetGsoUdp = 5;  // VIRTIO_NET_HDR_GSO_UDP_L4, Linux 6.2
constexpr uint8_t kVnetGsoEcn = 0x80;

int64_t NowUs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
}

// The OFFLOAD bits of a legacy virtio_net_hdr.
int32_t OffloadBits(const uint8_t* header) {
  const int32_t bits = header[0] & kVnetNeedsCsum ? kOffloadCsum : 0;
  switch (header[1] & ~kVnetGsoEcn) {
    case kVnetGsoTcp4:
      return bits | kOffloadTso4;
    case kVnetGsoTcp6:
      return bits | kOffloadTso6;
    case kVnetGsoUdp:
      return bits | kOffloadUso;
  }
  return bits;
}

}  // namespace

Port::~Port() { close(fd_); }

void FinishReceive(const FrameBatch& batch, int row, size_t length, const uint8_t* tag) {
  uint8_t* header = batch.ReceiveStart(row);
  int32_t offset = static_cast<int32_t>(header - batch.arena + kVnetHdrLength);
  const int32_t offload = OffloadBits(header);
  if (tag != nullptr && length >= kMacAddressesLength) {
    // The vnet header and the MAC addresses move down to make room; csum_start then lies one tag further in.
    memmove(header - kVlanTagLength, header, kVnetHdrLength + kMacAddressesLength);
    memcpy(header - kVlanTagLength + kVnetHdrLength + kMacAddressesLength, tag, kVlanTagLength);
    header -= kVlanTagLength;
    offset -= kVlanTagLength;
    length += kVlanTagLength;
    if (offload != 0) {
      uint16_t words[2];  // hdr_len, then csum_start behind gso_size
      memcpy(&words[0], header + 2, 2);
      memcpy(&words[1], header + 6, 2);
      if (words[0] != 0) words[0] += kVlanTagLength;
      words[1] += kVlanTagLength;
      memcpy(header + 2, &words[0], 2);
      memcpy(header + 6, &words[1], 2);
    }
  }
  batch.offset[row] = offset;
  batch.length[row] = static_cast<int32_t>(length);
  batch.offload[row] = offload;
}

Io::~Io() { Close(); }

int Io::Open() {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  link_fd_ = OpenLinkEvents();
  if (epoll_fd_ < 0 || wake_fd_ < 0 || link_fd_ < 0) return link_fd_ < 0 ? link_fd_ : -errno;
  const int error = Watch(wake_fd_, kReadyWake);
  return error != 0 ? error : Watch(link_fd_, kReadyLinks);
}

void Io::Close() {
  ports_.clear();
  for (int* fd : {&epoll_fd_, &wake_fd_, &link_fd_}) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }
}

int Io::Watch(int fd, int32_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = tag;
  return epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int Io::Add(Port* port, int error) {
  if (port == nullptr) return -error;
  std::unique_ptr<Port> owned(port);
  size_t id = 0;
  while (id < ports_.size() && ports_[id] != nullptr) ++id;
  const int watched = Watch(owned->fd(), static_cast<int32_t>(id));
  if (watched != 0) return watched;
  if (id == ports_.size()) ports_.emplace_back();
  ports_[id] = std::move(owned);
  return static_cast<int>(id);
}

int Io::AddTap(const char* name, int32_t offloads) {
  int error = 0;
  Port* port = OpenTap(name, offloads, &error);
  return Add(port, error);
}

int Io::AddPacket(int ifindex) {
  int error = 0;
  Port* port = OpenPacket(ifindex, &error);
  return Add(port, error);
}

Port* Io::Get(int id) const {
  return id >= 0 && static_cast<size_t>(id) < ports_.size() ? ports_[id].get() : nullptr;
}

void Io::Remove(int id) {
  if (Get(id) != nullptr) ports_[id].reset();
}

int Io::Wait(int timeout_ms, int spin_us, int32_t* ready, int capacity) {
  epoll_event events[kMaxEvents];
  const int most = capacity < kMaxEvents ? capacity : kMaxEvents;
  int n = epoll_wait(epoll_fd_, events, most, 0);
  if (n == 0 && timeout_ms != 0) {
    if (spin_us > 0) {
      const int64_t end = NowUs() + spin_us;
      do n = epoll_wait(epoll_fd_, events, most, 0);
      while (n == 0 && NowUs() < end);
    }
    if (n == 0) n = epoll_wait(epoll_fd_, events, most, timeout_ms);
  }
  if (n < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < n; ++i) {
    ready[i] = events[i].data.fd;
    if (ready[i] == kReadyWake) {
      uint64_t count;
      if (read(wake_fd_, &count, sizeof count) < 0) continue;
    }
  }
  return n;
}

int Io::Receive(int id, int max) {
  Port* port = Get(id);
  if (port == nullptr) return -EBADF;
  return port->Receive(batch_, max);
}

int Io::Send(int id, const int32_t* rows, int count) {
  Port* port = Get(id);
  if (port == nullptr) return -EBADF;
  return port->Send(batch_, rows, count);
}

int Wake(int wake_fd) {
  const uint64_t one = 1;
  return write(wake_fd, &one, sizeof one) == sizeof one ? 0 : -errno;
}

}  // namespace tsswitch
