// Reads numbers, lengths, and the blocks of arrays and maps from the bytes of an Avro message. The class also
// limits the depth and the number of skipped values, and keeps the first fault. The functions that take and
// skip values use this class.
#pragma once

#include "decode/decode_error.h"
#include "decode/mapping_limits.h"

#include <string_view>

namespace heartbeat {

// The fault of a message. `found` and `expected` are constant texts.
struct AvroFault {
    DecodeErrorCode code = DecodeErrorCode::none;
    const char *found = "";
    const char *expected = "";
    size_t offset = 0; // the position of the wrong value
};

struct AvroBlock {
    bool is_last = false;      // true: the block has no elements, so the array or map ends
    uint64_t count = 0;        // the number of elements that are not read yet
    const char *end = nullptr; // the end of the block; nullptr: the message does not contain the block's size
};

class AvroCursor {
  public:
    explicit AvroCursor(std::string_view bytes)
        : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

    const AvroFault &fault() const { return fault_; }
    bool fail_from(size_t offset) noexcept { // `offset`: the position of the wrong value
        fault_.offset = offset;
        return false;
    }
    size_t offset() const { return static_cast<size_t>(at_ - begin_); }
    size_t left() const { return static_cast<size_t>(end_ - at_); }

    // Each function below with a result of type bool returns false after a fault.
    bool fail(const char *found, const char *expected,
              DecodeErrorCode code = DecodeErrorCode::invalid_avro) noexcept;

    bool integer(int64_t *value) noexcept {
        if (at_ == end_)
            return fail_end();
        const auto byte = static_cast<unsigned char>(*at_);
        if (byte >= 0x80)
            return long_integer(value);
        at_++;
        *value = static_cast<int64_t>(byte >> 1U) ^ -static_cast<int64_t>(byte & 1U);
        return true;
    }

    bool skip_integer() noexcept {
        int64_t value;
        return integer(&value);
    }

    bool bytes(size_t size, std::string_view *bytes) noexcept {
        if (size > left())
            return fail_end();
        *bytes = {at_, size};
        at_ += size;
        return true;
    }

    bool skip(size_t size) noexcept {
        if (size > left())
            return fail_end();
        at_ += size;
        return true;
    }

    bool text(std::string_view *text) noexcept; // reads a length, and then this number of bytes
    bool choice(uint32_t count, uint32_t *index) noexcept;

    // Begins the next block of an array or a map.
    bool open_block(AvroBlock *block) noexcept;
    bool close_block(const AvroBlock &block) noexcept; // fails if the block does not end at block.end
    bool skip_block(AvroBlock *block) noexcept;        // block->end must not be nullptr

    // Call enter() at the start of each record, array and map, and leave() at its end.
    bool enter() noexcept { return ++depth_ <= message_depth_max || fail_depth(); }
    void leave() noexcept { depth_--; }

    // Counts a skipped value. Fails after avro_skips_max values, so that no message needs too much time.
    bool spend() noexcept { return ++skips_ <= avro_skips_max || fail_skips(); }

    bool fail_end() noexcept;

  private:
    bool long_integer(int64_t *value) noexcept;
    bool fail_depth() noexcept;
    bool fail_skips() noexcept;

    const char *const begin_;
    const char *at_;
    const char *const end_;
    uint32_t depth_ = 0;
    uint64_t skips_ = 0;
    AvroFault fault_;
};

} // namespace heartbeat
