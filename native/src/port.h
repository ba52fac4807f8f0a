// What: the contract of a kernel port. Why: Io serves taps and packet sockets alike. Who: tap.cc and packet.cc
// implement it, io.cc calls it. Knows nothing of flows. All calls return a count or -errno; EAGAIN is no failure.

#pragma once

#include <cstdint>

#include "frame_batch.h"

namespace tsswitch {

class Port {
 public:
  explicit Port(int fd) : fd_(fd) {}
  virtual ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  int fd() const { return fd_; }

  // Reads at most `max` frames, which is at most kBurst, into rows 0.. of the batch. Returns how many (0: none waiting) or -errno.
  virtual int Receive(const FrameBatch& batch, int max) = 0;

  // Sends the frames of rows[0..count) in order and writes errnos[i] for each: 0 when the kernel took it, else why
  // not. Returns how many were taken.
  virtual int Send(const FrameBatch& batch, const int32_t* rows, int count) = 0;

  // Frames that the kernel threw away since the last call because this port's receive queue was full, where the
  // descriptor tells; the caller asks the device otherwise.
  virtual int64_t TakeKernelDrops() = 0;

  // Whether the device behind the descriptor still exists (possibly in another network namespace).
  virtual bool Alive() const = 0;

 private:
  int fd_;
};

// Opens the tap device `name`, creating it when it does not exist, and lets the kernel hand over frames with the
// given OFFLOAD bits. Returns a Port, or null with *error = errno.
Port* OpenTap(const char* name, int32_t offloads, int* error);

// Opens a packet socket on the device with index `ifindex`. Returns a Port, or null with *error = errno.
Port* OpenPacket(int ifindex, int* error);

}  // namespace tsswitch
