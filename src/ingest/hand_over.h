// Moves Kafka partitions from a lagging worker to a worker that does not lag. So no worker is idle while
// another worker has more than one lagging Kafka partition. For each hand-over, the lagging worker stores all
// messages that it has consumed, and stops reading the partition. Then the other worker begins to read this
// partition at the stored offset. All other partitions stay assigned. reader_batch.cpp and
// consumer_session.cpp call this file.
#pragma once

#include "ingest/kafka_partitions.h"

namespace heartbeat {

struct HandOver {
    MonotonicTime look_at; // when the worker next compares the lags
    bool to_confirm;       // the last comparison found a reason for a hand-over; the next must confirm it
    int to;                // the number of the worker that gets the partitions with KafkaPartition::leaves
    int64_t given;         // the lag of the partitions handed over since the last comparison
};

// Compares the lags of the workers once a second while this worker reads the source. The function chooses
// partitions of this source if, in two comparisons in succession, this worker has more than one lagging
// partition and another worker does not lag. The chosen partitions together have at most half of this
// worker's lag. A worker that is late gets no partition (see late_after).
void hand_over_choose(HandOver *hand_over, KafkaPartitions *partitions);

// Returns true if the worker has chosen a partition that it has not handed over yet.
bool hand_over_is_due(const KafkaPartitions &partitions);

// Hands one of the chosen partitions over. Hands nothing over if this partition is unavailable, or if the
// other worker can no longer take it. Call this function when the worker has stored all messages that it has
// consumed, and no assignment is under way. Returns false if the client could not stop reading the partition:
// the worker must then assign all partitions again.
bool hand_over_make(HandOver *hand_over, KafkaPartitions *partitions, Consumer *consumer);

} // namespace heartbeat
