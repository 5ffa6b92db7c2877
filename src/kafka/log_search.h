// Searches a partition's log for the offset from which on it is another one than it was, by the
// messages that are remembered of it. Each step is one message that is read: nothing here waits.
#pragma once

#include "kafka/examination.h"

namespace heartbeat {

// Where the log ends before the position: returns the offset at which to begin.
int64_t log_search_begin(const Consumer &consumer, const PartitionPosition &position,
                         Examination *examination);

// After the last consumed message, which may be in the batch in hand, was not found as it was.
Examined log_search(Consumer *consumer, size_t index, const Batch &batch);

Examined log_search_take(Consumer *consumer, size_t index, const rd_kafka_message_t *message);

// The broker said where the epoch of the last consumed message ends.
void log_search_hear(Consumer *consumer, int32_t partition, int64_t offset);

// Reads on from there: what is queued of the partition is dropped. With an epoch, which librdkafka before 2.1
// ignores, the broker is asked first where that ends. False: it is not being read.
bool log_move(Consumer *consumer, size_t index, int64_t offset, int32_t leader_epoch = -1);

MessageMark log_mark(const rd_kafka_message_t *message);
int32_t log_epoch(const rd_kafka_message_t *message); // -1 with librdkafka before 2.1

// Milliseconds since 1970, or -1 where the message has no time that a calendar knows.
int64_t log_kafka_time(const rd_kafka_message_t *message);

} // namespace heartbeat
