// The path of a message into a batch: decode, classify, collect. The consumer client calls it for each
// message that it has polled. The retry of dead letters calls it for each dead letter. This file depends
// neither on the message layout nor on the rule that classifies heart rates.
#pragma once

#include "decode/batch.h"
#include "decode/decoder.h"

namespace heartbeat {

// `first_offset` is the position of the message's partition before this batch. Returns false if no memory is
// left. The message is then not in the batch, although it may be a valid message.
bool pipeline_take(Decoder *decoder, const MessageView &message, int64_t first_offset, Batch *batch) noexcept;

} // namespace heartbeat
