// Storage wing: messages that could not become readings, with their exact bytes.
#pragma once

#include "storage/store.h"

namespace heartbeat {

// Stores the batch's dead letters; one that stands there already, byte for byte, counts as a duplicate.
void dead_letters_store(const Batch *batch, const char *topic, PartitionCounts *counts);

} // namespace heartbeat
