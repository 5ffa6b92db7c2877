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

// Returns true if `counts` has new dead letters, although heartbeat.dead_letter_limit was already reached
// before this batch. The caller must then not commit the batch. *unresolved is the number of unresolved dead
// letters of the source before this batch. The limit counts each source apart.
bool dead_letters_beyond_limit(const Source &source, const Batch *batch, const PartitionCounts *counts,
                               int64_t *unresolved);

} // namespace heartbeat
