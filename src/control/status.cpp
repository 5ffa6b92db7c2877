// Control wing: heartbeat_state() and heartbeat_partition_states(), what shared memory knows, as rows.
#include "server.h"

#include "control/shared_state.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(heartbeat_state);
PG_FUNCTION_INFO_V1(heartbeat_partition_states);
}

namespace heartbeat {

namespace {

constexpr int state_columns = 9;

struct Status {
    const char *state;
    TimestampTz since; // 0: not known
    const char *reason;
    const char *hint;
    int workers;
    double messages_per_second;
    const char *last_error;
    TimestampTz last_error_at;
    TimestampTz busy_since; // of the worker that has been storing one batch for the longest time
};

Status stopped(const char *reason, const char *hint) {
    return {"STOPPED", 0, reason, hint, 0, 0, nullptr, 0, 0};
}

const char *copy(const char *text) {
    return *text == '\0' ? nullptr : pstrdup(text);
}

// Messages a second over the last minute, or over the worker's life where that is shorter.
double rate_of(const WorkerSlot &worker, TimestampTz now) {
    int64_t this_second = now / USECS_PER_SEC;
    int64_t messages = 0;
    for (int i = 0; i < rate_seconds; i++)
        if (worker.second[i] > this_second - rate_seconds)
            messages += worker.messages[i];
    int64_t alive = (now - worker.started_at) / USECS_PER_SEC + 1;
    return static_cast<double>(messages) / static_cast<double>(std::min<int64_t>(alive, rate_seconds));
}

// With the lock held.
Status status_of_workers() {
    const WorkerSlot *worst = nullptr, *last_error = &shared_state->maintenance;
    Status status = {};
    TimestampTz now = GetCurrentTimestamp();
    for (const WorkerSlot &worker : shared_state->workers) {
        if (worker.last_error_at > last_error->last_error_at)
            last_error = &worker;
        if (worker.pid == 0)
            continue;
        status.workers++;
        status.messages_per_second += rate_of(worker, now);
        if (worker.busy_since != 0 && (status.busy_since == 0 || worker.busy_since < status.busy_since))
            status.busy_since = worker.busy_since;
        if (worst == nullptr || worker.state > worst->state)
            worst = &worker;
    }
    const WorkerSlot &shown = worst == nullptr ? shared_state->launcher : *worst;
    status.state =
        worst == nullptr ? shared_state_name(WorkerState::stopped) : shared_state_name(shown.state);
    status.since = shown.since;
    status.reason = copy(shown.reason);
    status.hint = copy(shown.hint);
    if (worst != nullptr && worst->state < WorkerState::retrying && status.workers < settings.workers) {
        status.state = shared_state_name(WorkerState::retrying);
        status.reason =
            psprintf("%d of %d workers run%s%s", status.workers, settings.workers,
                     shared_state->launcher.reason[0] == '\0' ? "" : ": ", shared_state->launcher.reason);
        status.hint = copy(shared_state->launcher.hint);
    }
    if (last_error->last_error_at != 0) {
        status.last_error = copy(last_error->last_error);
        status.last_error_at = last_error->last_error_at;
    }
    return status;
}

Status status_now() {
    if (shared_state == nullptr)
        return stopped(
            "the worker is not loaded",
            "Add heartbeat to shared_preload_libraries, set heartbeat.database and heartbeat.brokers, and "
            "restart the server.");
    if (strcmp(get_database_name(MyDatabaseId), settings.database) != 0)
        return stopped(psprintf("the workers serve database \"%s\", not this one", settings.database),
                       "Set heartbeat.database and restart the server.");
    if (RecoveryInProgress())
        return stopped("the server is in recovery, and only a primary reads from Kafka",
                       "The workers start when the server is promoted.");
    LWLockAcquire(shared_state->lock, LW_SHARED);
    Status status = status_of_workers();
    LWLockRelease(shared_state->lock);
    return status;
}

void set_text(Datum *value, bool *null, const char *text) {
    *null = text == nullptr;
    *value = *null ? 0 : CStringGetTextDatum(text);
}

void set_time(Datum *value, bool *null, TimestampTz time) {
    *null = time == 0;
    *value = TimestampTzGetDatum(time);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_state(PG_FUNCTION_ARGS) {
    TupleDesc description;
    if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    Status status = status_now();
    Datum values[state_columns];
    bool nulls[state_columns] = {};
    set_text(&values[0], &nulls[0], status.state);
    set_time(&values[1], &nulls[1], status.since);
    set_text(&values[2], &nulls[2], status.reason);
    set_text(&values[3], &nulls[3], status.hint);
    values[4] = Int32GetDatum(status.workers);
    values[5] = Float8GetDatum(status.messages_per_second);
    set_text(&values[6], &nulls[6], status.last_error);
    set_time(&values[7], &nulls[7], status.last_error_at);
    set_time(&values[8], &nulls[8], status.busy_since);
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

extern "C" Datum heartbeat_partition_states(PG_FUNCTION_ARGS) {
    InitMaterializedSRF(fcinfo, 0);
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    if (shared_state == nullptr || strcmp(get_database_name(MyDatabaseId), settings.database) != 0)
        return static_cast<Datum>(0);
    auto *slots = static_cast<PartitionSlot *>(palloc(sizeof(shared_state->partitions)));
    LWLockAcquire(shared_state->lock, LW_SHARED);
    memcpy(slots, shared_state->partitions, sizeof(shared_state->partitions));
    LWLockRelease(shared_state->lock);
    for (int partition = 0; partition < partitions_shown_max; partition++) {
        if (slots[partition].pid == 0)
            continue;
        bool unknown = slots[partition].high_watermark < 0;
        Datum values[3] = {Int32GetDatum(partition), Int64GetDatum(slots[partition].high_watermark),
                           Int32GetDatum(slots[partition].pid)};
        bool nulls[3] = {false, unknown, false};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
    return static_cast<Datum>(0);
}
