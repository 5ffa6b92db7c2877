// Memory for the texts that a decoder makes from other values of a message. For example, the mapped decoder
// makes the text of a customer id from an integer, or joins several texts. A text stays at the same address
// until clear().
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace heartbeat {

class TextStore {
  public:
    explicit TextStore(size_t max_bytes) : max_bytes_(max_bytes) {}

    // Returns room for `size` bytes. `size` must be at most block_size. Returns nullptr if no memory is left,
    // or if the store is full. Write the text into the room, and then call take() with the size of the text.
    // Without take(), the next text overwrites this text.
    char *room(size_t size) noexcept;
    void take(size_t size) noexcept { used_ += size; }

    bool full() const { return block_ * block_size >= max_bytes_; }
    void clear() noexcept; // forgets all texts, but keeps the memory that usual messages need

    static constexpr size_t block_size = size_t{64} << 10;

  private:
    static constexpr size_t blocks_kept = 4;

    const size_t max_bytes_;
    std::vector<std::unique_ptr<char[]>> blocks_;
    size_t block_ = 0; // the index of the current block
    size_t used_ = 0;  // the number of used bytes in the current block
};

} // namespace heartbeat
