// Decodes JSON messages of any layout with a mapping. A message becomes readings, is ignored, or becomes one
// error.
#pragma once

#include "decode/decoder.h"
#include "decode/mapped_fields.h"
#include "decode/mapping_limits.h"

#include <vector>

namespace heartbeat {

// The memory that a decoder needs. It is kept from message to message, so that usual messages need no
// allocation. All decoders of a thread can share one MappedMemory. Memory that a giant message needed is
// freed before the next message is decoded.
struct MappedMemory {
    void clear() noexcept;

    JsonTree value, key;
    TextStore made{message_made_bytes_max};
    std::vector<ReadingView> readings;
};

// One thread at a time may call a decoder. The mapping must live as long as the decoder.
class MappedDecoder {
  public:
    // `memory` may be nullptr if the caller calls use() before decode(). May throw std::bad_alloc.
    MappedDecoder(const Mapping &mapping, MappedMemory *memory);
    MappedDecoder(const MappedDecoder &) = delete;
    MappedDecoder &operator=(const MappedDecoder &) = delete;

    void use(MappedMemory *memory) noexcept { memory_ = memory; } // for the next messages

    // If the result is `decoded`, readings() has all readings of the message, and may be empty. If the result
    // is `ignored`, the conditions of the mapping exclude the message, or all of its elements. If the result
    // is `failed`, *error has the problem and its place, and never has content of the message.
    DecodeResult decode(const MessageView &message, DecodeError *error) noexcept;

    // The readings are valid until another message is decoded with the same memory, and only while the bytes
    // of the message exist.
    const std::vector<ReadingView> &readings() const { return memory_->readings; }

  private:
    // The result for a list. `ignored`: the list has elements, and the conditions exclude all of them.
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
    // If a value is the same for many elements, the decoder reads it only once. If a member of `known_` is
    // true, the value is in `current_`, `base_time_` or `addition_`.
    ReadingView current_{};
    int64_t base_time_ = 0, addition_ = 0;
    struct Known {
        bool customer_id, device_id, heart_rate, base_time, addition;
    } known_{};
};

} // namespace heartbeat
