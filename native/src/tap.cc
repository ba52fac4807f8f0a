// What: a port on a tap device (/dev/net/tun). Why: taps join virtual machines, VPNs and the host itself (internal
// ports). With IFF_VNET_HDR each frame carries a virtio_net_hdr, so a 64 KiB TCP super-frame passes in one read.
// The kernel has no burst call for taps: one read or write a frame.

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "port.h"

// Newer than the headers of some distributions (Linux 6.2).
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace tsswitch {
namespace {

class TapPort final : public Port {
 public:
  using Port::Port;

  // A persistent tap outlives us: its next owner must not be handed super-frames that it did not ask for.
  ~TapPort() override { ioctl(fd(), TUNSETOFFLOAD, 0); }

  int Receive(const FrameBatch& batch, int max) override {
    int row = 0;
    for (; row < max; ++row) {
      const ssize_t n = read(fd(), batch.ReceiveStart(row), kVnetHdrLength + kMaxFrameLength);
      if (n < 0) {
        if (row == 0 && errno != EAGAIN) return -errno;
        break;
      }
      const size_t read_bytes = n;
      const size_t length = read_bytes < kVnetHdrLength ? 0 : read_bytes - kVnetHdrLength;
      FinishReceive(batch, row, length, nullptr);
    }
    return row;
  }

  int Send(const FrameBatch& batch, const int32_t* rows, int count) override {
    int sent = 0;
    for (int i = 0; i < count; ++i) {
      const int32_t row = rows[i];
      const ssize_t n = write(fd(), batch.VnetHdr(row), kVnetHdrLength + batch.length[row]);
      batch.errnos[i] = n < 0 ? errno : 0;
      if (n >= 0) ++sent;
    }
    return sent;
  }

  int64_t TakeKernelDrops() override { return 0; }

  bool Alive() const override {
    ifreq request{};
    return ioctl(fd(), TUNGETIFF, &request) == 0;
  }
};

int SetInterface(int fd, const char* name) {
  ifreq request{};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (ioctl(fd, TUNSETIFF, &request) == 0) return 0;
  if (errno != EINVAL) return errno;
  // An existing tap that was made with multi_queue is only attached with that flag.
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  if (ioctl(fd, TUNSETIFF, &request) == 0) return 0;
  return errno;
}

// Asks the kernel for the wanted offloads, giving up USO where it does not know it (before Linux 6.2).
void SetOffloads(int fd, int32_t wanted) {
  for (const int32_t bits : {wanted, wanted & ~kOffloadUso, 0}) {
    unsigned int flags = 0;
    if (bits & kOffloadCsum) flags |= TUN_F_CSUM;
    if (bits & kOffloadTso4) flags |= TUN_F_TSO4 | TUN_F_TSO_ECN;
    if (bits & kOffloadTso6) flags |= TUN_F_TSO6 | TUN_F_TSO_ECN;
    if (bits & kOffloadUso) flags |= TUN_F_USO4 | TUN_F_USO6;
    if (ioctl(fd, TUNSETOFFLOAD, flags) == 0) return;
  }
}

}  // namespace

Port* OpenTap(const char* name, int32_t offloads, int* error) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    *error = errno;
    return nullptr;
  }
  *error = SetInterface(fd, name);
  if (*error != 0) {
    close(fd);
    return nullptr;
  }
  int header = kVnetHdrLength;
  ioctl(fd, TUNSETVNETHDRSZ, &header);
  SetOffloads(fd, offloads);
  return new TapPort(fd);
}

}  // namespace tsswitch
