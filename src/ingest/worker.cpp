// An ingest worker: wait -> consume -> decode -> classify -> store -> repeat. step() is one turn of the loop.
// attempt() catches an error that step() raises, and the loop tries the step again. An error of PostgreSQL
// skips destructors, so no frame holds an object that needs one. State that must survive an error is in
// `worker`. The launcher starts the process.
#include "server/server.h"

#include "decode/decoder_of_heartbeat.h"
#include "ingest/worker_assign.h"
#include "ingest/worker_batch.h"
#include "ingest/worker_client.h"
#include "ingest/worker_sleep.h"
#include "ingest/worker_state.h"
#include "monitor/lock_wait.h"
#include "monitor/wake.h"
#include "monitor/worker_slot.h"
#include "monitor/worker_start.h"
#include "server/extension.h"
#include "server/process.h"
#include "server/transaction.h"
#include "store/pause.h"
#include "store/tables.h"

extern "C" {
#include "access/xact.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

constexpr long backoff_ms_min = 100;
constexpr long backoff_ms_max = 10000;

void look_at_control() {
    uint64_t seen = wake_generation();
    Extension extension;
    worker.installed = transaction_begin(&extension, XACT_READ_COMMITTED);
    if (worker.installed) {
        worker.wrong_server = tables_wrong_server();
        worker.paused = pause_check();
        transaction_commit();
    }
    worker.control_seen = seen;
    worker.control_known = true;
    worker.failed = worker.session.troubled = worker.trouble_again = worker.session.assignment.told = false;
    suspicions_forget(&worker.session.assignment.suspicions);
    consumer_session_stop(&worker.session); // a seek may have moved the stored offsets
}

long stay_paused() {
    // stop only once: another stop would drop the questions about end offsets that are under way
    if (worker.session.assigned || worker.slot->state != WorkerState::paused)
        consumer_session_stop(&worker.session);
    worker_state_report(WorkerState::paused, "", nullptr);
    consumer_session_drain(&worker.session, worker.slot);
    assignment_refresh_watermarks(worker.session.consumer, &worker.session.assignment);
    if (worker_client_replace_useless())
        return reconnect_ms;
    return partitions_until_due(worker.session.assignment.partitions);
}

// One turn of the loop. Returns how many milliseconds to sleep.
long step() {
    worker_slot_doing(worker.slot, WorkerActivity::looking, 0);
    if (!worker.tables_recovered)
        tables_recover();
    worker.tables_recovered = true;
    if (!worker.control_known || worker.control_seen != wake_generation())
        look_at_control();
    if (!worker.installed)
        return worker_state_rest(WorkerState::stopped, not_installed_reason,
                                 "Run CREATE EXTENSION heartbeat in the database of heartbeat.database. "
                                 "heartbeat then starts to read automatically.");
    if (worker.wrong_server != nullptr)
        return worker_state_rest(WorkerState::stopped, worker.wrong_server->reason,
                                 worker.wrong_server->hint);
    if (settings.brokers[0] == '\0') {
        consumer_session_close(&worker.session);
        return worker_state_rest(WorkerState::stopped, settings_why_no_brokers(),
                                 "Set heartbeat.brokers, and reload the configuration.");
    }
    if (worker.failed || (worker.session.consumer == nullptr && !worker_client_open()))
        return until_woken;
    if (worker.paused)
        return stay_paused();
    if (!worker.session.assigned) {
        long wait = worker_assign_step();
        if (!worker.session.assigned)
            return wait;
    }
    return worker_batch_stream();
}

long recover() {
    Failure &failure = worker.failure;
    failure_take(worker.slot, &failure, tables_may_be_of_row);
    worker.tables_recovered = false;
    bool storing = worker.session.assigned && worker.session.cycle.sealed;
    if (storing && failure.is_of_row && !worker.session.cycle.isolate) {
        worker.session.cycle.isolate = true;
        return at_once;
    }
    if (!storing)
        consumer_session_stop(&worker.session);
    worker.backoff_ms = std::clamp(worker.backoff_ms * 2, backoff_ms_min, backoff_ms_max);
    worker.unexplained = true;
    return worker.backoff_ms;
}

void tell_failure() {
    worker.unexplained = false;
    failure_explain(&worker.failure);
    worker_state_report(WorkerState::retrying, worker.failure.reason, worker.failure.hint);
}

long attempt() {
    volatile long wait = at_once;
    PG_TRY();
    {
        wait = step();
        worker.backoff_ms = 0;
        lock_wait_forget(); // the step was done, so it no longer waits for a lock
    }
    PG_CATCH();
    {
        HOLD_INTERRUPTS(); // a cancel request here would raise an error that no PG_TRY catches
        wait = recover();
        RESUME_INTERRUPTS();
    }
    PG_END_TRY();
    if (worker.unexplained)
        tell_failure();
    return wait;
}

void reload() {
    // the properties file may have changed under the same name, so each reload opens a new client
    worker_slot_doing(worker.slot, WorkerActivity::closing, 0);
    consumer_session_close(&worker.session);
    worker.control_known = worker.failed = false;
    worker.backoff_ms = 0;
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" PGDLLEXPORT void heartbeat_worker_main(Datum argument) {
    auto number = static_cast<int>(DatumGetInt64(argument));
    worker.session.assignment.partitions.worker = number;
    worker.session.assignment.partitions.workers = settings.workers;
    worker.slot = &shared_state->workers[number];
    snprintf(worker.session.client_id, sizeof(worker.session.client_id), "heartbeat-worker-%d", number);
    worker_start(settings.database, worker.slot);
    tables_prepare_process();
    worker.session.memory = consumer_memory_create();
    if (worker.session.memory == nullptr ||
        !batch_cycle_create(&worker.session.cycle, decoder_of_heartbeat()))
        ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    consumer_session_close_at_exit(&worker.session);

    MemoryContext context =
        AllocSetContextCreate(TopMemoryContext, "heartbeat worker", ALLOCSET_DEFAULT_SIZES);
    for (;;) {
        if (process_interrupts())
            reload();
        MemoryContextReset(context);
        MemoryContextSwitchTo(context);
        worker_sleep(attempt());
    }
}
