// The errors of decoders. An error has a code and a text for a person. The decoders set the code and the
// text, and the batch keeps both. src/store and the retry of dead letters read the code and the text.
#pragma once

#include <cstdint>

namespace heartbeat {

enum class DecodeErrorCode : uint8_t {
    none,
    tombstone, // the message has no payload at all
    empty,     // a payload of zero bytes
    // bytes that are not JSON in UTF-8, or JSON with \u0000, a lone surrogate, too deep nesting, trailing
    // bytes or a repeated key
    invalid_json,
    number_out_of_range, // for example, an integer that does not fit into 64 bits
    not_an_object,
    missing_field,
    wrong_type,
    customer_id_empty,
    customer_id_too_long,
    invalid_timestamp,
    invalid_avro,     // the bytes do not fit the schema, or the frame of Confluent is missing or wrong
    invalid_protobuf, // the bytes do not fit the schema, or the frame of Confluent is missing or wrong
    unknown_schema,   // the schema registry answered that it has no schema with the id of the message
    out_of_memory,    // the message is possibly valid, so the caller must decode the message again
};

// The codes that a dead letter can get from a decoder. out_of_memory is missing, because a message with this
// code does not become a dead letter.
constexpr DecodeErrorCode stored_decode_errors[] = {DecodeErrorCode::tombstone,
                                                    DecodeErrorCode::empty,
                                                    DecodeErrorCode::invalid_json,
                                                    DecodeErrorCode::number_out_of_range,
                                                    DecodeErrorCode::not_an_object,
                                                    DecodeErrorCode::missing_field,
                                                    DecodeErrorCode::wrong_type,
                                                    DecodeErrorCode::customer_id_empty,
                                                    DecodeErrorCode::customer_id_too_long,
                                                    DecodeErrorCode::invalid_timestamp,
                                                    DecodeErrorCode::invalid_avro,
                                                    DecodeErrorCode::invalid_protobuf,
                                                    DecodeErrorCode::unknown_schema};

struct DecodeError {
    DecodeErrorCode code;
    // a text for a person, in UTF-8 with a terminator. The text names the place and the type of the wrong
    // value, and the value that the decoder expects there. The text never contains the wrong value itself
    char text[256];
};

// Returns the code in the form that heartbeat_dead_letters shows, such as "INVALID_JSON".
const char *decode_error_name(DecodeErrorCode code) noexcept;

// Fills in the error, and returns false. `format` and the other arguments have the same meaning as for
// printf().
bool decode_fail(DecodeError *error, DecodeErrorCode code, const char *format, ...) noexcept
    __attribute__((format(printf, 3, 4)));

} // namespace heartbeat
