// Examines whether Kafka's log of a partition is still the log that the client has read. An examination
// begins at each assignment. An examination also begins when messages come from another broker, over another
// connection or with another leader epoch. The client reads the last consumed message again. If this message
// is the same as before, the client accepts the later messages. If the log now has another message at this
// offset, log_search.cpp compares older remembered messages with the log, to find how far the log was
// truncated.
#pragma once

#include "decode/batch.h"
#include "kafka/examination_state.h"

#include <cstddef>
#include <cstdint>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

class Consumer;
struct PartitionPosition;

// Call this function before an assignment. Returns the offset at which the client must begin to read.
int64_t examination_begin(Consumer *consumer, const PartitionPosition &position, Examination *examination);

// Call this function for each message of the partition, and for the end of the partition, in the order of the
// queue.
Examined examination_take(Consumer *consumer, size_t index, const rd_kafka_message_t *message,
                          const Batch &batch);

// Examines the partitions of each broker to which librdkafka has connected again. Returns false if the caller
// must assign the partitions again.
bool examination_look(Consumer *consumer, const Batch &batch);

// Returns whether the caller must now report the lost partitions, whose log was replaced by another log.
// Returns true when no examination is under way any more, or one second after the first loss.
bool examination_is_lost(Consumer *consumer);

// If the text of a partition's error contains the offset to which the log was truncated, stores this offset.
void examination_hear(Consumer *consumer, const rd_kafka_message_t *error);

} // namespace heartbeat
