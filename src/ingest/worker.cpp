// Runs the process of an ingest worker. The loop of the process loads the sources when a person may have
// changed the sources. Then the loop makes a step of each source reader that is due, and sleeps until the
// next reader is due. The launcher starts the process. This file does not depend on the content of a step.
#include "server/server.h"

#include "ingest/reader_due.h"
#include "ingest/reader_step.h"
#include "ingest/worker_sources.h"
#include "monitor/worker_start.h"
#include "server/clock.h"
#include "server/process.h"
#include "store/tables.h"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

WorkerSources sources; // not a local variable, because the exit handler uses sources.list

// A cancel request (pg_cancel_backend()) makes the readers that wait after an error try again at once.
void take_interrupts() {
    if (QueryCancelPending)
        reader_list_end_waits(&sources.list);
    if (process_interrupts())
        worker_sources_reload(&sources);
}

void step_readers(MemoryContext context) {
    MonotonicTime now = monotonic_now();
    for (int i = 0; i < sources.list.count; i++) {
        if (!reader_is_due(sources.list.readers[i], now))
            continue;
        MemoryContextReset(context);
        MemoryContextSwitchTo(context);
        reader_step(sources.list.readers[i]);
        take_interrupts();
        now = monotonic_now();
    }
}

long shorter(long one, long other) {
    return one == until_woken || (other != until_woken && other < one) ? other : one;
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" PGDLLEXPORT void heartbeat_worker_main(Datum argument) {
    auto number = static_cast<int>(DatumGetInt64(argument));
    WorkerSlot *slot = &shared_state->workers[number];
    worker_start(settings.database, slot);
    tables_prepare_process();
    reader_list_create(&sources.list, slot, number);
    MemoryContext context =
        AllocSetContextCreate(TopMemoryContext, "heartbeat worker", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        take_interrupts();
        MemoryContextReset(context);
        MemoryContextSwitchTo(context);
        worker_sources_look(&sources);
        reader_list_take_rings(&sources.list);
        reader_list_take_moves(&sources.list);
        step_readers(context);
        long wait = shorter(reader_list_until_due(sources.list), worker_sources_until_due(sources));
        if (consumer_session_free_closed(sources.list.count))
            wait = shorter(wait, reconnect_ms);
        worker_sleep(slot, *sources.list.pipe, wait);
    }
}
