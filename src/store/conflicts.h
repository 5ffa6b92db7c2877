// The readings of a batch that are in conflict: another heart rate of the same customer, time and device is
// stored. store.cpp finds them, and dead_letters.cpp and the retry of dead letters store their messages.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

inline constexpr char conflict_code[] = "CONFLICT"; // as the column error_code has it

// Decides for each repetition within the batch whether it is a duplicate of the stored reading, or in
// conflict with it. rows_compare() has decided it for the other readings. If the tables are not comparable,
// all repetitions are duplicates.
void conflicts_settle(Batch *batch, bool comparable);

// True if the database has refused a reading that another message repeats with another heart rate: the batch
// must then keep the other reading instead.
bool conflicts_lost_first(const Batch *batch);

// The number of the message's readings that are in conflict; 0 for a dead letter.
int64_t conflicts_of(const Batch *batch, const BatchMessage &message);

// Writes the error text of such a message, and its readings that are in conflict as JSON. Both are in the
// current memory context, in the database's encoding.
const char *conflicts_text(const Batch *batch, const BatchMessage &message);
const char *conflicts_json(const Batch *batch, const BatchMessage &message);

} // namespace heartbeat
