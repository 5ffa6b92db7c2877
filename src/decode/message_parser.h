// Parses the value or the key of a message into a tree of values. Each format has a parser. The mapped
// decoder sees only the tree, so the mapped decoder does not depend on the format.
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

// The memory that a decoder needs. A decoder keeps this memory for its next messages, so usual messages need
// no allocation. After a giant message, the decoder frees most of the memory. All decoders of a thread can
// share one MappedMemory.
struct MappedMemory {
    void clear() noexcept;

    // The value or the key of a message. A parser of JSON fills `json`, and other parsers fill `tree`.
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
    // needs_schema: the parser does not have the schema of the message yet. The caller of the decoder must
    // add the schema, and then call the decoder for this message again.
    enum class Result : uint8_t { parsed, failed, needs_schema };

    // `expected` is a phrase for error texts. The phrase names what the parser expects: "a JSON value".
    explicit constexpr MessageParser(const char *expected) noexcept : expected_(expected) {}
    virtual ~MessageParser() = default;
    MessageParser(const MessageParser &) = delete;
    MessageParser &operator=(const MessageParser &) = delete;

    // If the result is `parsed`, *tree is valid until the next use of *memory. If the result is `failed`,
    // *error contains the error.
    virtual Result parse(MessagePart part, std::string_view bytes, MappedMemory *memory,
                         const ValueTree **tree, DecodeError *error) noexcept = 0;

    const char *expected() const noexcept { return expected_; }

  private:
    const char *const expected_;
};

// Returns the word for the key or the value of a message in error texts.
inline const char *message_part_name(MessagePart part) noexcept {
    return part == MessagePart::key ? "key" : "payload";
}

// Each function returns a parser without state, so all decoders share the parser. The second parser reads
// JSON in the frame of Confluent.
MessageParser *json_message_parser() noexcept;
MessageParser *framed_json_message_parser() noexcept;

// Makes a parser for the format json or json_schema. May throw std::bad_alloc.
std::unique_ptr<MessageParser> json_message_parser_make(MessageFormat format);

} // namespace heartbeat
