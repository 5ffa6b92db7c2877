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
// the message's row with the same bytes, a dead letter counts as met again, and the readings in conflict
// count as duplicates.
void dead_letters_store(const Batch *batch, const Source &source, PartitionCounts *counts);

// The unresolved rows of a source.
struct Unresolved {
    int64_t dead_letters;
    int64_t conflicts; // messages with a reading in conflict
};

// Returns true if `counts` has new dead letters or new messages in conflict, although
// heartbeat.dead_letter_limit was already reached before this batch. The caller must then not commit the
// batch. *unresolved has the numbers before this batch; there can be more conflicts. The limit counts
// each source apart.
bool dead_letters_beyond_limit(const Source &source, const Batch *batch, const PartitionCounts *counts,
                               Unresolved *unresolved);

} // namespace heartbeat
