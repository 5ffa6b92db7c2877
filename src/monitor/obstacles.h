// Finds the obstacle that prevents heartbeat's work: the holder of a lock, a rule, a publication, or the
// function that raised an error. failure.cpp calls it to explain an error in a state.
#pragma once

#include "monitor/shared_state.h"

extern "C" {
#include "utils/elog.h"
}

namespace heartbeat {

struct Obstacle {
    char who[state_text_size];
    char hint[state_text_size];
    bool passes; // the cause ends by itself, as a dump does
};

// Writes the hint of the error, and the user's function that raised the error. It never writes a detail that
// can contain readings.
void obstacles_advise(const ErrorData *error, char *advice, size_t size);

// Call it with an SPI connection in a process of heartbeat, as the session's user.
void obstacles_find(bool of_lock, const AwaitedLock &awaited, const char *message, Obstacle *obstacle);

} // namespace heartbeat
