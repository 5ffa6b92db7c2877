// The maintenance worker does the work that ingest does not wait for. This process creates table partitions
// ahead of time, applies retention, updates the rollup, evaluates alert rules, and writes states to
// heartbeat_events. The process sleeps until an ingest worker or a session wakes it, or until a task is due.
// The launcher starts this process. This file does not depend on src/ingest.
#include "server/server.h"

#include "maintenance/alerts.h"
#include "maintenance/packing.h"
#include "maintenance/partitions.h"
#include "maintenance/rollup.h"
#include "monitor/duties.h"
#include "monitor/event_recorder.h"
#include "monitor/failure.h"
#include "monitor/lock_wait.h"
#include "monitor/summary.h"
#include "monitor/wake.h"
#include "monitor/worker_slot.h"
#include "monitor/worker_start.h"
#include "monitor/worker_stats.h"
#include "server/clock.h"
#include "server/process.h"
#include "store/arrivals.h"
#include "store/pause.h"
#include "store/tables.h"

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
#include "utils/guc.h"
}

namespace heartbeat {

namespace {

constexpr TimestampTz hour = USECS_PER_HOUR;
constexpr TimestampTz quiet = rollup_quiet_ms * INT64CONST(1000);
constexpr TimestampTz retry = 10 * USECS_PER_SEC;
constexpr TimestampTz watch_at_most = USECS_PER_MINUTE; // sum_up()'s period if heartbeat.log_summary is 0

// The function of each task returns the microseconds until the task is due again. The result 0 means that no
// time is known: look_around() or watch() then makes the task due when the task has work.
TimestampTz make_partitions() {
    partitions_make_ahead();
    return 24 * hour;
}

TimestampTz apply_retention() {
    partitions_apply_retention();
    return hour;
}

TimestampTz summarize() {
    rollup_summarize();
    return 0;
}

TimestampTz fold() {
    // reset the number before rollup_fold() reads the rows, so that the number includes all later rows
    pg_atomic_write_u32(&shared_state->rollup_rows, 0);
    rollup_fold();
    pg_atomic_write_u32(&shared_state->silence, arrivals_fold());
    return 0;
}

TimestampTz roll_up() {
    // reset the flag before rollup_run() reads the marks, so that each later mark sets the flag again
    pg_atomic_write_u32(&shared_state->rollup_due, 0);
    switch (rollup_run()) {
    case RollupResult::rolled_up:
        return 1; // this task is due again immediately, but the other due tasks run first
    case RollupResult::not_quiet:
        return quiet;
    case RollupResult::nothing:
        break;
    }
    return 0;
}

// Logs the summary, if heartbeat.log_summary is not 0. If no worker has messages to read or to store, stops
// the periodic checks of the workers: see watch(). The next message that arrives starts the checks again.
TimestampTz sum_up() {
    summary_log();
    pg_atomic_write_u32(&shared_state->watched, 0);
    if (worker_stats_are_wanted())
        pg_atomic_write_u32(&shared_state->watched, 1);
    return 0;
}

struct Task {
    Duty duty;
    bool failed; // the last attempt of this task failed
    const char *activity;
    TimestampTz (*run)();
    MonotonicTime due; // 0: not due until look_around() or watch() sets a time
    Failure failure;
};

enum {
    partitions_task,
    retention_task,
    summarize_task,
    fold_task,
    rollup_task,
    alerts_task,
    journal_task,
    summary_task
};

Task tasks[] = {
    {Duty::partitions, false, "creating table partitions", make_partitions, 0, {}},
    {Duty::retention, false, "applying retention", apply_retention, 0, {}},
    {Duty::indexes, false, "summarizing indexes", summarize, 0, {}},
    {Duty::fold, false, "adding pending sums to the rollup", fold, 0, {}},
    {Duty::rollup, false, "rebuilding changed minutes of the rollup", roll_up, 0, {}},
    {Duty::alerts, false, "evaluating alert rules", alerts_evaluate, 0, {}},
    {Duty::events, false, "recording the state", event_recorder_write, 0, {}},
    {Duty::summary, false, "writing the summary to the log", sum_up, 0, {}},
};

uint64_t control_seen;
bool tables_recovered;   // tables_recover() has succeeded since the last error
MonotonicTime watch_due; // 0: never

// Decides when to write the workers' state to heartbeat_events, and when to log the summary. An ingest worker
// reports its own state. But a worker that makes no progress cannot report that it is stalled. So while the
// workers have messages to read or to store, this process periodically checks their progress.
void watch(MonotonicTime now) {
    bool reported = pg_atomic_exchange_u32(&shared_state->reported, 0) == 1;
    bool watched = pg_atomic_read_u32(&shared_state->watched) == 1;
    if (tasks[journal_task].due == 0 && (reported || watched) && event_recorder_has_news())
        tasks[journal_task].due = now;
    watch_due = watched ? now + std::clamp<TimestampTz>(settings.stall_timeout * USECS_PER_SEC / 4,
                                                        USECS_PER_SEC, 10 * USECS_PER_SEC)
                        : 0;
    if (watched && tasks[summary_task].due == 0) {
        summary_open();
        tasks[summary_task].due =
            now + (settings.log_summary == 0 ? watch_at_most : settings.log_summary * USECS_PER_SEC);
    }
}

void look_around(MonotonicTime now) {
    uint64_t seen = wake_generation();
    if (seen != control_seen) // a session may have created the extension or stored readings
        tasks[partitions_task].due = tasks[fold_task].due = tasks[rollup_task].due = tasks[alerts_task].due =
            tasks[journal_task].due = now;
    control_seen = seen;
    if (tasks[rollup_task].due == 0 && pg_atomic_read_u32(&shared_state->rollup_due) == 1)
        tasks[rollup_task].due = now + quiet;
    uint32_t rows = pg_atomic_read_u32(&shared_state->rollup_rows);
    if (rows >= rollup_rows_max && tasks[fold_task].failure.message[0] == '\0')
        tasks[fold_task].due = now;
    else if (rows > 0 && tasks[fold_task].due == 0)
        tasks[fold_task].due = now + quiet;
    if (tasks[rollup_task].due != 0 &&
        (tasks[summarize_task].due == 0 || tasks[summarize_task].due > tasks[rollup_task].due))
        tasks[summarize_task].due = tasks[rollup_task].due;
    tasks[alerts_task].due = alerts_due(tasks[alerts_task].due, now);
    if (settings.retention == 0)
        tasks[retention_task].due = 0;
    else if (tasks[retention_task].due == 0)
        tasks[retention_task].due = now;
}

// All other tasks wait while a task waits for a lock. So if the last attempt of a task failed because of a
// lock, the next attempt waits for only one second.
void set_lock_timeout(const Task &task) {
    SetConfigOption("lock_timeout", task.failed && task.failure.is_of_lock ? "1s" : "10s", PGC_SUSET,
                    PGC_S_OVERRIDE);
}

void tell_failure(Task *task) {
    failure_explain(&task->failure);
    bool patiently = task->duty == Duty::retention && task->failure.is_of_lock && task->failure.passes;
    duty_failed(task->duty, task->failure.reason, task->failure.hint, patiently);
}

// Runs one task. Catches an error of the task, so that the other tasks still run.
void attempt(Task *task) {
    volatile TimestampTz again = retry;
    volatile bool failed = false;
    pgstat_report_activity(STATE_RUNNING, task->activity);
    set_lock_timeout(*task);
    duty_begins(task->duty);
    PG_TRY();
    {
        process_allow_cancel();
        if (!tables_recovered)
            tables_recover();
        tables_recovered = true;
        // while maintenance is paused, the task does not run; heartbeat_resume() wakes this process again
        again = pause_for_maintenance() ? 0 : task->run();
        task->failure.message[0] = '\0';
        process_refuse_cancel();
    }
    PG_CATCH();
    {
        process_refuse_cancel();
        tables_recovered = false;
        failed = true;
        failure_take(&task->failure);
        worker_slot_error(&shared_state->maintenance, task->failure.message);
    }
    PG_END_TRY();
    task->failed = failed;
    if (failed)
        tell_failure(task);
    else
        duty_done(task->duty);
    lock_wait_forget();
    task->due = again == 0 ? 0 : monotonic_now() + again;
    pgstat_report_activity(STATE_IDLE, nullptr);
}

long until_next(MonotonicTime next) {
    auto take = [&](MonotonicTime due) { next = due != 0 && (next == 0 || due < next) ? due : next; };
    take(watch_due);
    for (const Task &task : tasks)
        take(task.due);
    return next == 0 ? -1 : monotonic_milliseconds(monotonic_now(), next);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" PGDLLEXPORT void heartbeat_maintenance_main(Datum /*argument*/) {
    worker_start(settings.database, &shared_state->maintenance);
    tables_prepare_process();
    duties_forget();
    control_seen = wake_generation();
    tasks[partitions_task].due = tasks[fold_task].due = tasks[rollup_task].due = tasks[alerts_task].due =
        tasks[journal_task].due = tasks[summary_task].due = monotonic_now();
    rollup_prepare();
    for (;;) {
        bool reloaded = process_interrupts();
        MonotonicTime now = monotonic_now();
        look_around(now);
        watch(now);
        for (Task &task : tasks)
            if (task.due != 0 && task.due <= now) {
                packing_make_way(monotonic_now());
                attempt(&task);
            }
        process_sleep(until_next(packing_tend(monotonic_now(), reloaded)));
    }
}
