// Whether Kafka's log of a partition is still the one that was read. It is examined at each
// assignment, and again where another broker, another connection or another leader's epoch gives its
// messages: reading goes back to the last consumed message, and nothing after that is taken before it has
// been found to be the same. Where it is another one, older messages that are remembered tell how far the log
// was truncated.
#pragma once

#include "decode/batch.h"
#include "kafka/examination_state.h"

#include <cstddef>
#include <cstdint>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

class Consumer;
struct PartitionPosition;

// Before an assignment; returns the offset at which reading begins.
int64_t examination_begin(Consumer *consumer, const PartitionPosition &position, Examination *examination);

// What comes of the partition, also its end, in the order in which it comes.
Examined examination_take(Consumer *consumer, size_t index, const rd_kafka_message_t *message,
                          const Batch &batch);

// Examines partitions whose broker is connected again. False: assign anew.
bool examination_look(Consumer *consumer, const Batch &batch);

// Whether some log is another one, and it is time to report it: when no other partition is being examined, or
// a second after the first log was found.
bool examination_is_lost(Consumer *consumer);

// An error of the partition: librdkafka may have found that the log was truncated, and says where.
void examination_hear(Consumer *consumer, const rd_kafka_message_t *error);

} // namespace heartbeat
