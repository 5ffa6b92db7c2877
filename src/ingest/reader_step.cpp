// Makes one step of a source reader. The reader's phase decides what the step does: see source_reader.h.
// attempt() catches an error that step() raises, and the worker tries the step again. An error of PostgreSQL
// skips destructors, so no function of this file has a local object that needs its destructor. Data that must
// survive an error is in the SourceReader.
#include "server/server.h"

#include "ingest/reader_assign.h"
#include "ingest/reader_batch.h"
#include "ingest/reader_change.h"
#include "ingest/reader_client.h"
#include "ingest/reader_due.h"
#include "ingest/reader_schema.h"
#include "ingest/reader_step.h"
#include "ingest/recovery.h"
#include "monitor/lock_wait.h"
#include "monitor/source_slot.h"
#include "monitor/worker_slot.h"
#include "server/extension.h"
#include "server/process.h"
#include "server/transaction.h"
#include "store/pause.h"
#include "store/tables.h"

extern "C" {
#include "access/xact.h"
}

namespace heartbeat {

namespace {

constexpr long backoff_ms_min = 100;
constexpr long backoff_ms_max = 10000;

// A person may have changed a setting or an offset, so the reader forgets the faults that it has found.
void begin_again(SourceReader *reader) {
    reader->begins_again = false;
    reader->session.trouble = Trouble::none;
    reader->session.assignment.told = false;
    suspicions_forget(&reader->session.assignment.suspected_ranges);
    suspicions_forget(&reader->session.assignment.suspected_logs);
    // the reader stops reading, because a seek may have moved the stored offsets
    reader_enter(reader, ReaderPhase::looking);
}

// Reads heartbeat_control, and enters the phase `paused` or `assigning`. If the source has no bootstrap
// servers, the reader enters the phase `stopped`. Returns the milliseconds until the next step.
long look_at_control(SourceReader *reader) {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return reader_load_again(reader);
    SourceState state = pause_check(reader->source, reader_change_is_shown(reader));
    transaction_commit();
    if (reader_change_is_open(reader, state == SourceState::busy))
        return reader_change_wait(*reader);
    if (state == SourceState::changed)
        return reader_load_again(reader);
    if (reader->source.brokers[0] == '\0') {
        reader_close_client(reader);
        return reader_stop(reader, settings_why_no_brokers(), source_no_brokers_hint(reader->source));
    }
    reader_enter(reader, state == SourceState::paused ? ReaderPhase::paused : ReaderPhase::assigning);
    return at_once;
}

long stay_paused(SourceReader *reader) {
    reader_report(reader, WorkerState::paused, "", nullptr);
    consumer_session_drain(&reader->session, reader->slot);
    assignment_refresh_watermarks(reader->session.consumer, &reader->session.assignment);
    if (reader_client_replace_useless(reader))
        return reconnect_ms;
    return partitions_until_due(reader->session.assignment.partitions);
}

// Returns the milliseconds until the next step.
long step(SourceReader *reader) {
    worker_slot_doing(reader->worker, WorkerActivity::looking, 0);
    recovery_tables();
    if (reader->begins_again)
        begin_again(reader);
    if (reader->phase == ReaderPhase::looking) {
        long wait = look_at_control(reader);
        if (wait != at_once)
            return wait;
    }
    if (reader->phase == ReaderPhase::stopped || reader->phase == ReaderPhase::failed)
        return until_woken;
    if (reader->session.consumer == nullptr) {
        long wait = reader_client_open(reader);
        if (reader->session.consumer == nullptr)
            return wait;
    }
    if (reader->phase == ReaderPhase::paused)
        return stay_paused(reader);
    if (reader->phase == ReaderPhase::loading) {
        long wait = reader_schema_step(reader);
        if (reader->phase == ReaderPhase::loading)
            return wait;
    }
    if (reader->phase == ReaderPhase::assigning) {
        long wait = reader_assign_step(reader);
        if (reader->phase != ReaderPhase::reading)
            return wait;
    }
    return reader_batch_stream(reader);
}

// Call this function after an error. Returns the milliseconds until the next step. Returns at_once if the
// next step must store the batch again, to find the row that PostgreSQL refused.
long recover(SourceReader *reader) {
    Failure &failure = reader->failure;
    if (failure_take(&failure, tables_may_be_of_row))
        source_slot_error(reader->slot, failure.message);
    recovery_forget();
    if (reader->phase == ReaderPhase::loading)
        return reader_schema_wait(reader); // wait, so that the reader does not send requests in a loop
    BatchStage &stage = reader->session.cycle.stage;
    if (stage == BatchStage::sealed && failure.is_of_row) {
        stage = BatchStage::isolating;
        return at_once;
    }
    bool splits = failure.is_of_limit && batch_cycle_split(&reader->session.cycle);
    if (splits || !batch_cycle_is_sealed(reader->session.cycle))
        reader_enter(reader, ReaderPhase::looking); // drops the batch, and reads the same messages again
    reader->backoff_ms = std::clamp(reader->backoff_ms * 2, backoff_ms_min, backoff_ms_max);
    return reader->backoff_ms;
}

void tell_failure(SourceReader *reader) {
    failure_explain(&reader->failure);
    reader_report(reader, WorkerState::retrying, reader->failure.reason, reader->failure.hint);
}

long attempt(SourceReader *reader) {
    volatile long wait = at_once;
    volatile long wait_after_error = at_once;
    PG_TRY();
    {
        process_allow_cancel();
        wait = step(reader);
        reader->backoff_ms = 0;
        lock_wait_forget(); // the step has ended, so the worker no longer waits for a lock
        process_refuse_cancel();
    }
    PG_CATCH();
    {
        process_refuse_cancel();
        wait = wait_after_error = recover(reader);
    }
    PG_END_TRY();
    if (wait_after_error != at_once)
        tell_failure(reader);
    return wait;
}

} // namespace

void reader_step(SourceReader *reader) {
    reader_due_after(reader, attempt(reader));
}

} // namespace heartbeat
