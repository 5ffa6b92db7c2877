// Fills the batch of a source reader, decides when the batch is due, and stores the batch. reader_batch.cpp
// and consumer_session.cpp call this file. This file does not depend on the phases of the reader.
#pragma once

#include "ingest/assignment.h"
#include "ingest/batch_split.h"
#include "ingest/batch_transaction.h"

namespace heartbeat {

enum class BatchStage : uint8_t {
    filling,   // the batch takes messages
    full,      // the batch has no room for another message: probably more messages are queued
    sealed,    // the batch is complete: the worker stores the batch, and tries again after an error
    isolating, // the batch is sealed, and PostgreSQL refused a row: the next attempt finds this row
    // memory ran out and messages were lost: the worker drops the batch and assigns all partitions again
    lost,
};

// What the worker does after it has stored the batch. If this is not read_on, the worker takes no more
// messages until it has stored the batch and done the action.
enum class AfterBatch : uint8_t {
    read_on,
    // assigns partitions that have become available, or hands partitions over to another worker
    change_partitions,
    load_schema,  // loads a schema that the decoder does not know, and assigns all partitions again
    assign_again, // assigns all partitions again, for example after an error or a change of the topic
};

struct BatchCycle {
    const Source *source;
    Decoder *decoder; // decodes the messages of the source; nullptr: there is no decoder yet
    Batch *batch;
    Batch *next; // if more messages are queued, a thread fills `next` while the worker stores `batch`
    bool ahead;  // a thread fills `next`
    BatchStage stage;
    AfterBatch after;
    Unresolved unresolved; // set when heartbeat.dead_letter_limit stops the batch
    BatchSplit split;
    bool holds_memory;       // the batches may still have memory that earlier messages needed
    MonotonicTime stored_at; // when the previous batch was stored; 0: there was no previous batch
    MonotonicTime commit_at; // when to commit offsets to the Kafka group; 0: there are no new offsets
};

inline bool batch_cycle_is_sealed(const BatchCycle &cycle) {
    return cycle.stage == BatchStage::sealed || cycle.stage == BatchStage::isolating;
}

// Returns false if no memory is left.
bool batch_cycle_create(BatchCycle *cycle, const Source *source);
void batch_cycle_destroy(BatchCycle *cycle); // call this function when no thread fills a batch
void batch_cycle_begin(BatchCycle *cycle);   // call this function after an assignment

// Forgets the messages that the worker has not stored. `consumer` may be nullptr.
void batch_cycle_drop(BatchCycle *cycle, Consumer *consumer);
void batch_cycle_fill(BatchCycle *cycle, Consumer *consumer);

// Call this function if PostgreSQL could not store the batch because the batch exceeds a limit of PostgreSQL.
// If the function returns true, the caller must drop the batch: the next batches have fewer messages. Returns
// false if the batch has only one message, or is not sealed.
bool batch_cycle_split(BatchCycle *cycle);

// Returns the milliseconds until the batch is due, or -1 if the batch is empty.
long batch_cycle_until_due(const BatchCycle *cycle);

// Stores rows, dead letters, offsets and counters in one transaction. After an error the batch is unchanged,
// and the caller can store it again. See pause_check() for `waits`.
StoreResult batch_cycle_store(BatchCycle *cycle, Consumer *consumer, SourceSlot *slot, bool waits);

// Does the periodic work of a worker that consumes messages. The function commits offsets to the Kafka group,
// asks the brokers about the topic, and asks the leaders for the offsets of the partitions. The function does
// not wait for the answers. Returns the milliseconds until the next periodic work is due.
long batch_cycle_duties(BatchCycle *cycle, Consumer *consumer, Assignment *assignment);

} // namespace heartbeat
