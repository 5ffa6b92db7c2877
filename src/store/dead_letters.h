// Stores messages that could not be decoded or stored in heartbeat_dead_letters, with their exact bytes.
// store.cpp calls it for each batch.
#pragma once

#include "store/partition_counts.h"
#include "store/sources.h"

namespace heartbeat {

// Returns the code for the column error_code: the decoder's code, the SQLSTATE with which PostgreSQL refused
// one of the message's readings, or CONFLICT for a message that was stored.
const char *dead_letters_error_code(const BatchMessage &message);

// Stores the dead letters of the batch, and the messages with a reading in conflict. If the table already has
// a row with the same bytes, the worker has read the message again. Then a dead letter counts as read again,
// and readings in conflict count as duplicates.
void dead_letters_store(const Batch *batch, const Source &source, PartitionCounts *counts);

// The unresolved rows of a source.
struct Unresolved {
    int64_t dead_letters;
    int64_t conflicts; // messages with a reading in conflict
};

// Returns true if `counts` has new dead letters or new messages in conflict, although
// heartbeat.dead_letter_limit was already reached before this batch. The caller must then not commit the
// batch. *unresolved has the numbers before this batch. The number of conflicts can be too low, because the
// count ends at the limit. Each source has a count of its own.
bool dead_letters_beyond_limit(const Source &source, const Batch *batch, const PartitionCounts *counts,
                               Unresolved *unresolved);

} // namespace heartbeat
