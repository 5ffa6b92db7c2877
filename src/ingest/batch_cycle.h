// The batch of an ingest worker: filling it, when it is due, and storing it.
#pragma once

#include "ingest/assignment.h"

namespace heartbeat {

struct BatchCycle {
    Batch *batch;
    Batch *next;           // filled meanwhile, where more was queued than the batch takes
    bool ahead;            // next is being filled
    bool sealed;           // the batch is complete and waits to be stored, perhaps again after an error
    bool isolate;          // a row of the batch failed for its own sake: find it
    bool full;             // more is queued than the batch takes
    bool hold;             // consume nothing more until the batch is stored: partitions are to be assigned
    bool doubtful;         // assign anew once the batch is stored: Kafka reported an error
    int64_t unresolved;    // dead letters, where their limit has been found reached
    bool lost;             // assign anew and drop the batch: messages got lost on the way
    TimestampTz stored_at; // when the batch before it was; 0: none
    TimestampTz commit_at; // when to commit offsets to the Kafka group; 0: nothing new
};

enum class StoreResult {
    stored,
    paused,      // nothing was stored
    uninstalled, // nothing was stored
    moved,       // nothing was stored: another writer has moved a position
    limited,     // nothing was stored: it has dead letters, and heartbeat.dead_letter_limit is reached
};

bool batch_cycle_create(BatchCycle *cycle); // false: out of memory
void batch_cycle_begin(BatchCycle *cycle);  // after an assignment
void batch_cycle_drop(BatchCycle *cycle,
                      Consumer *consumer); // forgets what was not stored; consumer may be nullptr
void batch_cycle_fill(BatchCycle *cycle, Consumer *consumer);

// Milliseconds until the batch is to be stored; -1 while it is empty.
long batch_cycle_until_due(const BatchCycle *cycle);

// One transaction: rows, dead letters, offsets and counters. An error leaves the batch as it is, to be stored
// again.
StoreResult batch_cycle_store(BatchCycle *cycle, Consumer *consumer, WorkerSlot *slot);

// What is due now and then: committing offsets to the Kafka group, looking at the topic and the leaders of
// its partitions. Waits for nothing of it. Returns milliseconds until there is more.
long batch_cycle_duties(BatchCycle *cycle, Consumer *consumer, Assignment *assignment);

} // namespace heartbeat
