// Decodes JSON messages of any layout under a mapping: each message becomes its readings, is ignored, or
// becomes one error.
#pragma once

#include "decode/decoder.h"
#include "decode/mapped_fields.h"
#include "decode/mapping_limits.h"

#include <vector>

namespace heartbeat {

// What decoding needs, kept from message to message, so that usual messages need no allocation. All decoders
// of a thread can share one memory. The memory of giant messages is freed with the next message.
struct MappedMemory {
    void clear() noexcept;

    JsonTree value, key;
    TextStore made{message_made_bytes_max};
    std::vector<ReadingView> readings;
};

// One thread at a time may call a decoder. The mapping must live as long as the decoder.
class MappedDecoder {
  public:
    // The memory may be nullptr if use() gives it later. May throw std::bad_alloc.
    MappedDecoder(const Mapping &mapping, MappedMemory *memory);
    MappedDecoder(const MappedDecoder &) = delete;
    MappedDecoder &operator=(const MappedDecoder &) = delete;

    void use(MappedMemory *memory) noexcept { memory_ = memory; } // for the next messages

    // decoded: readings() has all readings of the message, and may be empty. ignored: a condition of the
    // mapping does not hold for the message, or for any of its elements. failed: *error says what is wrong
    // and where; the text never has content of the message.
    DecodeResult decode(const MessageView &message, DecodeError *error) noexcept;

    // Valid until the next message that is decoded with the same memory, and only as long as the message.
    const std::vector<ReadingView> &readings() const { return memory_->readings; }

  private:
    // What became of a list: it has elements, and all of them are ignored; or not.
    enum class ListResult : uint8_t { taken, ignored, failed };

    void begin(const MessageView &message) noexcept;
    DecodeResult decode_parsed();
    bool parse_value(const MessageView &message);
    bool parse_key();
    bool test(const std::vector<Condition> &conditions, bool *holds);
    ListResult take_list(size_t list, uint32_t index);
    ListResult take_child(size_t list);
    bool find_list(size_t list, uint32_t *index);
    bool take_reading();
    bool take_time();
    void forget_outer() noexcept;
    bool fail_readings();

    const Mapping &mapping_;
    MappedMessage message_;
    MappedMemory *memory_;
    DecodeError *error_ = nullptr;
    const MessageView *view_ = nullptr;
    bool key_is_parsed_ = false;
    ZoneSpan span_;
    // Values that are the same for many elements are read once: current_ has them if known_ says so.
    ReadingView current_{};
    int64_t base_time_ = 0, addition_ = 0;
    struct Known {
        bool customer_id, device_id, heart_rate, base_time, addition;
    } known_{};
};

} // namespace heartbeat
