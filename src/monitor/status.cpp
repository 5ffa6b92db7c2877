// heartbeat_state() and heartbeat_ingest_state() return the state of all workers together, from shared
// memory. heartbeat_state() also adds the pause and the lag from the tables, if the session can read the
// tables. The view heartbeat_status calls heartbeat_state().
#include "server/server.h"

#include "monitor/aggregate_status.h"
#include "monitor/duties.h"
#include "monitor/lock_holders.h"
#include "monitor/role_hint.h"
#include "monitor/table_status.h"
#include "server/subtransaction.h"
#include "server/text.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "funcapi.h"

PG_FUNCTION_INFO_V1(heartbeat_state);
PG_FUNCTION_INFO_V1(heartbeat_ingest_state);
PG_FUNCTION_INFO_V1(heartbeat_pause_of);
}

namespace heartbeat {

namespace {

enum StateColumn {
    state_column,
    since_column,
    reason_column,
    hint_column,
    workers_column,
    rate_column,
    last_error_column,
    last_error_at_column,
    busy_since_column,
    lag_messages_column,
    lag_seconds_column,
    state_columns
};

void stopped(AggregateStatus *aggregate, const char *reason, const char *hint) {
    *aggregate = {};
    text_copy(aggregate->reason, reason);
    text_copy(aggregate->hint, hint);
}

void look(AggregateStatus *aggregate) {
    if (shared_state == nullptr)
        return stopped(
            aggregate, "the server has not preloaded the library heartbeat",
            "Add heartbeat to shared_preload_libraries, set heartbeat.database and heartbeat.brokers, and "
            "restart the server.");
    if (!shared_state_serves_database())
        return stopped(aggregate,
                       psprintf("the workers serve database \"%s\", not this database", settings.database),
                       "Set heartbeat.database and restart the server.");
    if (RecoveryInProgress())
        return stopped(aggregate, "the server is in recovery, and only a primary reads from Kafka",
                       "The workers start when the server is promoted.");
    if (!IsUnderPostmaster)
        return stopped(aggregate, "the server runs in single-user mode, which has no workers",
                       "The workers start when the server starts in the usual mode.");
    aggregate_status_look(aggregate);
    // The session has called a function of the extension, so the database has the extension. If the workers
    // report that the extension is missing, the workers have not noticed CREATE EXTENSION yet.
    if (aggregate->state == WorkerState::stopped && strcmp(aggregate->reason, not_installed_reason) == 0) {
        aggregate->state = WorkerState::connecting;
        aggregate->since = 0;
        text_copy(aggregate->reason, starting_reason);
        aggregate->hint[0] = '\0';
    }
}

struct Looks {
    AggregateStatus aggregate;
    Lag lag;
};

// If a stalled worker waits for a lock, adds the holder of the lock to the reason. Not every caller has the
// right to see the state of the holder's session. For a caller without this right, the text does not say
// whether the holder is idle.
void name_holder(AggregateStatus *aggregate) {
    LockHolder holder;
    lock_holders_find(aggregate->awaited, &holder);
    if (!holder.found)
        return;
    char reason[state_text_size];
    text_print(reason, sizeof(reason), "%s: %s", aggregate->reason, holder.who);
    text_copy(aggregate->reason, reason);
    text_copy(aggregate->hint, holder.hint);
}

// If all sources are paused, sets the state PAUSED, even if the workers do not report it yet. So the
// transaction that pauses ingest sees PAUSED before its commit. Does not change STOPPED and FAILED. If each
// source was paused by its name, the workers already report PAUSED, and the function only sets the reason.
void look_at_tables(void *argument) {
    auto *looks = static_cast<Looks *>(argument);
    AggregateStatus *aggregate = &looks->aggregate;
    SPI_connect();
    table_status_lag(&looks->lag);
    if (aggregate->state != WorkerState::stopped && aggregate->state != WorkerState::failed) {
        Hold hold;
        table_status_hold(aggregate->state == WorkerState::paused ? aggregate->source : "", &hold);
        if (hold.since != 0) {
            aggregate->state = WorkerState::paused;
            aggregate->of_maintenance = false;
            aggregate->since = hold.since;
            text_copy(aggregate->reason, hold.reason == nullptr ? "" : hold.reason);
        }
        if (aggregate->state == WorkerState::paused)
            text_copy(aggregate->hint, "heartbeat_resume() resumes ingest.");
    }
    if (aggregate->state == WorkerState::stalled && aggregate->awaited.any)
        name_holder(aggregate);
    SPI_finish();
}

// Returns true if heartbeat_state() can return its row after this error, without the values from the tables.
// Returns false for a cancel request, a lack of memory and the end of the session, because these errors must
// end the statement.
bool is_of_table(const ErrorData *error) {
    return error->elevel == ERROR && error->sqlerrcode != ERRCODE_QUERY_CANCELED &&
           error->sqlerrcode != ERRCODE_OUT_OF_MEMORY;
}

void look_at_tables_if_possible(Looks *looks) {
    Looks before = *looks;
    CaughtError error;
    if (subtransaction_try(look_at_tables, looks, is_of_table, &error))
        return;
    *looks = before;
    text_add_sentence(looks->aggregate.hint, sizeof(looks->aggregate.hint),
                      psprintf("heartbeat's tables cannot be read: %s", error.message));
}

struct Row {
    Datum values[state_columns];
    bool nulls[state_columns];
};

void set_text(Row *row, StateColumn column, const char *text) {
    row->nulls[column] = *text == '\0';
    row->values[column] = row->nulls[column] ? 0 : CStringGetTextDatum(text);
}

void set_time(Row *row, StateColumn column, TimestampTz time) {
    row->nulls[column] = time == 0;
    row->values[column] = TimestampTzGetDatum(time);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_state(PG_FUNCTION_ARGS) {
    TupleDesc description;
    if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    auto *looks = static_cast<Looks *>(palloc0(sizeof(Looks)));
    AggregateStatus *aggregate = &looks->aggregate;
    Lag &lag = looks->lag;
    lag.seconds = -1;
    look(aggregate);
    if (shared_state_serves_database())
        look_at_tables_if_possible(looks);
    char besides[state_text_size + 16];
    if (shared_state_serves_database() && !aggregate->of_maintenance &&
        duties_describe(besides, sizeof(besides)))
        text_add_sentence(aggregate->hint, sizeof(aggregate->hint), besides);
    if (shared_state_serves_database() && aggregate->workers > 0)
        role_hint_append(aggregate->hint, sizeof(aggregate->hint));
    Row row = {};
    set_text(&row, state_column, shared_state_name(aggregate->state));
    set_time(&row, since_column, aggregate->since);
    set_text(&row, reason_column, aggregate->reason);
    set_text(&row, hint_column, aggregate->hint);
    row.values[workers_column] = Int32GetDatum(aggregate->workers);
    row.values[rate_column] = Float8GetDatum(aggregate->messages_per_second);
    set_text(&row, last_error_column, aggregate->last_error);
    set_time(&row, last_error_at_column, aggregate->last_error_at);
    set_time(&row, busy_since_column, monotonic_to_timestamptz(aggregate->busy_since));
    row.values[lag_messages_column] = Int64GetDatum(lag.messages);
    row.nulls[lag_messages_column] = !lag.known;
    row.values[lag_seconds_column] = Float8GetDatum(lag.seconds);
    row.nulls[lag_seconds_column] = lag.seconds < 0;
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), row.values, row.nulls)));
}

// The evaluation of silence rules calls this function. If the source of a customer is not known, a silence
// rule applies to the customer only while all sources are RUNNING. The function ignores failed duties of the
// maintenance worker.
extern "C" Datum heartbeat_ingest_state(PG_FUNCTION_ARGS) {
    WorkerState state = WorkerState::stopped;
    if (shared_state_serves_database() && !RecoveryInProgress()) {
        auto *aggregate = static_cast<AggregateStatus *>(palloc(sizeof(AggregateStatus)));
        aggregate_status_look_at_ingest(aggregate);
        state = aggregate->state;
    }
    PG_RETURN_TEXT_P(cstring_to_text(shared_state_name(state)));
}

extern "C" Datum heartbeat_pause_of(PG_FUNCTION_ARGS) {
    TupleDesc description;
    if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    MemoryContext context = CurrentMemoryContext;
    Hold hold;
    SPI_connect();
    table_status_hold(text_to_cstring(PG_GETARG_TEXT_PP(0)), &hold);
    const char *reason = hold.since == 0 ? "" : MemoryContextStrdup(context, hold.reason);
    SPI_finish();
    Datum values[] = {BoolGetDatum(hold.known), TimestampTzGetDatum(hold.since), CStringGetTextDatum(reason)};
    bool nulls[] = {false, hold.since == 0, hold.since == 0};
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
