// Reads the newest messages of a topic, with a consumer client that the session opens for one function call.
// heartbeat_try_source() and heartbeat_suggest_mapping() call this file. This file commits nothing to Kafka
// and stores nothing.
#pragma once

#include "decode/batch.h"
#include "decode/message_samples.h"
#include "kafka/consumer.h"
#include "server/clock.h"
#include "store/sources.h"

extern "C" {
#include "postgres.h"

#include "utils/timestamp.h"
}

namespace heartbeat {

// Call newest_messages_close() even after an error: no other function frees the members.
struct NewestMessages {
    Source source;
    MonotonicTime deadline; // newest_messages_read() sets the deadline
    Consumer *consumer;
    Batch *batch; // shows how far the consumer client has read; contains no readings
    MessageSamples *samples;
};

// Reads at most `wanted` messages in total, from all Kafka partitions. Waits at most 10 seconds, and a user
// can cancel the wait. If only some of the messages arrive in this time, the function raises a notice. If
// Kafka holds messages but none arrives, or if the topic does not exist, the function raises an error. The
// samples are sorted by partition and offset.
void newest_messages_read(NewestMessages *newest, size_t wanted);

void newest_messages_close(NewestMessages *newest);

} // namespace heartbeat
