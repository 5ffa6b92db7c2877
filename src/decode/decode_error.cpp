// The names of the error codes in heartbeat_dead_letters. Databases store these names, so a name must never
// change.
#include "decode/decode_error.h"

#include <cstdarg>
#include <cstdio>

namespace heartbeat {

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
    case DecodeErrorCode::invalid_avro:
        return "INVALID_AVRO";
    case DecodeErrorCode::invalid_protobuf:
        return "INVALID_PROTOBUF";
    case DecodeErrorCode::unknown_schema:
        return "UNKNOWN_SCHEMA";
    case DecodeErrorCode::out_of_memory:
        return "OUT_OF_MEMORY";
    }
    return "NONE";
}

bool decode_fail(DecodeError *error, DecodeErrorCode code, const char *format, ...) noexcept {
    va_list values;
    va_start(values, format);
    error->code = code;
    std::vsnprintf(error->text, sizeof(error->text), format, values);
    va_end(values);
    return false;
}

} // namespace heartbeat
