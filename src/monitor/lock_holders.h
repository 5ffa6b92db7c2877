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
// PANIC, lock_wait.cpp cannot find the awaited lock. Then lock_holders_find() chooses one of the holders of
// locks on heartbeat's tables. It prefers a prepared transaction, and after that the session with the oldest
// transaction.
void lock_holders_find(const AwaitedLock &awaited, LockHolder *holder);

} // namespace heartbeat
