// How many messages a batch has after a batch was larger than a limit of the server. batch_cycle.cpp calls
// it. It does not know the batch.
#pragma once

#include <cstddef>

namespace heartbeat {

struct BatchSplit {
    size_t messages; // of a batch; 0: heartbeat.batch_size
    int stored;      // the batches that were stored since `messages` has changed
};

// The largest number of messages, and of readings, of the next batch.
size_t batch_split_limit(const BatchSplit &split);

// Call it if a batch with so many messages was too large. The next batches have a quarter of the messages.
// Returns false if the batch has only one message.
bool batch_split_begin(BatchSplit *split, size_t messages);

// Call it when a batch was stored. After some time without an error the batches become larger again.
void batch_split_stored(BatchSplit *split);

} // namespace heartbeat
