// Decodes a message with its decoder, classifies each reading, and adds the message with its readings to the
// batch. Every message goes through this file.
#include "decode/pipeline.h"

#include "decode/batch_filler.h"
#include "decode/classify.h"
#include "decode/header_reader.h"

namespace heartbeat {

namespace {

// The batch keeps all headers of a message, even headers that the mapping does not read. If the database
// refuses the message, or if a reading is in conflict, the message gets a row in heartbeat_dead_letters.
// Before a person retries this row, the source can get a mapping that reads other headers.
MessageView with_headers(MessageView message) {
    if (message.unread_headers != nullptr)
        message.unread_headers->read(&message);
    return message;
}

void add_decoded(const MessageView &message, int64_t first_offset, const Decoded &decoded,
                 BatchFiller *batch) {
    if (!batch->begin_message(with_headers(message), first_offset))
        return;
    for (size_t i = 0; i < decoded.count; i++)
        batch->add_reading(decoded.readings[i], classify_heart_rate(decoded.readings[i].heart_rate));
    batch->end_message();
}

void add_ignored(const MessageView &message, int64_t first_offset, BatchFiller *batch) {
    if (batch->begin_message(message, first_offset))
        batch->end_ignored();
}

void add_failed(const MessageView &message, int64_t first_offset, const DecodeError &error,
                BatchFiller *batch) {
    if (batch->begin_message(with_headers(message), first_offset))
        batch->end_dead_letter(error);
}

} // namespace

PipelineResult pipeline_take(Decoder *decoder, const MessageView &message, int64_t first_offset,
                             Batch *batch) noexcept {
    // `decoded` is not initialized: the decoder sets the members, so zeros would only cost time
    Decoded decoded;
    DecodeResult result = decoder->decode(message, &decoded);
    if (result == DecodeResult::failed && decoded.error.code == DecodeErrorCode::out_of_memory)
        return PipelineResult::out_of_memory;
    if (result == DecodeResult::needs_schema)
        return PipelineResult::needs_schema;
    BatchFiller *filler = batch_filler(batch);
    try {
        switch (result) {
        case DecodeResult::decoded:
            add_decoded(message, first_offset, decoded, filler);
            break;
        case DecodeResult::ignored:
            add_ignored(message, first_offset, filler);
            break;
        case DecodeResult::failed:
            add_failed(message, first_offset, decoded.error, filler);
            break;
        case DecodeResult::needs_schema: // the function has already returned
            break;
        }
        return PipelineResult::taken;
    } catch (...) {
        filler->abandon_message();
        return PipelineResult::out_of_memory;
    }
}

} // namespace heartbeat
