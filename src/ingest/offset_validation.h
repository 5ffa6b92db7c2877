// Whether a stored position still means the message that it meant, and what is done where it
// does not.
#pragma once

#include "ingest/assignment.h"
#include "store/offsets.h"

namespace heartbeat {

// In the transaction. Compares what is stored with what Kafka has (ranges: one a partition of the topic), and
// settles every doubt as heartbeat.offset_reset says, in the offsets too. False where it says to stop: reason
// and hint are filled in.
bool doubts_settle(StoredOffset *offsets, size_t count, const PartitionRange *ranges, Assignment *assignment);

// In the transaction. The topic was described before its loss was found.
void doubt_mark(const TopicDescription &topic, const TopicLoss &loss);

} // namespace heartbeat
