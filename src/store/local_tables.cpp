// The functions of the usual table layout: this server has all rows. A subtransaction can undo an insert, and
// one commit makes all rows visible together. So this table layout needs none of the functions recover(),
// hold_marks(), release_marks() and prepare_commit() of a TablesLayout.
#include "server/server.h"

#include "server/statement.h"
#include "server/subtransaction.h"
#include "store/local_rollup.h"
#include "store/local_tables.h"
#include "store/offsets.h"
#include "store/rows.h"
#include "store/user_triggers.h"

namespace heartbeat {

namespace {

// The subquery with LIMIT makes the server search for each key in the index of the key's table partition,
// even if the planner's estimates are wrong. If the primary key of a table partition does not contain the
// device, a stored reading of another device can prevent the insert of a reading. So the statement returns
// such a stored reading too.
constexpr Statement::Types stored_types = {TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID};
constexpr const char *select_stored_sql = R"sql(
    SELECT n.place::integer - 1, s.heart_rate, s.same_device
    FROM unnest($1, $2, $3) WITH ORDINALITY AS n (customer_id, event_timestamp, device_id, place),
        LATERAL (
            SELECT r.heart_rate, r.device_id = n.device_id AS same_device, r.tableoid AS partition
            FROM @extschema@.@table@ r
            WHERE r.customer_id = n.customer_id AND r.event_timestamp = n.event_timestamp
            ORDER BY r.device_id = n.device_id DESC LIMIT 1) s
    WHERE s.same_device OR EXISTS (
        SELECT FROM pg_catalog.pg_index x
        WHERE x.indrelid = s.partition AND x.indisprimary AND x.indnkeyatts = 2)
    ORDER BY n.place)sql";
constexpr const char *select_old_stored_sql = R"sql(
    SELECT n.place::integer - 1, s.heart_rate, true
    FROM unnest($1, $2) WITH ORDINALITY AS n (customer_id, event_timestamp, place),
        LATERAL (
            SELECT r.heart_rate
            FROM @extschema@.@table@ r
            WHERE r.customer_id = n.customer_id AND r.event_timestamp = n.event_timestamp LIMIT 1) s
    ORDER BY n.place)sql";
constexpr StatementPart records = {"@table@", R"sql(heartbeat_records)sql"};
constexpr StatementPart anomalies = {"@table@", R"sql(heartbeat_anomalies)sql"};
constexpr Statement::Types old_stored_types = {TEXTARRAYOID, TIMESTAMPTZARRAYOID};

Statement select_stored_records = {stored_types, {records}, select_stored_sql};
Statement select_stored_anomalies = {stored_types, {anomalies}, select_stored_sql};
Statement select_old_stored_records = {old_stored_types, {records}, select_old_stored_sql};
Statement select_old_stored_anomalies = {old_stored_types, {anomalies}, select_old_stored_sql};

// A plain INSERT is faster than an INSERT with ON CONFLICT. But a plain INSERT fails if the table already has
// the key of a row, so it needs a subtransaction. For fewer rows than plain_insert_min, the subtransaction
// costs more time than the plain INSERT saves.
constexpr size_t plain_insert_min = 256;

bool is_kept_out(const ErrorData *error) {
    return error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION ||
           error->sqlerrcode == ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION;
}

// Tries the plain INSERT first, which takes two thirds of the time of an INSERT with ON CONFLICT. The worker
// continues at the stored offsets and rarely reads a message twice, so the table rarely has the key of a new
// row.
void insert(Rows *rows, bool *replaying) {
    CaughtError conflict;
    if (rows->count >= plain_insert_min && !*replaying && !user_triggers_present() &&
        subtransaction_try(rows_insert_all, rows, is_kept_out, &conflict))
        return;
    rows_insert_new(rows);
    *replaying = !rows->all_stored();
}

uint64_t select_stored(bool of_anomalies, const Datum *keys) {
    bool old = !offsets_have_sources();
    Statement *of_records = old ? &select_old_stored_records : &select_stored_records;
    Statement *statement = old ? &select_old_stored_anomalies : &select_stored_anomalies;
    return statement_execute(of_anomalies ? statement : of_records, keys, nullptr, SPI_OK_SELECT);
}

} // namespace

constinit const TablesLayout local_tables = {
    .insert = insert,
    .select_stored = select_stored,
    .bulk_insert = true,
    .cheap_lookup = true,
    .fold = local_rollup_fold,
    .rebuild = local_rollup_rebuild,
    .rebuild_minutes = 0,
};

} // namespace heartbeat
