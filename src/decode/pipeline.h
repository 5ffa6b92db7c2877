// The path of a message into a batch: decode, classify, collect. The consumer client calls it for each
// message that it has polled. The retry of dead letters calls it for each dead letter. This file depends
// neither on the message layout nor on the rule that classifies heart rates.
#pragma once

#include "decode/batch.h"
#include "decode/decoder.h"

namespace heartbeat {

enum class PipelineResult : uint8_t {
    taken,
    out_of_memory, // the message is not in the batch, although it may be a valid message
    needs_schema,  // the message is not in the batch: see Decoder::schema_cache()
};

// `first_offset` is the position of the message's partition before this batch.
PipelineResult pipeline_take(Decoder *decoder, const MessageView &message, int64_t first_offset,
                             Batch *batch) noexcept;

} // namespace heartbeat
