// PostgreSQL starts the launcher. The launcher waits for the database heartbeat.database, and logs the reason
// of the wait once. Then the launcher starts the maintenance worker and the ingest workers, and restarts each
// worker that has ended. This file does not know what these workers do.
#include "server/server.h"

#include "kafka/consumer.h"
#include "launcher.h"
#include "monitor/worker_slot.h"
#include "monitor/worker_start.h"
#include "server/clock.h"
#include "server/process.h"
#include "server/text.h"

extern "C" {
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
}

namespace heartbeat {

namespace {

// The launcher looks for the database at this interval until the database exists and accepts connections.
constexpr long look_again_ms = 5000;
// After the launcher has ended, PostgreSQL waits restart_seconds before it starts the launcher again. Each
// worker has a delay, the shortest time between two starts of this worker. If the worker ran longer than its
// delay, the launcher starts the worker again at once. The first delay is restart_seconds. Each start doubles
// the delay, up to restart_ms_max.
constexpr int restart_seconds = 1;
// The launcher resets the delay of a worker that ran longer than this time.
constexpr MonotonicTime short_life = 10 * USECS_PER_SEC;
constexpr long restart_ms_max = 60000;
constexpr int half_dropped = -2; // the value of datconnlimit after an interrupted DROP DATABASE

// A worker that the launcher keeps running.
struct WorkerEntry {
    WorkerSlot *slot;
    int64_t number; // launcher_maintenance, or the number of the ingest worker
    MonotonicTime started_at;
    long delay_ms;
    bool refused; // PostgreSQL had no free slot for this background worker
    bool runs;    // the worker was running at the last call of look_at()
};

WorkerEntry entries[workers_max + 1];

struct Database {
    bool exists;
    bool open; // the database accepts connections
};

// Finds heartbeat.database in pg_database. The scan uses no index, because the indexes of the catalogs may
// not be ready in a process without a database, such as the launcher.
Database look_for_database() {
    Database found = {};
    StartTransactionCommand();
    Relation catalog = table_open(DatabaseRelationId, AccessShareLock);
    TableScanDesc scan = table_beginscan_catalog(catalog, 0, nullptr);
    for (HeapTuple tuple; !found.exists && (tuple = heap_getnext(scan, ForwardScanDirection)) != nullptr;) {
        auto *row = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
        found.exists = strcmp(NameStr(row->datname), settings.database) == 0;
        found.open = row->datallowconn && row->datconnlimit != half_dropped;
    }
    table_endscan(scan);
    table_close(catalog, AccessShareLock);
    CommitTransactionCommand();
    pgstat_report_activity(STATE_IDLE, nullptr);
    return found;
}

long wait_for_database(const char *what, const char *hint) {
    char reason[state_text_size];
    text_print(reason, sizeof(reason), "database \"%s\" %s", settings.database, what);
    worker_slot_report(&shared_state->launcher, WorkerState::stopped, reason, hint);
    return look_again_ms;
}

bool start(const WorkerEntry &entry) {
    bool maintenance = entry.number == launcher_maintenance;
    BackgroundWorker worker;
    process_describe(&worker, maintenance ? "heartbeat_maintenance_main" : "heartbeat_worker_main",
                     maintenance ? "heartbeat maintenance" : "heartbeat worker");
    if (!maintenance)
        snprintf(worker.bgw_name, sizeof(worker.bgw_name), "heartbeat worker %d",
                 static_cast<int>(entry.number));
    worker.bgw_notify_pid = MyProcPid;
    worker.bgw_main_arg = Int64GetDatum(entry.number);
    return RegisterDynamicBackgroundWorker(&worker, nullptr);
}

// Returns whether all workers run. Resets the delay of a worker that ran longer than short_life.
bool look_at(int count) {
    bool all_run = true;
    LWLockAcquire(shared_state->lock, LW_SHARED);
    for (WorkerEntry *entry = entries; entry < entries + count; entry++) {
        const WorkerSlot &slot = *entry->slot;
        if (slot.started_at >= entry->started_at && slot.ended_at - slot.started_at > short_life)
            entry->delay_ms = restart_seconds * 1000L;
        entry->runs = slot.pid != 0;
        all_run = all_run && entry->runs;
    }
    LWLockRelease(shared_state->lock);
    return all_run;
}

// Starts each worker that does not run and whose delay has passed. Each start begins a new delay. Returns the
// milliseconds until the first of the delays is over, or -1 if all workers run.
long start_those_due(int count) {
    long next = -1;
    MonotonicTime now = monotonic_now();
    for (WorkerEntry *entry = entries; entry < entries + count; entry++) {
        if (entry->runs)
            continue;
        long left = monotonic_milliseconds(now, entry->started_at + entry->delay_ms * INT64CONST(1000));
        if (left == 0) {
            entry->refused = !start(*entry);
            if (entry->refused)
                worker_slot_report(&shared_state->launcher, WorkerState::stopped, no_process_reason,
                                   no_process_hint);
            entry->started_at = now;
            entry->delay_ms = std::min(entry->delay_ms * 2, restart_ms_max);
            left = entry->delay_ms;
        }
        next = next < 0 ? left : std::min(next, left);
    }
    return next;
}

// Returns the number of milliseconds that the launcher may sleep, or -1 for no limit.
long keep_running(int count) {
    if (look_at(count))
        return -1;
    Database database = look_for_database();
    if (!database.exists)
        return wait_for_database("does not exist",
                                 "Create the database, or set heartbeat.database and restart the server.");
    if (!database.open)
        return wait_for_database(
            "does not accept connections",
            "Run ALTER DATABASE ... ALLOW_CONNECTIONS true. heartbeat then continues automatically.");
    long sleep = start_those_due(count);
    if (std::none_of(entries, entries + count, [](const WorkerEntry &entry) { return entry.refused; }))
        worker_slot_report(&shared_state->launcher, WorkerState::running, "", nullptr);
    return sleep;
}

} // namespace

void launcher_register() {
    BackgroundWorker worker;
    process_describe(&worker, "heartbeat_launcher_main", "heartbeat launcher");
    worker.bgw_restart_time = restart_seconds;
    RegisterBackgroundWorker(&worker);
}

} // namespace heartbeat

using namespace heartbeat;

extern "C" PGDLLEXPORT void heartbeat_launcher_main(Datum /*argument*/) {
    worker_start(nullptr, &shared_state->launcher);
    ereport(
        LOG,
        (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
         errmsg("heartbeat %s with PostgreSQL %s and librdkafka %s: database \"%s\", brokers \"%s\", topic "
                "\"%s\", %d %s",
                HEARTBEAT_VERSION, PG_VERSION, consumer_library_version(), settings.database,
                settings.brokers, settings.topic, settings.workers,
                settings.workers == 1 ? "worker" : "workers"),
         errhidecontext(true)));
    int count = settings.workers + 1;
    for (int i = 0; i < count; i++) {
        bool maintenance = i == 0;
        entries[i] = {maintenance ? &shared_state->maintenance : &shared_state->workers[i - 1],
                      maintenance ? launcher_maintenance : i - 1,
                      0,
                      restart_seconds * 1000L,
                      false,
                      false};
    }
    for (;;) {
        process_interrupts();
        process_sleep(keep_running(count));
    }
}
