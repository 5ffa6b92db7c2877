// Loads the sources in one transaction. If this server must not ingest, or if there is no source, the worker
// closes its readers and reports the worker's own state to heartbeat_status.
#include "server/server.h"

#include "ingest/reader_due.h"
#include "ingest/recovery.h"
#include "ingest/worker_sources.h"
#include "monitor/lock_wait.h"
#include "monitor/wake.h"
#include "monitor/worker_slot.h"
#include "server/extension.h"
#include "server/process.h"
#include "server/text.h"
#include "server/transaction.h"
#include "store/sources.h"
#include "store/tables.h"

extern "C" {
#include "access/xact.h"
}

namespace heartbeat {

namespace {

constexpr long backoff_ms_min = 100;
constexpr long backoff_ms_max = 10000;

void close_all(WorkerSources *sources, const char *reason, const char *hint) {
    reader_list_update(&sources->list, nullptr, 0, false);
    worker_slot_report(sources->list.slot, WorkerState::stopped, reason, hint);
}

void tell_no_room(WorkerSlot *slot, const Source &first) {
    char reason[state_text_size];
    text_print(reason, sizeof(reason),
               "heartbeat.max_sources (%d) is reached: heartbeat does not read source \"%s\" and later "
               "sources",
               settings.max_sources, first.name);
    worker_slot_report(slot, WorkerState::failed, reason,
                       "Raise heartbeat.max_sources and restart the server, or drop sources that you do not "
                       "need.");
}

// The result of the transaction in find().
struct Found {
    bool installed;
    Extension extension;
    const WrongServer *wrong_server;
    ListedSource *sources;
    size_t count;
};

Found find() {
    MemoryContext context = CurrentMemoryContext;
    Found found = {};
    found.installed = transaction_begin(&found.extension, XACT_READ_COMMITTED);
    if (!found.installed)
        return found;
    found.wrong_server = tables_wrong_server();
    found.sources = sources_load(context, &found.count);
    transaction_commit();
    return found;
}

void open_and_close(WorkerSources *sources, const Found &found) {
    // After DROP EXTENSION and CREATE EXTENSION, a new source can have the id and the revision of a dropped
    // source. reader_list_update() would then keep the reader of the dropped source. So the worker first
    // closes all readers.
    if (found.extension.oid != sources->extension)
        reader_list_update(&sources->list, nullptr, 0, false);
    sources->extension = found.extension.oid;
    const Source *left_out =
        reader_list_update(&sources->list, found.sources, found.count, sources->reloaded);
    if (found.count == 0)
        close_all(sources, "heartbeat has no source", "heartbeat_add_source() adds a source.");
    else if (left_out != nullptr)
        tell_no_room(sources->list.slot, *left_out);
    else
        worker_slot_report(sources->list.slot, WorkerState::running, "", nullptr);
}

void load(WorkerSources *sources) {
    worker_slot_doing(sources->list.slot, WorkerActivity::looking, 0);
    recovery_tables();
    uint64_t seen = wake_generation();
    Found found = find();
    worker_slot_doing(sources->list.slot, WorkerActivity::closing, 0);
    if (!found.installed)
        close_all(sources, not_installed_reason,
                  "Run CREATE EXTENSION heartbeat in the database of heartbeat.database. "
                  "heartbeat then starts to read automatically.");
    else if (found.wrong_server != nullptr)
        close_all(sources, found.wrong_server->reason, found.wrong_server->hint);
    else
        open_and_close(sources, found);
    sources->seen = seen;
    sources->loaded = true;
    sources->reloaded = false;
}

// Call this function after an error. Returns the milliseconds until the worker tries again.
long recover(WorkerSources *sources) {
    if (failure_take(&sources->failure))
        worker_slot_error(sources->list.slot, sources->failure.message);
    recovery_forget();
    return std::clamp(sources->backoff_ms * 2, backoff_ms_min, backoff_ms_max);
}

void attempt(WorkerSources *sources) {
    volatile long backoff_ms = 0;
    PG_TRY();
    {
        process_allow_cancel();
        load(sources);
        lock_wait_forget();
        process_refuse_cancel();
    }
    PG_CATCH();
    {
        process_refuse_cancel();
        backoff_ms = recover(sources);
    }
    PG_END_TRY();
    sources->backoff_ms = backoff_ms;
    sources->again_at = monotonic_now() + backoff_ms * INT64CONST(1000);
    if (backoff_ms == 0)
        return;
    failure_explain(&sources->failure);
    worker_slot_report(sources->list.slot, WorkerState::retrying, sources->failure.reason,
                       sources->failure.hint);
}

bool is_wanted(const WorkerSources &sources) {
    return !sources.loaded || sources.reloaded || sources.seen != wake_generation() ||
           reader_list_is_old(sources.list);
}

} // namespace

void worker_sources_look(WorkerSources *sources) {
    if (is_wanted(*sources) && (sources->backoff_ms == 0 || monotonic_now() >= sources->again_at))
        attempt(sources);
}

void worker_sources_reload(WorkerSources *sources) {
    sources->reloaded = true;
    sources->backoff_ms = 0;
}

long worker_sources_until_due(const WorkerSources &sources) {
    if (!is_wanted(sources))
        return until_woken;
    return sources.backoff_ms == 0 ? at_once : milliseconds_until(sources.again_at);
}

} // namespace heartbeat
