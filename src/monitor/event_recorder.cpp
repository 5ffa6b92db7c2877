// Writes a row of heartbeat_events for each new state of heartbeat. One row describes the state of all
// workers together. Only the maintenance worker writes these rows, so that ingest does not have to wait for
// them.
#include "server/server.h"

#include "kafka/consumer.h"
#include "monitor/aggregate_status.h"
#include "monitor/event_recorder.h"
#include "monitor/events.h"
#include "monitor/table_status.h"
#include "server/clock.h"
#include "server/extension.h"
#include "server/statement.h"
#include "server/text.h"
#include "server/transaction.h"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_type.h"
}

namespace heartbeat {

namespace {

// After this number of rows in a short time, the recorder writes at most one row per minute.
constexpr int rows_at_once = 10;
constexpr TimestampTz row_every = USECS_PER_MINUTE;

// Makes the value of the column heartbeat_events.details. The value contains the name of the source, except
// for the source `default`.
Statement describe_state = {{TEXTOID, INT8OID, TEXTOID}, R"sql(
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'state', $1, 'changes', nullif($2, 1), 'source', nullif(nullif($3, ''), 'default'))))sql"};

Statement describe_start = {{TEXTOID, TEXTOID}, R"sql(
    SELECT jsonb_build_object(
        'heartbeat', e.extversion, 'postgresql', current_setting('server_version'), 'librdkafka', $1,
        'topic', $2)
    FROM pg_catalog.pg_extension e
    WHERE e.extname = 'heartbeat')sql"};

Statement find_other_version = {{TEXTOID}, R"sql(
    SELECT e.extversion FROM pg_catalog.pg_extension e
    WHERE e.extname = 'heartbeat' AND e.extversion <> $1)sql"};

struct Recorded {
    bool any;
    WorkerState state;
    bool throttled;
    char reason[state_text_size];
    int64_t changes; // the result of changes_now() for the last written row
    int rows_left;
    MonotonicTime refilled_at;
};
Recorded recorded = {false, WorkerState::stopped, false, "", 0, rows_at_once, 0};

int64_t changes_now() {
    LWLockAcquire(shared_state->lock, LW_SHARED);
    int64_t changes = shared_state->changes;
    LWLockRelease(shared_state->lock);
    return changes;
}

// Returns true if the last row already has the state `now`. For STALLED and for a throttled source, the
// function does not compare the reasons, because these reasons contain numbers that change all the time.
bool is_recorded(const AggregateStatus &now) {
    if (!recorded.any || now.state != recorded.state)
        return false;
    return now.state == WorkerState::stalled || (now.throttled && recorded.throttled) ||
           strcmp(now.reason, recorded.reason) == 0;
}

// Returns true while the workers are starting. The recorder writes no row for a state that is_beginning(),
// because write_start() already writes a row for the start of the server.
bool is_beginning(const AggregateStatus &now) {
    return now.state == WorkerState::connecting && strcmp(now.reason, starting_reason) == 0;
}

void refill(MonotonicTime now) {
    auto refills =
        static_cast<int>(std::min<TimestampTz>((now - recorded.refilled_at) / row_every, rows_at_once));
    if (refills == 0)
        return;
    recorded.rows_left = std::min(recorded.rows_left + refills, rows_at_once);
    recorded.refilled_at = now;
}

// Shared memory does not have the reason of a pause, so the function reads this reason from
// heartbeat_control. The reason can have any length, so the function shortens it, as heartbeat_status does.
void copy_reason(const AggregateStatus &now, char (&reason)[state_text_size]) {
    Hold hold = {};
    if (now.state == WorkerState::paused)
        table_status_hold(now.source, &hold);
    text_copy(reason, hold.since == 0 ? now.reason : hold.reason);
}

void write_state(const AggregateStatus &now, int64_t changes) {
    char reason[state_text_size];
    copy_reason(now, reason);
    Datum values[3] = {CStringGetTextDatum(shared_state_name(now.state)),
                       Int64GetDatum(std::max<int64_t>(changes - recorded.changes, 1)),
                       CStringGetTextDatum(now.source)};
    statement_execute(&describe_state, values, nullptr, SPI_OK_SELECT);
    Datum details = statement_value(0, 1, JSONBOID);
    events_record("state", reason[0] == '\0' ? nullptr : reason, details,
                  now.since == 0 ? GetCurrentTimestamp() : now.since);
}

void write_start() {
    Datum values[2] = {CStringGetTextDatum(consumer_library_version()), CStringGetTextDatum(settings.topic)};
    statement_execute(&describe_start, values, nullptr, SPI_OK_SELECT);
    Datum details = statement_value(0, 1, JSONBOID);
    events_record("start", nullptr, details, GetCurrentTimestamp());
}

// If the extension's version differs from the library's version, logs both versions and the hint to update
// the extension. The update is not urgent, because the library of a new version also works with the tables of
// the previous version.
void tell_other_version() {
    Datum library = CStringGetTextDatum(HEARTBEAT_VERSION);
    if (statement_execute(&find_other_version, &library, nullptr, SPI_OK_SELECT) == 0)
        return;
    ereport(LOG,
            (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
             errmsg("heartbeat: the extension in the database has version %s, but its library has version %s",
                    statement_text(0, 1), HEARTBEAT_VERSION),
             errhint("Run ALTER EXTENSION heartbeat UPDATE in database \"%s\".", settings.database)));
}

void remember(const AggregateStatus &now, int64_t changes) {
    recorded.any = true;
    recorded.state = now.state;
    recorded.throttled = now.throttled;
    text_copy(recorded.reason, now.reason);
    recorded.changes = changes;
    recorded.rows_left--;
}

AggregateStatus aggregate; // static, because this struct is too large for the stack

} // namespace

bool event_recorder_has_news() {
    aggregate_status_look(&aggregate);
    return !shared_state->start_recorded || (!is_recorded(aggregate) && !is_beginning(aggregate));
}

TimestampTz event_recorder_write() {
    if (!event_recorder_has_news())
        return 0;
    bool has_state = !is_recorded(aggregate) && !is_beginning(aggregate);
    MonotonicTime now = monotonic_now();
    refill(now);
    if (has_state && recorded.rows_left == 0)
        return recorded.refilled_at + row_every - now;
    int64_t changes = changes_now();
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return 0;
    if (!shared_state->start_recorded) {
        write_start();
        tell_other_version();
    }
    if (has_state)
        write_state(aggregate, changes);
    transaction_commit();
    shared_state->start_recorded = true; // only this process uses start_recorded, so no lock is necessary
    if (has_state)
        remember(aggregate, changes);
    return 0;
}

} // namespace heartbeat
