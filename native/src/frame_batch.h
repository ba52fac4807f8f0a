// What: the addon's view of a FrameBatch (src/datapath/port/batch.ts): one arena of bytes and one row of numbers per
// frame. Why: a burst crosses between JavaScript and C++ as memory that both see, without copies or objects.
// The constants below are the same as in batch.ts, which draws the layout; the contract suite compares them.

#pragma once

#include <cstddef>
#include <cstdint>

namespace tsswitch {

inline constexpr size_t kVnetHdrLength = 10;
inline constexpr size_t kHeadroom = 74;
inline constexpr size_t kMaxFrameLength = 65535 + 14 + 8;
inline constexpr size_t kSlotLength = 66048;
inline constexpr int kBurst = 64;
inline constexpr size_t kMacAddressesLength = 12;
inline constexpr size_t kVlanTagLength = 4;

inline constexpr int32_t kOffloadCsum = 1;
inline constexpr int32_t kOffloadTso4 = 2;
inline constexpr int32_t kOffloadTso6 = 4;
inline constexpr int32_t kOffloadUso = 8;

struct FrameBatch {
  uint8_t* arena;
  // Columns, one entry per row. The first kBurst rows own a slot each in the arena.
  int32_t* offset;
  int32_t* length;
  int32_t* offload;
  // Out of Send: for each frame of the call 0, or the errno with which the kernel refused it.
  int32_t* errnos;

  // Where the vnet header of a frame received into row `row` begins.
  uint8_t* ReceiveStart(int row) const {
    return arena + static_cast<size_t>(row) * kSlotLength + kHeadroom - kVnetHdrLength;
  }
  // Where the vnet header of the frame of row `row` stands.
  uint8_t* VnetHdr(int row) const { return arena + offset[row] - kVnetHdrLength; }
};

// Puts the frame that was read into the slot of `row` into the columns. `length` counts the frame without its vnet
// header; `tag` is an 802.1Q tag in network order to put back behind the MAC addresses, or null.
void FinishReceive(const FrameBatch& batch, int row, size_t length, const uint8_t* tag);

}  // namespace tsswitch
