// The formats of messages. The decoder of a mapping, the functions that check a source, and the functions
// that load schemas use this file.
#pragma once

#include "decode/decode_error.h"

#include <cstdint>
#include <iterator>
#include <string_view>

namespace heartbeat {

enum class MessagePart : uint8_t { value, key };

enum class MessageFormat : uint8_t { json, json_schema, avro, protobuf };

// The names of the formats in heartbeat_sources. The index of a name in this list is the number of the
// MessageFormat.
inline constexpr std::string_view message_format_names[] = {"json", "json-schema", "avro", "protobuf"};

// Returns false if there is no format with this name.
constexpr bool message_format_find(std::string_view name, MessageFormat *format) noexcept {
    for (size_t i = 0; i < std::size(message_format_names); i++) {
        if (name != message_format_names[i])
            continue;
        *format = static_cast<MessageFormat>(i);
        return true;
    }
    return false;
}

// Returns the error code for messages that are not in this format.
constexpr DecodeErrorCode message_format_error(MessageFormat format) noexcept {
    switch (format) {
    case MessageFormat::avro:
        return DecodeErrorCode::invalid_avro;
    case MessageFormat::protobuf:
        return DecodeErrorCode::invalid_protobuf;
    case MessageFormat::json:
    case MessageFormat::json_schema:
        break;
    }
    return DecodeErrorCode::invalid_json;
}

constexpr bool message_format_needs_schema(MessageFormat format) noexcept {
    return format == MessageFormat::avro || format == MessageFormat::protobuf;
}

} // namespace heartbeat
