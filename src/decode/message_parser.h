// Parses the value or the key of a message into a tree of values. There is a parser for each format. The
// mapped decoder calls it, and does not depend on the format.
#pragma once

#include "decode/decode_error.h"
#include "decode/json_tree.h"
#include "decode/mapping_limits.h"
#include "decode/message_format.h"
#include "decode/reading_view.h"
#include "decode/schema_reader.h"
#include "decode/text_store.h"

#include <memory>
#include <string_view>
#include <vector>

namespace heartbeat {

// The memory that a decoder needs. A decoder keeps it from message to message, so that usual messages need no
// allocation. All decoders of a thread can share one MappedMemory. Memory that a giant message needed is
// freed before the next message is decoded.
struct MappedMemory {
    void clear() noexcept;

    // Of the value and of the key: a parser of JSON fills `json`, and other parsers fill `tree`.
    struct Part {
        JsonTree json;
        ValueTree tree;
        ReaderMemory reader;
    };
    Part value, key;
    TextStore made{message_made_bytes_max};
    std::vector<ReadingView> readings;
};

class MessageParser {
  public:
    // needs_schema: the parser does not know the schema of the message yet. The caller of the decoder can add
    // the schema, and decode the message again.
    enum class Result : uint8_t { parsed, failed, needs_schema };

    // `expected` is a phrase for error texts that describes a value of this format.
    explicit constexpr MessageParser(const char *expected) noexcept : expected_(expected) {}
    virtual ~MessageParser() = default;
    MessageParser(const MessageParser &) = delete;
    MessageParser &operator=(const MessageParser &) = delete;

    // If the result is `parsed`, *tree is valid until the memory is used again. If the result is `failed`,
    // *error is filled in.
    virtual Result parse(MessagePart part, std::string_view bytes, MappedMemory *memory,
                         const ValueTree **tree, DecodeError *error) noexcept = 0;

    const char *expected() const noexcept { return expected_; }

  private:
    const char *const expected_;
};

// The name of a part in error texts.
inline const char *message_part_name(MessagePart part) noexcept {
    return part == MessagePart::key ? "key" : "payload";
}

// These two parsers have no state, so all decoders share them. The second parser reads JSON in the frame of
// Confluent.
MessageParser *json_message_parser() noexcept;
MessageParser *framed_json_message_parser() noexcept;

// Makes a parser of json or json_schema. May throw std::bad_alloc.
std::unique_ptr<MessageParser> json_message_parser_make(MessageFormat format);

} // namespace heartbeat
