// Inserts messages into heartbeat_dead_letters, with the exact bytes of each message. The table gets two
// kinds of messages: messages that could not be decoded or stored, and messages with a reading in conflict.
// store.cpp calls this file for each batch.
#pragma once

#include "store/partition_counts.h"
#include "store/sources.h"

namespace heartbeat {

// Returns the code for the column error_code. The code is the decoder's code, or the SQLSTATE with which
// PostgreSQL refused a reading of the message. For a stored message with a reading in conflict, the code is
// CONFLICT.
const char *dead_letters_error_code(const BatchMessage &message);

// Stores the dead letters of the batch, and the messages with a reading in conflict. If the table already has
// a row with the same source, topic, Kafka partition, offset and payload, heartbeat has read this message
// before. For such a message, the function counts a dead letter in `dead_letters_again`, and readings in
// conflict in `duplicates`.
void dead_letters_store(const Batch *batch, const Source &source, PartitionCounts *counts);

} // namespace heartbeat
