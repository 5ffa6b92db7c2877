// Which way a payload is decoded, and what its errors are called.
#include "decode/decode.h"

#include "decode/decode_json.h"
#include "decode/decode_plain.h"

#include <cstdio>

namespace heartbeat {

namespace {

bool fail(DecodeError *error, DecodeErrorCode code, const char *text) noexcept {
    error->code = code;
    std::snprintf(error->text, sizeof(error->text), "%s", text);
    return false;
}

} // namespace

const char *decode_error_name(DecodeErrorCode code) noexcept {
    switch (code) {
    case DecodeErrorCode::none:
        break;
    case DecodeErrorCode::tombstone:
        return "TOMBSTONE";
    case DecodeErrorCode::empty:
        return "EMPTY";
    case DecodeErrorCode::invalid_json:
        return "INVALID_JSON";
    case DecodeErrorCode::number_out_of_range:
        return "NUMBER_OUT_OF_RANGE";
    case DecodeErrorCode::not_an_object:
        return "NOT_AN_OBJECT";
    case DecodeErrorCode::missing_field:
        return "MISSING_FIELD";
    case DecodeErrorCode::wrong_type:
        return "WRONG_TYPE";
    case DecodeErrorCode::customer_id_empty:
        return "CUSTOMER_ID_EMPTY";
    case DecodeErrorCode::customer_id_too_long:
        return "CUSTOMER_ID_TOO_LONG";
    case DecodeErrorCode::invalid_timestamp:
        return "INVALID_TIMESTAMP";
    case DecodeErrorCode::out_of_memory:
        return "OUT_OF_MEMORY";
    }
    return "NONE";
}

bool decode_message(const void *payload, size_t size, Reading *reading, DecodeError *error) noexcept {
    if (payload == nullptr)
        return fail(error, DecodeErrorCode::tombstone, "message has no payload; expected a JSON object");
    if (size == 0)
        return fail(error, DecodeErrorCode::empty, "payload has no bytes; expected a JSON object");
    const char *const text = static_cast<const char *>(payload);
    return decode_plain({text, size}, reading) || decode_json(text, size, reading, error);
}

} // namespace heartbeat
