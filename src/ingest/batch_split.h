// Limits the number of messages in a batch, after an earlier batch was too large for the server.
// batch_cycle.cpp calls this file. This file does not read the batch.
#pragma once

#include <cstddef>

namespace heartbeat {

struct BatchSplit {
    size_t messages; // the limit for the next batch; 0: heartbeat.batch_size
    int stored;      // number of stored batches since the last change of `messages`
};

// Returns the limit for the next batch. The limit applies to the number of messages and to the number of
// readings.
size_t batch_split_limit(const BatchSplit &split);

// Call this function if a batch was too large. `messages` is the number of messages of this batch. The limit
// for the next batches is a quarter of `messages`, but at least one message. Returns false if the batch has
// only one message.
bool batch_split_begin(BatchSplit *split, size_t messages);

// Call this function after each stored batch. After some stored batches, the limit for the next batches grows
// again.
void batch_split_stored(BatchSplit *split);

} // namespace heartbeat
