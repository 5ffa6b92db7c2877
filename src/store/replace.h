// Replaces a stored heart rate with a newer heart rate. The retry of dead letters calls this file for
// readings in conflict, in the transaction of the caller.
#pragma once

#include "decode/batch.h"
#include "decode/heart_rate_class.h"

namespace heartbeat {

// The change of the number of stored readings. The index is a HeartRateClass.
struct Replaced {
    int64_t stored[heart_rate_classes];
};

// Replaces the heart rate of the stored reading with the same customer, time and device. Returns false if the
// table has no such reading. Raises an error if the database refuses the new heart rate.
bool replace_reading(const Batch *batch, const BatchReading &reading, Replaced *replaced);

// The class of the new heart rate decides whether the reading belongs to heartbeat_records or to
// heartbeat_anomalies. Removes a reading with the same customer, time and device from the other table.
void replace_remove_other(const Batch *batch, const BatchReading &reading, Replaced *replaced);

} // namespace heartbeat
