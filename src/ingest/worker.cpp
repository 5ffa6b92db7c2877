// An ingest worker: wait -> consume -> decode -> classify -> store -> repeat. step() is one turn of the loop.
// If step() raises an error, attempt() catches it, and the loop tries the step again. An error of PostgreSQL
// skips destructors, so no function here has a local object that needs its destructor. State that must
// survive an error is in `worker`. The launcher starts the process.
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

// A person may have changed a setting or an offset, so the worker forgets the faults that it has found.
void begin_again() {
    worker.session.trouble = Trouble::none;
    worker.session.assignment.told = false;
    suspicions_forget(&worker.session.assignment.suspicions);
    worker_enter(WorkerPhase::looking); // no longer consumes: a seek may have moved the offsets
}

// Reads heartbeat_control, and enters the phase that its content requires.
void look_at_control() {
    uint64_t seen = wake_generation();
    Extension extension;
    bool installed = transaction_begin(&extension, XACT_READ_COMMITTED);
    const WrongServer *wrong_server = nullptr;
    bool paused = false;
    if (installed) {
        wrong_server = tables_wrong_server();
        paused = pause_check();
        transaction_commit();
    }
    worker.control_seen = seen;
    if (!installed) {
        worker_stop(not_installed_reason,
                    "Run CREATE EXTENSION heartbeat in the database of heartbeat.database. "
                    "heartbeat then starts to read automatically.");
    } else if (wrong_server != nullptr) {
        worker_stop(wrong_server->reason, wrong_server->hint);
    } else if (settings.brokers[0] == '\0') {
        worker_close_client();
        worker_stop(settings_why_no_brokers(), "Set heartbeat.brokers, and reload the configuration.");
    } else {
        worker_enter(paused ? WorkerPhase::paused : WorkerPhase::assigning);
    }
}

long stay_paused() {
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
    if (worker.control_seen != wake_generation())
        begin_again();
    if (worker.phase == WorkerPhase::looking)
        look_at_control();
    if (worker.phase == WorkerPhase::stopped || worker.phase == WorkerPhase::failed)
        return until_woken;
    if (worker.session.consumer == nullptr && !worker_client_open())
        return until_woken;
    if (worker.phase == WorkerPhase::paused)
        return stay_paused();
    if (worker.phase == WorkerPhase::assigning) {
        long wait = worker_assign_step();
        if (worker.phase != WorkerPhase::reading)
            return wait;
    }
    return worker_batch_stream();
}

// Call it after an error. Returns how many milliseconds to sleep. Returns at_once if the worker must store
// the batch again by halves.
long recover() {
    Failure &failure = worker.failure;
    failure_take(worker.slot, &failure, tables_may_be_of_row);
    worker.tables_recovered = false;
    BatchStage &stage = worker.session.cycle.stage;
    if (stage == BatchStage::sealed && failure.is_of_row) {
        stage = BatchStage::isolating;
        return at_once;
    }
    if (!batch_cycle_is_sealed(worker.session.cycle))
        worker_enter(WorkerPhase::looking);
    worker.backoff_ms = std::clamp(worker.backoff_ms * 2, backoff_ms_min, backoff_ms_max);
    return worker.backoff_ms;
}

void tell_failure() {
    failure_explain(&worker.failure);
    worker_state_report(WorkerState::retrying, worker.failure.reason, worker.failure.hint);
}

long attempt() {
    volatile long wait = at_once;
    volatile long wait_after_error = at_once;
    PG_TRY();
    {
        wait = step();
        worker.backoff_ms = 0;
        lock_wait_forget(); // the step has ended, so the worker no longer waits for a lock
    }
    PG_CATCH();
    {
        HOLD_INTERRUPTS(); // a cancel request here would raise an error that no PG_TRY catches
        wait = wait_after_error = recover();
        RESUME_INTERRUPTS();
    }
    PG_END_TRY();
    if (wait_after_error != at_once)
        tell_failure();
    return wait;
}

void reload() {
    // the content of the properties file may have changed, so each reload opens a new client
    worker_slot_doing(worker.slot, WorkerActivity::closing, 0);
    worker_close_client();
    begin_again();
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
