// Messages that could not become readings, with their exact bytes.
#pragma once

#include "store/partition_counts.h"

namespace heartbeat {

// As in the table: the decoder's code, or the SQLSTATE with which the database refused the reading.
const char *dead_letters_error_code(const BatchMessage &message);

// Stores the batch's dead letters; one that stands there already, byte for byte, counts as a duplicate.
void dead_letters_store(const Batch *batch, const char *topic, PartitionCounts *counts);

// Whether these counts have new dead letters although heartbeat.dead_letter_limit was reached before them:
// they must not be stored. *unresolved is how many there were.
bool dead_letters_beyond_limit(const Batch *batch, const PartitionCounts *counts, int64_t *unresolved);

} // namespace heartbeat
