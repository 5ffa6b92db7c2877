// Who or what keeps heartbeat from its work, for a state: the holder of a lock, a rule, a
// publication, the function that an error came from.
#pragma once

#include "monitor/shared_state.h"

extern "C" {
#include "utils/elog.h"
}

namespace heartbeat {

struct Obstacle {
    char who[state_text_size];
    char hint[state_text_size];
    bool passes; // it ends by itself, as a dump does
};

// What the error itself says beside its message: its hint, and the user's function that raised it. Never its
// detail, which may have readings in it.
void obstacles_advise(const ErrorData *error, char *advice, size_t size);

// With an SPI connection of a process of heartbeat, as its session's user.
void obstacles_find(bool of_lock, const AwaitedLock &awaited, const char *message, Obstacle *obstacle);

} // namespace heartbeat
