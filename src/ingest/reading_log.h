// Logs one line for each reading and for each dead letter of a batch. batch_cycle.cpp calls this file if the
// setting heartbeat.log_readings is on.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// Call this function after the batch is stored.
void reading_log(const Batch *batch);

} // namespace heartbeat
