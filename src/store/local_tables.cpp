// The functions of the usual table layout: this server has all rows. A subtransaction can undo an insert, and
// one commit makes all rows visible together. So this table layout needs no functions for the begin and the
// end of a transaction.
#include "server/server.h"

#include "server/statement.h"
#include "server/subtransaction.h"
#include "store/local_rollup.h"
#include "store/local_tables.h"
#include "store/rows.h"
#include "store/user_triggers.h"

namespace heartbeat {

namespace {

// The statement has a subquery with LIMIT for each key. So the server always searches for a key in the index
// of the key's table partition, whatever the planner estimates.
Statement select_missing_records = {{TEXTARRAYOID, TIMESTAMPTZARRAYOID}, R"sql(
    SELECT n.place::integer - 1
    FROM unnest($1, $2) WITH ORDINALITY AS n (customer_id, event_timestamp, place)
    WHERE (SELECT true FROM @extschema@.heartbeat_records r
        WHERE r.customer_id = n.customer_id AND r.event_timestamp = n.event_timestamp LIMIT 1) IS NULL
    ORDER BY n.place)sql"};

Statement select_missing_anomalies = {{TEXTARRAYOID, TIMESTAMPTZARRAYOID}, R"sql(
    SELECT n.place::integer - 1
    FROM unnest($1, $2) WITH ORDINALITY AS n (customer_id, event_timestamp, place)
    WHERE (SELECT true FROM @extschema@.heartbeat_anomalies a
        WHERE a.customer_id = n.customer_id AND a.event_timestamp = n.event_timestamp LIMIT 1) IS NULL
    ORDER BY n.place)sql"};

// With fewer rows, ON CONFLICT costs less than the subtransaction that a plain insert needs.
constexpr size_t plain_insert_min = 256;

bool is_kept_out(const ErrorData *error) {
    return error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION ||
           error->sqlerrcode == ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION;
}

// Because the worker continues at the stored offsets, it rarely reads a message twice. So a conflict is rare,
// and this function tries the plain insert first. It takes two thirds of the time of ON CONFLICT.
void insert(Rows *rows, bool *replaying) {
    CaughtError conflict;
    if (rows->count >= plain_insert_min && !*replaying && !user_triggers_present() &&
        subtransaction_try(rows_insert_all, rows, is_kept_out, &conflict))
        return;
    rows_insert_new(rows);
    *replaying = !rows->all_stored();
}

uint64_t select_missing(bool anomalies, const Datum *keys) {
    return statement_execute(anomalies ? &select_missing_anomalies : &select_missing_records, keys, nullptr,
                             SPI_OK_SELECT);
}

} // namespace

constinit const TablesLayout local_tables = {
    .insert = insert,
    .select_missing = select_missing,
    .bulk_insert = true,
    .cheap_lookup = true,
    .fold = local_rollup_fold,
    .rebuild = local_rollup_rebuild,
    .rebuild_minutes = 0,
};

} // namespace heartbeat
