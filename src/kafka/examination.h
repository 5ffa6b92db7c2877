// Examines whether Kafka's log of a partition is still the log that was read: at each assignment, and when
// another broker, another connection or another leader epoch gives the messages. Reading goes back to the
// last consumed message, and the client accepts later messages only if that message is the same. If it is
// not, log_search.cpp compares older remembered messages, to find how far the log was truncated.
#pragma once

#include "decode/batch.h"
#include "kafka/examination_state.h"

#include <cstddef>
#include <cstdint>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

class Consumer;
struct PartitionPosition;

// Call it before an assignment. Returns the offset at which reading begins.
int64_t examination_begin(Consumer *consumer, const PartitionPosition &position, Examination *examination);

// Takes each message of the partition, and the end of the partition, in the order of the queue.
Examined examination_take(Consumer *consumer, size_t index, const rd_kafka_message_t *message,
                          const Batch &batch);

// Examines the partitions whose broker is connected again. False: assign the partitions again.
bool examination_look(Consumer *consumer, const Batch &batch);

// Returns whether to report now that another log has replaced the log that the client has read. The caller
// must report it if no other examination is under way, or a second after examination_take() has found the
// first such log.
bool examination_is_lost(Consumer *consumer);

// Takes an error of the partition. Its text may have the offset to which the log was truncated.
void examination_hear(Consumer *consumer, const rd_kafka_message_t *error);

} // namespace heartbeat
