// Whether Kafka's log of a partition is still the one that was read. It is examined at each
// assignment, and again where another broker, another connection or another leader's epoch gives its
// messages: reading goes back to the last consumed message, and nothing after that is taken before it has
// been found to be the same. Where it is another one, older messages that are remembered tell how far the log
// was truncated.
#pragma once

#include "decode/batch.h"
#include "decode/message_mark.h"

#include <librdkafka/rdkafka.h>
#include <vector>

namespace heartbeat {

class Consumer;
struct PartitionPosition;

enum class ExaminationStep {
    reading,   // nothing is in doubt
    checking,  // the last consumed message is awaited
    searching, // an older one is, to find one that is the same
    scanning,  // reading on from one that is the same, to the first that is not
    asking,    // the broker is asked where the epoch of the last consumed message ends
    lost,      // the log was found to be another one
};

struct Examination {
    ExaminationStep step = ExaminationStep::reading;
    int64_t certified = 0;       // Connections::now() before reading began where it did
    int32_t broker = -1;         // whose messages they are; -1: not known yet
    int32_t last_epoch = -1;     // of the last message that was taken
    int32_t checked_epoch = -1;  // for which the last consumed message was examined
    uint64_t moved_in = 0;       // Consumer::taking when it was moved: what else that brought is outdated
    MessageMark sought = {};     // the last consumed message
    int64_t next = 0;            // where reading goes on when the log is found to be the same
    int64_t log_end = INT64_MAX; // of a log that ends before `next`
    int64_t agrees = -1;         // highest offset that holds the message that was read
    int64_t differs = INT64_MAX; // lowest offset that holds another one
    std::vector<MessageMark> marks = {}; // in ascending order, while searching
    size_t at = 0;                       // of these: the one that is awaited
    size_t stride = 1;
};

// The last consumed messages of a partition, as a ring: they tell the exact offset of a truncation. Kept
// also while nothing is assigned, and for the next client.
struct RecentMarks {
    std::vector<MessageMark> marks;
    size_t at = 0; // of the oldest, once it is full
};

enum class Examined {
    accepted,    // the message is the next one
    passed_over, // it was for the examination, or is outdated
    trouble,     // assign anew
};

// librdkafka 2.1 and newer finds by the leader's epoch that a log was truncated, and ends the partition.
struct EpochEnd {
    int32_t partition;
    int64_t offset;
};

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

// The positions move to the end of the batch: what is to be remembered of its messages. May throw
// std::bad_alloc.
void examination_remember(Consumer *consumer, Batch *batch);

// The same of a batch in hand, for one partition, while the position stays.
void examination_remember_batch(Consumer *consumer, int32_t partition, const Batch &batch);

// An error of the partition: librdkafka may have found that the log was truncated, and says where.
void examination_hear(Consumer *consumer, const rd_kafka_message_t *error);

} // namespace heartbeat
