// What: all kernel ports of one datapath worker: the arena, one epoll set with a wake-up eventfd and the link
// events, and the ports by number. Why: the worker blocks in one place for everything. Who: addon.cc wraps it.
// Used by one thread only; Wake() alone may be called from others.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "frame_batch.h"
#include "link.h"
#include "port.h"

namespace tsswitch {

// What Wait() reports beside port numbers.
inline constexpr int32_t kReadyWake = -1;
inline constexpr int32_t kReadyLinks = -2;

class Io {
 public:
  // Takes over nothing: the arena and the columns belong to the caller and outlive the Io.
  explicit Io(const FrameBatch& batch) : batch_(batch) {}
  ~Io();
  Io(const Io&) = delete;
  Io& operator=(const Io&) = delete;

  // Makes the descriptors. Returns 0 or -errno.
  int Open();
  void Close();

  int wake_fd() const { return wake_fd_; }

  // Take the port over and watch it. Return its number or -errno.
  int AddTap(const char* name, int32_t offloads);
  int AddPacket(int ifindex);
  void Remove(int id);
  Port* Get(int id) const;

  // Waits until something is ready: first asking again and again for `spin_us` microseconds, then asleep for at
  // most `timeout_ms` (-1: no limit). Fills `ready` with port numbers, kReadyWake and kReadyLinks; returns how
  // many, 0 on time-out, or -errno.
  int Wait(int timeout_ms, int spin_us, int32_t* ready, int capacity);

  int Receive(int id, int max);
  int Send(int id, const int32_t* rows, int count);
  int ReadLinks(std::vector<Link>* links) { return ReadLinkEvents(link_fd_, links); }

 private:
  int Add(Port* port, int error);
  int Watch(int fd, int32_t tag);

  FrameBatch batch_;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  int link_fd_ = -1;
  std::vector<std::unique_ptr<Port>> ports_;
};

// Ends a Wait() that sleeps in another thread. Returns 0 or -errno.
int Wake(int wake_fd);

}  // namespace tsswitch
