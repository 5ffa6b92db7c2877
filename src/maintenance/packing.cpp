// Starts and watches the process that packs old weeks. packing_process.cpp has the work of the process.
#include "server/server.h"

#include "maintenance/packing.h"
#include "monitor/duties.h"
#include "monitor/failure.h"
#include "server/clock.h"
#include "server/process.h"
#include "server/statement.h"
#include "server/transaction.h"

extern "C" {
#include "catalog/pg_type.h"
}

#include <csignal>

namespace heartbeat {

namespace {

constexpr TimestampTz look_every = 2 * USECS_PER_SEC;

// Selects a session that waits for a lock on a table that the process $1 has locked. Does not select a VACUUM
// that waits, because ingest and queries do not wait behind this VACUUM.
Statement select_waiting = {{INT4OID}, R"sql(
    SELECT w.pid
    FROM pg_catalog.pg_locks h
        JOIN pg_catalog.pg_locks w ON w.locktype = 'relation' AND w.database = h.database AND w.relation = h.relation
    WHERE h.pid = $1 AND h.granted AND h.locktype = 'relation' AND h.mode = 'ShareUpdateExclusiveLock'
        AND w.pid <> h.pid AND NOT w.granted
        AND w.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    LIMIT 1)sql"};

// Packing must not take the last free background worker slot from a process that is about to restart. So
// packing waits if the launcher or an ingest worker does not run.
bool all_processes_run() {
    LWLockAcquire(shared_state->lock, LW_SHARED);
    bool run = shared_state->launcher.pid != 0;
    for (int i = 0; i < settings.workers; i++)
        run = run && shared_state->workers[i].pid != 0;
    LWLockRelease(shared_state->lock);
    return run;
}

int process() {
    return static_cast<int>(pg_atomic_read_u32(&shared_state->packing));
}

// While DROP EXTENSION waits for the process `pid`, it holds the lock on the extension. If this function
// waited for this lock, it could not find the session of DROP EXTENSION.
bool session_waits(int pid) {
    MemoryContext before = transaction_begin_look();
    Datum value = Int32GetDatum(pid);
    bool waits = statement_execute(&select_waiting, &value, nullptr, SPI_OK_SELECT) > 0;
    transaction_end_look(before);
    return waits;
}

void start() {
    BackgroundWorker worker;
    process_describe(&worker, "heartbeat_packing_main", "heartbeat packing");
    if (!RegisterDynamicBackgroundWorker(&worker, nullptr))
        duty_failed(Duty::packing, "no background worker slot is free to pack old weeks",
                    "Raise max_worker_processes by 1 and restart the server.", false);
}

void make_way(int pid) {
    static Failure failure;
    PG_TRY();
    {
        process_allow_cancel();
        if (session_waits(pid) && pid == process())
            kill(pid, SIGINT); // as pg_cancel_backend() does
        process_refuse_cancel();
    }
    PG_CATCH();
    {
        process_refuse_cancel();
        failure_take(&failure);
    }
    PG_END_TRY();
}

MonotonicTime look_at = 0;

} // namespace

void packing_make_way(MonotonicTime now) {
    int pid = process();
    if (pid == 0 || look_at > now)
        return;
    make_way(pid);
    look_at = now + look_every;
}

MonotonicTime packing_tend(MonotonicTime now, bool reloaded) {
    static MonotonicTime start_at = 0; // 0: heartbeat.pack_after is 0
    static bool forgotten = false;
    packing_make_way(now);
    int pid = process();
    bool idle = settings.pack_after == 0 && pid == 0;
    if (idle && !forgotten)
        duty_forget(Duty::packing);
    forgotten = idle;
    if (settings.pack_after == 0)
        start_at = 0;
    else if (reloaded)
        start_at = now;
    if (settings.pack_after != 0 && start_at <= now && pid == 0) {
        bool run = all_processes_run();
        if (run)
            start();
        start_at = now + (run ? USECS_PER_HOUR : USECS_PER_MINUTE);
    }
    return pid != 0 ? look_at : start_at;
}

} // namespace heartbeat
