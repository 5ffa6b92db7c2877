// The lines of the setting heartbeat.log_readings: one for each reading and each dead letter of a batch.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// Call this function after the batch is stored.
void reading_log(const Batch *batch);

} // namespace heartbeat
