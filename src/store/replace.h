// Puts a newer heart rate in the place of a stored one. The retry of dead letters calls it for readings in
// conflict, in the transaction of the caller.
#pragma once

#include "decode/batch.h"
#include "decode/heart_rate_class.h"

namespace heartbeat {

// What a call has changed, by HeartRateClass: the number of stored readings.
struct Replaced {
    int64_t stored[heart_rate_classes];
};

// Replaces the heart rate of the stored reading with the same customer, time and device. Returns false if the
// table has none. Raises an error if the database refuses it.
bool replace_reading(const Batch *batch, const BatchReading &reading, Replaced *replaced);

// Removes the reading with the same customer, time and device from the other table, if it is there.
void replace_remove_other(const Batch *batch, const BatchReading &reading, Replaced *replaced);

} // namespace heartbeat
