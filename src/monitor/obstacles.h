// Finds the obstacle that prevents heartbeat's work: a rule, a publication, the function that raised an
// error, or the holder of a lock. failure.cpp shows this obstacle in the reason and the hint of a state.
#pragma once

#include "monitor/shared_state.h"

extern "C" {
#include "utils/elog.h"
}

namespace heartbeat {

struct Obstacle {
    char who[state_text_size];
    char hint[state_text_size];
    bool passes; // the cause ends by itself (for example, a dump)
};

// Writes to `advice` the hint of the error, and the context line of the user's function that raised the
// error. Never writes a detail that can contain readings.
void obstacles_advise(const ErrorData *error, char *advice, size_t size);

// Writes the cause of the error to `obstacle`. `code` is the SQLSTATE of the error. Call this function with
// an SPI connection in a process of heartbeat. The current role must be the session user.
void obstacles_find(int code, const AwaitedLock &awaited, const char *message, Obstacle *obstacle);

} // namespace heartbeat
