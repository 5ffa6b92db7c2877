// The only place where a message goes to its decoder. From here the decoder's reading goes to the rule of
// classes, and the message and the reading go to the batch.
#include "decode/pipeline.h"

#include "decode/batch_filler.h"
#include "decode/classify.h"

namespace heartbeat {

bool pipeline_take(const Decoder *decoder, const MessageView &message, int64_t first_offset,
                   Batch *batch) noexcept {
    Decoded decoded; // not initialised: the decoder sets it, and to zero a kilobyte first would cost time
    bool is_reading = decoder->decode(message, &decoded);
    if (!is_reading && decoded.error.code == DecodeErrorCode::out_of_memory)
        return false;
    try {
        if (is_reading)
            batch_filler(batch)->add_reading(message, first_offset, decoded.reading,
                                             classify_heart_rate(decoded.reading.heart_rate));
        else
            batch_filler(batch)->add_dead_letter(message, first_offset, decoded.error);
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace heartbeat
