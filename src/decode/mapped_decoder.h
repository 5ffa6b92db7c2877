// Decodes messages of any layout with a mapping. The result for a message is a list of readings, `ignored`,
// one error, or `needs_schema`.
#pragma once

#include "decode/decoder.h"
#include "decode/mapped_fields.h"
#include "decode/message_parser.h"

#include <vector>

namespace heartbeat {

// Only one thread at a time may call a decoder. The mapping and the parser must live as long as the decoder.
class MappedDecoder {
  public:
    // If `memory` is nullptr, the caller must call use() before decode(). May throw std::bad_alloc.
    MappedDecoder(const Mapping &mapping, MappedMemory *memory,
                  MessageParser *parser = json_message_parser());
    MappedDecoder(const MappedDecoder &) = delete;
    MappedDecoder &operator=(const MappedDecoder &) = delete;

    void use(MappedMemory *memory) noexcept { memory_ = memory; } // the memory for the next messages

    // `decoded`: readings() has all readings of the message; the list can be empty. `ignored`: the conditions
    // of the mapping exclude the message, or all elements of the message. `failed`: *error contains the
    // problem and its place, but never content of the message. `needs_schema`: the parser does not have the
    // schema of the message yet.
    DecodeResult decode(const MessageView &message, DecodeError *error) noexcept;

    // The readings are valid until the caller frees the message, or until a decoder decodes another message
    // with the same memory.
    const std::vector<ReadingView> &readings() const { return memory_->readings; }

  private:
    // The result for a list. `ignored`: the list has elements, but the conditions exclude all of them.
    enum class ListResult : uint8_t { taken, ignored, failed };

    void begin(const MessageView &message) noexcept;
    DecodeResult decode_begun(const MessageView &message) noexcept;
    DecodeResult decode_parsed();
    bool parse_value(const MessageView &message);
    bool parse_key();
    bool parse(MessagePart part, const MessageBytes &bytes, const ValueTree **tree);
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
    MessageParser *const parser_;
    MappedMemory *memory_;
    DecodeError *error_ = nullptr;
    const MessageView *view_ = nullptr;
    const ValueTree *value_ = nullptr; // nullptr: not parsed
    const ValueTree *key_ = nullptr;
    bool needs_schema_ = false;
    ZoneSpan span_;
    // The decoder reads a value only once if the value is the same for many elements. The members of `known_`
    // show which values are already in `current_`, `base_time_` and `addition_`.
    ReadingView current_{};
    int64_t base_time_ = 0, addition_ = 0;
    struct Known {
        bool customer_id, device_id, heart_rate, base_time, addition;
    } known_{};
};

} // namespace heartbeat
