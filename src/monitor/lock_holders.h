// Finds the session or the prepared transaction that holds a lock for which heartbeat waits. Describes this
// holder so that a person can find it and end it. obstacles.cpp calls it for an error, and status.cpp calls
// it for a stalled worker.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

struct LockHolder {
    bool found;
    bool abandoned;            // a prepared transaction, or a session that is idle in a transaction
    char who[state_text_size]; // for example: process 12 (...) holds a lock on table "..."
    char hint[state_text_size];
};

// Call it with an SPI connection and search_path = pg_catalog. If `awaited` has no lock, the function looks
// at all locks on tables of heartbeat. Of the sessions that hold such a lock, it finds the session with the
// oldest transaction.
void lock_holders_find(const AwaitedLock &awaited, LockHolder *holder);

} // namespace heartbeat
