// The readings of a batch that are in conflict. A reading is in conflict if the database has a different
// heart rate for the same customer, time and device. In a table partition of version 1.x, the primary key
// does not contain the device. In such a table partition, a reading is also in conflict if another device has
// already stored a reading with the same customer and time. store.cpp finds these readings. dead_letters.cpp
// and the retry of dead letters store the messages of these readings.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

inline constexpr char conflict_code[] = "CONFLICT"; // in the column error_code

// A repetition is a reading with the same customer, time and device as an earlier reading of the batch
// (Batch::repetitions). Decides for each repetition whether the repetition is a duplicate of the stored
// reading, or in conflict with the stored reading. For all other readings, rows_compare() has already decided
// between duplicate and conflict. If `comparable` is false, heartbeat cannot compare heart rates, and all
// repetitions are duplicates: see rows_compare.cpp.
void conflicts_settle(Batch *batch, bool comparable);

// Looks at each repetition and its earlier reading. Returns true if the message of an earlier reading is now
// a dead letter, and the message of its repetition is not a dead letter. The caller must then store the batch
// again, with the repetition instead of the earlier reading.
bool conflicts_lost_first(const Batch *batch);

// The number of the message's readings that are in conflict. 0 for a dead letter, and for a message that the
// caller has left out: see batch_leave_out().
int64_t conflicts_of(const Batch *batch, const BatchMessage &message);

// conflicts_text() returns the error text of a message with readings in conflict. conflicts_json() returns
// these readings as JSON. The two texts are in the current memory context and in the database's encoding.
const char *conflicts_text(const Batch *batch, const BatchMessage &message);
const char *conflicts_json(const Batch *batch, const BatchMessage &message);

} // namespace heartbeat
