// Stores a sealed batch in a transaction of its own. batch_cycle.cpp calls this file. This file does not
// decide when the batch is due.
#pragma once

#include "store/dead_letter_limit.h"

namespace heartbeat {

enum class StoreResult {
    stored,
    paused,      // nothing was stored
    uninstalled, // nothing was stored
    changed,     // nothing was stored: a person has altered or dropped the source
    busy,        // nothing was stored: another session is changing the source
    moved,       // nothing was stored: another writer has moved an offset in heartbeat_offsets
    limited,     // nothing was stored: the batch has dead letters, and heartbeat.dead_letter_limit is reached
};

// Stores rows, dead letters, offsets and counters. `isolates` is true if PostgreSQL has refused a row of this
// batch in an earlier attempt. If heartbeat.dead_letter_limit stops the batch, the function sets *unresolved.
// After an error the caller must end the transaction. See pause_check() for `waits`.
StoreResult batch_transaction_store(Batch *batch, const Source &source, bool isolates, bool waits,
                                    Unresolved *unresolved);

} // namespace heartbeat
