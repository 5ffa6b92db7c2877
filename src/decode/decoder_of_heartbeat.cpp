// Decodes a payload in heartbeat's own message layout. First the decoder calls the fast function
// decode_plain(). If decode_plain() does not accept the payload, the decoder calls decode_json().
#include "decode/decoder_of_heartbeat.h"

#include "decode/decode_json.h"
#include "decode/decode_plain.h"

namespace heartbeat {

namespace {

class HeartbeatDecoder final : public Decoder {
  public:
    constexpr HeartbeatDecoder() noexcept : Decoder(false) {}

    DecodeResult decode(const MessageView &message, Decoded *decoded) noexcept override {
        return make(message.payload, decoded) ? decoded->take_own() : DecodeResult::failed;
    }

  private:
    static bool make(const MessageBytes &payload, Decoded *decoded) noexcept {
        if (payload.data == nullptr)
            return decode_fail(&decoded->error, DecodeErrorCode::tombstone,
                               "message has no payload; expected a JSON object");
        if (payload.size == 0)
            return decode_fail(&decoded->error, DecodeErrorCode::empty,
                               "payload has no bytes; expected a JSON object");
        const char *const text = static_cast<const char *>(payload.data);
        return decode_plain({text, payload.size}, &decoded->own) ||
               decode_json(text, payload.size, &decoded->own, &decoded->error);
    }
};

constinit HeartbeatDecoder decoder;

} // namespace

Decoder *decoder_of_heartbeat() noexcept {
    return &decoder;
}

} // namespace heartbeat
