// Finds the session or the prepared transaction that holds a lock for which heartbeat waits. Describes this
// holder, so that a person can find and end the holder. obstacles.cpp calls lock_holders_find() after an
// error. status.cpp calls lock_holders_find() for a stalled worker.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

struct LockHolder {
    bool found;
    // true: the holder is a prepared transaction, or a session that is idle in a transaction
    bool abandoned;
    char who[state_text_size]; // a phrase, for example: process 12 (...) holds a lock on table "..."
    char hint[state_text_size];
};

// Call this function with an SPI connection and search_path = pg_catalog. If log_min_messages is FATAL or
// PANIC, lock_wait.cpp cannot find the awaited lock. In this case, lock_holders_find() looks at all locks on
// tables of heartbeat, and chooses the holder of one of these locks. The function prefers a prepared
// transaction. If there is none, the function chooses the session with the oldest transaction.
void lock_holders_find(const AwaitedLock &awaited, LockHolder *holder);

} // namespace heartbeat
