// Adds pending rows to heartbeat_rollup, and computes the rows of marked minutes again, while ingest
// continues. One transaction reads the marks, and the readings of the marked minutes, with the same snapshot
// (REPEATABLE READ). So the worker removes exactly the marks whose readings are in the new rows. If another
// session moved readings to a new table partition during this transaction, the snapshot would not see these
// readings. So a lock on heartbeat_records prevents such moves until the transaction ends.
#include "server/server.h"

#include "maintenance/rollup.h"
#include "maintenance/rollup_space.h"
#include "server/clock.h"
#include "server/extension.h"
#include "server/own_objects.h"
#include "server/statement.h"
#include "server/transaction.h"
#include "store/tables.h"

extern "C" {
#include "access/xact.h"
#include "utils/guc.h"
}

namespace heartbeat {

namespace {

// Summarizes the new blocks in the BRIN indexes of the readings. A query for a time range must read each
// block that has no summary.
constexpr OwnFunction summarize = {"heartbeat_summarize_partitions"};

// Selects minutes whose last mark is older than $1 milliseconds, and minutes whose first mark is older than
// 10 * $1 milliseconds. If the last mark is in the future, a person has set the server's clock back, and the
// statement selects the minute too. Selects at most $2 minutes. The newest minutes come first, because people
// query the newest minutes most often. If $3 is false, all selected minutes are within one hour.
Statement select_quiet_minutes = {{INT8OID, INT8OID, BOOLOID}, R"sql(
    SELECT array_agg(minute_bucket), min(minute_bucket), max(minute_bucket)
    FROM (
        SELECT minute_bucket, max(minute_bucket) OVER () AS newest
        FROM (
            SELECT minute_bucket FROM @extschema@.heartbeat_stale_minutes
            GROUP BY minute_bucket
            HAVING max(marked_at) < now() - $1 * interval '1 millisecond'
                OR min(marked_at) < now() - 10 * $1 * interval '1 millisecond'
                OR (max(marked_at) > now() + 10 * $1 * interval '1 millisecond' AND max(marked_at) < 'infinity')
            ORDER BY minute_bucket DESC LIMIT $2) quiet) w
    WHERE $3 OR minute_bucket > newest - interval '1 hour')sql"};

Statement select_marks = {R"sql(
    SELECT EXISTS (SELECT FROM @extschema@.heartbeat_stale_minutes))sql"};

// While a transaction of rollup_run() holds its lock, no process can create a table partition. So each
// transaction rolls up only a limited number of minutes. The table layout can set this number. If it does
// not, the first transaction rolls up minutes_at_first minutes, and then adapt() changes the number to keep
// the transactions short.
constexpr int64_t minutes_at_first = 16;
constexpr int64_t minutes_max = 4096;
constexpr TimestampTz quick = 100 * INT64CONST(1000);
constexpr TimestampTz slow = 400 * INT64CONST(1000);
int64_t minutes_at_once = minutes_at_first;

void adapt(TimestampTz took) {
    if (took < quick)
        minutes_at_once = std::min(minutes_at_once * 2, minutes_max);
    else if (took > slow)
        minutes_at_once = std::max(minutes_at_once / 2, INT64CONST(1));
}

} // namespace

void rollup_prepare() {
    // If no process has ever analyzed a table, the planner assumes that the table is small. With this
    // assumption, the planner would scan the whole table for each minute.
    for (const char *method : {"enable_seqscan", "enable_hashjoin", "enable_mergejoin"})
        SetConfigOption(method, "off", PGC_SUSET, PGC_S_OVERRIDE);
}

void rollup_fold() {
    Extension extension;
    bool more;
    do {
        if (!transaction_begin(&extension, XACT_REPEATABLE_READ, "heartbeat_records"))
            return;
        RollupFold fold = tables_layout().fold();
        more = fold.more;
        transaction_commit();
        rollup_space_removed(fold.removed);
    } while (more);
    rollup_space_free();
}

void rollup_summarize() {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return;
    Datum summarized;
    own_function_call(summarize, nullptr, nullptr, &summarized);
    transaction_commit();
}

RollupResult rollup_run() {
    MonotonicTime began = monotonic_now();
    Extension extension;
    if (!transaction_begin(&extension, XACT_REPEATABLE_READ, "heartbeat_records"))
        return RollupResult::nothing;
    const TablesLayout &tables = tables_layout();
    bool adapts = tables.rebuild_minutes == 0;
    Datum limits[3] = {Int64GetDatum(rollup_quiet_ms),
                       Int64GetDatum(adapts ? minutes_at_once : tables.rebuild_minutes),
                       BoolGetDatum(adapts)};
    Datum minutes[3]; // the array of minutes, the first minute, the last minute
    statement_execute(&select_quiet_minutes, limits, nullptr, SPI_OK_SELECT);
    bool nothing; // if the statement finds no minutes, all three values are NULL
    minutes[0] = statement_value(0, 1, TIMESTAMPTZARRAYOID, &nothing);
    minutes[1] = statement_value(0, 2, TIMESTAMPTZOID, &nothing);
    minutes[2] = statement_value(0, 3, TIMESTAMPTZOID, &nothing);
    bool remain = false;
    int64_t removed = 0;
    if (!nothing) {
        removed = tables.rebuild(minutes);
    } else {
        statement_execute(&select_marks, nullptr, nullptr, SPI_OK_SELECT);
        remain = statement_bool(0, 1);
    }
    transaction_commit();
    rollup_space_removed(removed);
    rollup_space_free();
    if (!nothing) {
        adapt(monotonic_now() - began);
        return RollupResult::rolled_up;
    }
    return remain ? RollupResult::not_quiet : RollupResult::nothing;
}

} // namespace heartbeat
