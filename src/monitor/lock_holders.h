// Who holds a lock that heartbeat waits for, as a person can find and end it.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

struct LockHolder {
    bool found;
    bool abandoned;            // a prepared transaction, or a session that is idle in a transaction
    char who[state_text_size]; // a clause: process 12 (...) holds a lock on table "..."
    char hint[state_text_size];
};

// With an SPI connection and search_path = pg_catalog. Where `awaited` has none: who holds any lock on a
// table of heartbeat's for the longest time.
void lock_holders_find(const AwaitedLock &awaited, LockHolder *holder);

} // namespace heartbeat
