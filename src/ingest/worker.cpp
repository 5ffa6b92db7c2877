// The process of an ingest worker. Its loop makes each source reader step that is due, and sleeps until the
// next one is. The launcher starts the process. It does not know what a step does.
#include "server/server.h"

#include "ingest/reader_due.h"
#include "ingest/reader_list.h"
#include "ingest/reader_step.h"
#include "monitor/wake.h"
#include "monitor/worker_start.h"
#include "server/process.h"
#include "store/tables.h"

extern "C" {
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

ReaderList list;       // the exit handler uses it
uint64_t control_seen; // wake_generation() when the readers last began again

void take_interrupts() {
    if (process_interrupts())
        reader_list_reload(&list);
}

// heartbeat_control or the extension may have changed.
void look_for_changes() {
    uint64_t now = wake_generation();
    if (control_seen == now)
        return;
    control_seen = now;
    reader_list_begin_again(&list);
}

void step_readers(MemoryContext context) {
    for (int i = 0; i < list.count; i++) {
        if (!reader_is_due(list.readers[i]))
            continue;
        MemoryContextReset(context);
        MemoryContextSwitchTo(context);
        reader_step(list.readers[i]);
        take_interrupts();
    }
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" PGDLLEXPORT void heartbeat_worker_main(Datum argument) {
    auto number = static_cast<int>(DatumGetInt64(argument));
    WorkerSlot *slot = &shared_state->workers[number];
    worker_start(settings.database, slot);
    tables_prepare_process();
    reader_list_create(&list, slot, number);
    MemoryContext context =
        AllocSetContextCreate(TopMemoryContext, "heartbeat worker", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        take_interrupts();
        look_for_changes();
        reader_list_take_rings(&list);
        step_readers(context);
        long wait = reader_list_until_due(list);
        bool closing = consumer_session_free_closed();
        worker_sleep(slot, *list.pipe, closing && wait < 0 ? reconnect_ms : wait);
    }
}
