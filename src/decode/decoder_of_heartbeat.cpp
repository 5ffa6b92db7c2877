// Chooses how to decode a payload in heartbeat's own message layout: first with the fast path decode_plain(),
// and with the JSON parser if decode_plain() does not accept the payload.
#include "decode/decoder_of_heartbeat.h"

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

class HeartbeatDecoder final : public Decoder {
  public:
    bool decode(const MessageView &message, Decoded *decoded) const noexcept override {
        const auto [data, size] = message.payload;
        if (data == nullptr)
            return fail(&decoded->error, DecodeErrorCode::tombstone,
                        "message has no payload; expected a JSON object");
        if (size == 0)
            return fail(&decoded->error, DecodeErrorCode::empty,
                        "payload has no bytes; expected a JSON object");
        const char *const text = static_cast<const char *>(data);
        return decode_plain({text, size}, &decoded->reading) ||
               decode_json(text, size, &decoded->reading, &decoded->error);
    }
};

constexpr HeartbeatDecoder decoder;

} // namespace

const Decoder *decoder_of_heartbeat() noexcept {
    return &decoder;
}

} // namespace heartbeat
