// Storage wing: the rollup. One snapshot (REPEATABLE READ) reads the marks and the readings they stand for,
// so the marks that go are exactly those whose readings the new rows hold; ingest goes on meanwhile. The lock
// on heartbeat_records keeps rows from being moved to new partitions, where an older snapshot would miss
// them.
#include "server.h"

#include "compat.h"
#include "storage/arrays.h"
#include "storage/distribution.h"
#include "storage/fold.h"
#include "storage/own_objects.h"
#include "storage/rollup.h"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/vacuum.h"
#include "nodes/makefuncs.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

// Summaries of the blocks that are new in the readings' BRIN indexes, without which a query on time reads all
// of them.
constexpr OwnFunction summarize = {"heartbeat_summarize_partitions", 0, {}};

// Bounded, so that a transaction stays short after a backlog. Pages that are freed at the beginning are
// filled again.
Statement fold = {
    "WITH taken AS (DELETE FROM @extschema@.heartbeat_rollup_pending WHERE ctid = ANY (ARRAY("
    " SELECT ctid FROM @extschema@.heartbeat_rollup_pending LIMIT 20000))"
    " RETURNING minute_bucket, customer_id, sum_bpm, reading_count),"
    " customers AS (INSERT INTO @extschema@.heartbeat_customers (customer_id)"
    " SELECT p.customer_id FROM (SELECT DISTINCT customer_id FROM taken) p"
    " WHERE (SELECT true FROM @extschema@.heartbeat_customers c WHERE c.customer_id = p.customer_id LIMIT 1) "
    "IS NULL"
    " ON CONFLICT DO NOTHING RETURNING 1),"
    " counted AS (DELETE FROM @extschema@.heartbeat_customers_total WHERE EXISTS (SELECT FROM customers)"
    " RETURNING customers),"
    " total AS (INSERT INTO @extschema@.heartbeat_customers_total (customers)"
    " SELECT (SELECT coalesce(sum(customers), 0) FROM counted) + count(*) FROM customers HAVING count(*) > "
    "0),"
    " added AS (SELECT minute_bucket, customer_id, sum(sum_bpm) AS sum_bpm, sum(reading_count)::bigint AS "
    "reading_count"
    " FROM taken GROUP BY minute_bucket, customer_id HAVING sum(reading_count) > 0),"
    " updated AS (UPDATE @extschema@.heartbeat_rollup r SET sum_bpm = r.sum_bpm + a.sum_bpm,"
    " reading_count = r.reading_count + a.reading_count FROM added a"
    " WHERE r.minute_bucket = a.minute_bucket AND r.customer_id = a.customer_id"
    " RETURNING a.minute_bucket, a.customer_id),"
    " new AS (INSERT INTO @extschema@.heartbeat_rollup (minute_bucket, customer_id, sum_bpm, reading_count)"
    " SELECT minute_bucket, customer_id, sum_bpm, reading_count FROM added"
    " WHERE (minute_bucket, customer_id) NOT IN (SELECT minute_bucket, customer_id FROM updated)"
    " ORDER BY minute_bucket, customer_id)"
    " SELECT count(*) FROM taken",
    0,
    {},
    0,
    nullptr};
constexpr int64_t fold_rows_max = 20'000;

// Newest first, since those are asked for; at most an hour that lies together, so that it is one range of the
// readings.
Statement select_quiet_minutes = {
    "SELECT array_agg(minute_bucket), min(minute_bucket), max(minute_bucket) FROM (SELECT minute_bucket, "
    "max(minute_bucket) OVER () AS newest"
    " FROM @extschema@.heartbeat_stale_minutes"
    " GROUP BY minute_bucket HAVING max(marked_at) < now() - $1 * interval '1 millisecond') quiet"
    " WHERE minute_bucket > newest - interval '1 hour'",
    1,
    {INT8OID},
    0,
    nullptr};

Statement delete_marks = {"DELETE FROM @extschema@.heartbeat_stale_minutes WHERE minute_bucket = ANY ($1)",
                          1,
                          {TIMESTAMPTZARRAYOID},
                          0,
                          nullptr};

// What is pending of them is in the readings that this snapshot sees.
Statement delete_pending = {"DELETE FROM @extschema@.heartbeat_rollup_pending WHERE minute_bucket = ANY ($1)",
                            1,
                            {TIMESTAMPTZARRAYOID},
                            0,
                            nullptr};

Statement delete_rollup = {"DELETE FROM @extschema@.heartbeat_rollup WHERE minute_bucket = ANY ($1)",
                           1,
                           {TIMESTAMPTZARRAYOID},
                           0,
                           nullptr};

// The minute of a reading. Some minor releases, 16.2 for one, take a full minute before date_bin's origin for
// the minute before it: a device whose clock was reset says 1970-01-01 00:00:00.
#define MINUTE_OF_READING                                                                                    \
    "CASE WHEN r.event_timestamp < '2000-01-01Z' THEN date_trunc('minute', r.event_timestamp, 'UTC')"        \
    " ELSE date_bin('1 minute', r.event_timestamp, '2000-01-01Z') END"

// The minutes, the first and the last one.
Statement insert_rollup = {
    "INSERT INTO @extschema@.heartbeat_rollup (minute_bucket, customer_id, sum_bpm, reading_count)"
    " SELECT " MINUTE_OF_READING " AS minute_bucket, r.customer_id,"
    " sum(r.heart_rate), count(*) FROM @extschema@.heartbeat_records r"
    " WHERE r.event_timestamp >= $2 AND r.event_timestamp < $3 + interval '1 minute'"
    " AND " MINUTE_OF_READING " = ANY ($1)"
    " GROUP BY 1, 2 ORDER BY 1, 2",
    3,
    {TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
    0,
    nullptr};

Statement select_customers = {
    "SELECT array_agg(s.customer_id) FROM"
    " (SELECT r.customer_id FROM @extschema@.heartbeat_rollup r WHERE r.minute_bucket = ANY ($1)"
    " UNION SELECT a.customer_id FROM @extschema@.heartbeat_anomalies a"
    " WHERE a.event_timestamp >= $2 AND a.event_timestamp < $3 + interval '1 minute') s",
    3,
    {TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
    0,
    nullptr};

Statement select_marks = {
    "SELECT EXISTS (SELECT FROM @extschema@.heartbeat_stale_minutes)", 0, {}, 0, nullptr};

// Rows that are removed leave room that nobody else would free in time: the table is small and everybody
// reads all of it.
constexpr int64_t vacuum_after = 8192;
int64_t removed = 0;

void free_room() {
    if (removed < vacuum_after)
        return;
    removed = 0;
    Extension extension;
    MemoryContext before = CurrentMemoryContext;
    static MemoryContext context = nullptr; // kept, since an error would jump past its end
    if (context == nullptr)
        context = AllocSetContextCreate(TopMemoryContext, "heartbeat vacuum", ALLOCSET_SMALL_SIZES);
    MemoryContextReset(context);
    StartTransactionCommand();
    if (extension_find(&extension)) {
        MemoryContextSwitchTo(context);
        List *tables = NIL;
        for (const char *name : {"heartbeat_rollup_pending", "heartbeat_stale_minutes"})
            tables = lappend(tables, makeVacuumRelation(nullptr, extension_table(name), NIL));
        VacuumParams params = {};
        params.options = VACOPT_VACUUM | VACOPT_SKIP_LOCKED;
        params.freeze_min_age = params.freeze_table_age = -1;
        params.multixact_freeze_min_age = params.multixact_freeze_table_age = -1;
        params.log_min_duration = -1;
        params.index_cleanup = VACOPTVALUE_ENABLED;
        params.truncate = VACOPTVALUE_DISABLED;
        params.nworkers = -1;
        vacuum_tables(tables, &params, context);
        MemoryContextSwitchTo(before);
    }
    CommitTransactionCommand();
    MemoryContextSwitchTo(before);
}

} // namespace

void rollup_prepare() {
    // What was never analysed is guessed to be small, and scanned as a whole for each minute.
    for (const char *method : {"enable_seqscan", "enable_hashjoin", "enable_mergejoin"})
        SetConfigOption(method, "off", PGC_SUSET, PGC_S_OVERRIDE);
}

void rollup_fold() {
    Extension extension;
    bool more;
    do {
        if (!transaction_begin(&extension, XACT_REPEATABLE_READ, "heartbeat_records"))
            return;
        if (distribution_is_active()) {
            more = fold_on_nodes();
        } else {
            statement_execute(&fold, nullptr, nullptr, SPI_OK_SELECT);
            int64_t rows = statement_int8(0, 1);
            removed += rows;
            more = rows == fold_rows_max;
        }
        transaction_commit();
    } while (more);
    free_room();
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
    Extension extension;
    if (!transaction_begin(&extension, XACT_REPEATABLE_READ, "heartbeat_records"))
        return RollupResult::nothing;
    Datum quiet = Int64GetDatum(rollup_quiet_ms);
    Datum minutes[3]; // all of them, the first, the last
    statement_execute(&select_quiet_minutes, &quiet, nullptr, SPI_OK_SELECT);
    bool nothing; // all three are NULL then
    minutes[0] = statement_value(0, 1, TIMESTAMPTZARRAYOID, &nothing);
    minutes[1] = statement_value(0, 2, TIMESTAMPTZOID, &nothing);
    minutes[2] = statement_value(0, 3, TIMESTAMPTZOID, &nothing);
    bool remain = false;
    if (!nothing) {
        removed += static_cast<int64_t>(statement_execute(&delete_marks, minutes, nullptr, SPI_OK_DELETE));
        removed += static_cast<int64_t>(statement_execute(&delete_pending, minutes, nullptr, SPI_OK_DELETE));
        statement_execute(&delete_rollup, minutes, nullptr, SPI_OK_DELETE);
        statement_execute(&insert_rollup, minutes, nullptr, SPI_OK_INSERT);
        statement_execute(&select_customers, minutes, nullptr, SPI_OK_SELECT);
        bool nobody;
        Datum customers = statement_value(0, 1, TEXTARRAYOID, &nobody);
        if (!nobody)
            fold_customers(customers);
    } else {
        statement_execute(&select_marks, nullptr, nullptr, SPI_OK_SELECT);
        remain = statement_bool(0, 1);
    }
    transaction_commit();
    free_room();
    if (!nothing)
        return RollupResult::rolled_up;
    return remain ? RollupResult::not_quiet : RollupResult::nothing;
}

} // namespace heartbeat
