// Stores a batch and moves the offsets in one transaction. So PostgreSQL commits both changes or neither.
#include "server/server.h"

#include "ingest/batch_transaction.h"
#include "monitor/shared_state.h"
#include "server/extension.h"
#include "server/transaction.h"
#include "store/arrivals.h"
#include "store/offsets_advance.h"
#include "store/pause.h"
#include "store/store.h"

extern "C" {
#include "access/xact.h"
}

namespace heartbeat {

namespace {

// `state` is a state in which the worker may not store the batch.
StoreResult result_of(SourceState state) {
    return state == SourceState::paused ? StoreResult::paused
           : state == SourceState::busy ? StoreResult::busy
                                        : StoreResult::changed;
}

} // namespace

StoreResult batch_transaction_store(Batch *batch, const Source &source, bool isolates, bool waits,
                                    Unresolved *unresolved) {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return StoreResult::uninstalled;
    SourceState state = pause_check(source, waits);
    if (state != SourceState::unchanged) {
        transaction_abandon();
        return result_of(state);
    }
    // The previous attempt may have converted readings into dead letters before it failed. PostgreSQL has
    // undone the INSERT of these dead letters. So convert the dead letters back into readings.
    if (isolates && !batch_restore(batch))
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    arrivals_use_period(pg_atomic_read_u32(&shared_state->silence));
    PartitionCounts *counts = store_batch(batch, &source, isolates);
    if (dead_letter_limit_stops(source, batch, counts, unresolved)) {
        transaction_abandon();
        return StoreResult::limited;
    }
    if (!offsets_advance(batch, source, counts)) {
        transaction_abandon();
        return StoreResult::moved;
    }
    transaction_commit();
    return StoreResult::stored;
}

} // namespace heartbeat
