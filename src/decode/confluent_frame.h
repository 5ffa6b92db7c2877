// The frame of Confluent contains the id of a schema. Producers that use a schema registry write this frame
// before each value. The message parsers remove the frame. The parsers of Avro and Protobuf find the schema
// by the id.
#pragma once

#include "decode/decode_error.h"

#include <cstdint>
#include <string_view>

namespace heartbeat {

struct ConfluentFrame {
    int32_t schema_id; // never negative
    // All bytes after the id. In Protobuf, the body begins with the indexes of the message's type.
    std::string_view body;
};

// `what` is the name of the bytes in errors, such as "payload". If the function returns false, *error
// contains `code` and a text.
bool confluent_frame_read(std::string_view bytes, const char *what, DecodeErrorCode code,
                          ConfluentFrame *frame, DecodeError *error) noexcept;

} // namespace heartbeat
