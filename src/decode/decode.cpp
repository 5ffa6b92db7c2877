// Chooses how to decode a payload: first with the fast path decode_plain(), and with the JSON parser if
// decode_plain() does not accept the payload.
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

bool decode_message(const void *payload, size_t size, Reading *reading, DecodeError *error) noexcept {
    if (payload == nullptr)
        return fail(error, DecodeErrorCode::tombstone, "message has no payload; expected a JSON object");
    if (size == 0)
        return fail(error, DecodeErrorCode::empty, "payload has no bytes; expected a JSON object");
    const char *const text = static_cast<const char *>(payload);
    return decode_plain({text, size}, reading) || decode_json(text, size, reading, error);
}

} // namespace heartbeat
