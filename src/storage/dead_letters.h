// Storage wing: messages that could not become readings, with their exact bytes.
#pragma once

#include "storage/store.h"

namespace heartbeat {

// As in the table: the decoder's code, or the SQLSTATE with which the database refused the reading.
const char *dead_letters_error_code(const BatchMessage &message);

// Stores the batch's dead letters; one that stands there already, byte for byte, counts as a duplicate.
void dead_letters_store(const Batch *batch, const char *topic, PartitionCounts *counts);

} // namespace heartbeat
