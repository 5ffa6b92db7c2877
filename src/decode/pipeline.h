// The path of a message into a batch: decode, classify, collect. The consumer client calls pipeline_take()
// for each message that it has polled. The retry of dead letters calls pipeline_take() for each dead letter.
// This file does not depend on the message layout, and does not depend on the rule that classifies heart
// rates.
#pragma once

#include "decode/batch.h"
#include "decode/decoder.h"

namespace heartbeat {

enum class PipelineResult : uint8_t {
    taken,
    out_of_memory, // the batch does not have the message, although the message is possibly valid
    needs_schema,  // the batch does not have the message: see Decoder::schema_cache()
};

// `first_offset` is the position of the message's partition before this batch.
PipelineResult pipeline_take(Decoder *decoder, const MessageView &message, int64_t first_offset,
                             Batch *batch) noexcept;

} // namespace heartbeat
