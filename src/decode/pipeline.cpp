// The one place where a message goes to its decoder, the decoder's readings to the rule of classes, and all
// of them to the batch.
#include "decode/pipeline.h"

#include "decode/batch_filler.h"
#include "decode/classify.h"
#include "decode/header_reader.h"

namespace heartbeat {

namespace {

void add_decoded(const Decoded &decoded, BatchFiller *batch) {
    for (size_t i = 0; i < decoded.count; i++)
        batch->add_reading(decoded.readings[i], classify_heart_rate(decoded.readings[i].heart_rate));
    batch->end_message();
}

// A dead letter keeps its headers: the source can have another mapping when it is retried.
void add_failed(MessageView message, int64_t first_offset, const DecodeError &error, BatchFiller *batch) {
    if (message.unread_headers != nullptr)
        message.unread_headers->read(&message);
    if (batch->begin_message(message, first_offset))
        batch->end_dead_letter(error);
}

} // namespace

bool pipeline_take(Decoder *decoder, const MessageView &message, int64_t first_offset,
                   Batch *batch) noexcept {
    Decoded decoded; // not initialised: the decoder sets it, and to zero a kilobyte first would cost time
    DecodeResult result = decoder->decode(message, &decoded);
    if (result == DecodeResult::failed && decoded.error.code == DecodeErrorCode::out_of_memory)
        return false;
    BatchFiller *filler = batch_filler(batch);
    try {
        if (result == DecodeResult::failed)
            add_failed(message, first_offset, decoded.error, filler);
        else if (filler->begin_message(message, first_offset))
            result == DecodeResult::ignored ? filler->end_ignored() : add_decoded(decoded, filler);
        return true;
    } catch (...) {
        filler->abandon_message();
        return false;
    }
}

} // namespace heartbeat
