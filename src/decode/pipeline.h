// Decodes a message, classifies its readings, and adds the message to a batch. The consumer client calls
// pipeline_take() for each message that it has polled. The retry of dead letters calls pipeline_take() for
// each dead letter. This file depends neither on the message layout nor on the rule that classifies heart
// rates.
#pragma once

#include "decode/batch.h"
#include "decode/decoder.h"

namespace heartbeat {

enum class PipelineResult : uint8_t {
    taken,
    out_of_memory, // the batch does not have the message; with more memory, the message is possibly valid
    // the batch does not have the message, because the decoder lacks the message's schema: see
    // Decoder::schema_cache()
    needs_schema,
};

// `first_offset` is the offset at which this batch begins in the message's Kafka partition.
PipelineResult pipeline_take(Decoder *decoder, const MessageView &message, int64_t first_offset,
                             Batch *batch) noexcept;

} // namespace heartbeat
