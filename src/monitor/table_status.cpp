// Reads heartbeat_control and heartbeat_offsets if no session has locked these tables. When a lock blocks
// ingest, a person reads heartbeat_status to find the cause. So heartbeat_status must not wait for the same
// lock.
#include "server/server.h"

#include "monitor/progress_list.h"
#include "monitor/source_slot.h"
#include "monitor/table_status.h"
#include "server/extension.h"
#include "server/statement.h"

#include <limits>

extern "C" {
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
}

namespace heartbeat {

namespace {

constexpr const char *select_hold_sql = R"sql(
    SELECT max(changed_at) AS changed_at,
        string_agg(coalesce(reason, 'paused by ' || changed_by), '; ' ORDER BY hold DESC) AS reason
    FROM @extschema@.heartbeat_control
    WHERE paused@source@)sql";

// $1 is the name of a source, or empty for the pause of all sources. A database of version 1.1 or 1.2 has
// only one source, so `of_one` adds no condition.
constexpr StatementPart of_source = {"@source@", R"sql( AND source = $1)sql"};
constexpr StatementPart of_one = {"@source@", R"sql()sql"};

Statement select_hold = {{TEXTOID}, {of_source}, select_hold_sql};
Statement select_old_hold = {{of_one}, select_hold_sql};

// Selects the stored offsets that heartbeat reads from. $1 is heartbeat.topic. A person can set the offset of
// a Kafka partition that does not exist yet: then was_read is false. add_lags() looks up the end offsets. A
// join in this statement could be slow: without statistics, PostgreSQL would compare each stored offset with
// each end offset.
Statement select_offsets = {{TEXTOID}, R"sql(
    SELECT d.source_id, o.partition, o.next_offset,
        CASE WHEN isfinite(o.last_message_at)
            THEN greatest(extract(epoch FROM clock_timestamp() - o.last_message_at), 0)::double precision
            ELSE 0 END AS age,
        o.cluster_id IS NOT NULL
            OR o.records::numeric + o.anomalies + o.duplicates + o.dead_letters > 0 AS was_read
    FROM @extschema@.heartbeat_offsets o
        JOIN @extschema@.heartbeat_source_definitions d
            ON d.name = o.source AND d.dropped_at IS NULL AND coalesce(d.topic, $1) = o.topic)sql"};

// Adds one row of select_offsets to the lag. `end` is nullptr, or has the end offset of the row's partition.
// If `end` is nullptr, the lag is unknown, except if heartbeat has never read the partition: such a partition
// may not exist yet. If the sum is too large for int64_t, it becomes the largest int64_t.
void add_lag(uint64_t row, const PartitionProgress *end, Lag *lag) {
    if (end == nullptr) {
        if (statement_bool(row, 5))
            lag->known = false;
        return;
    }
    int64_t messages = std::max<int64_t>(end->high_watermark - statement_int8(row, 3), 0);
    if (__builtin_add_overflow(lag->messages, messages, &lag->messages))
        lag->messages = std::numeric_limits<int64_t>::max();
    double age = messages > 0 ? DatumGetFloat8(statement_value(row, 4, FLOAT8OID)) : 0;
    lag->seconds = std::max(lag->seconds, age);
}

// Adds up the lag of the rows of select_offsets. The lag is known if there is a partition with an end offset,
// and if each partition that heartbeat has read has an end offset.
void add_lags(uint64_t rows, const ProgressList &progress, MonotonicTime now, Lag *lag) {
    lag->known = true;
    for (uint64_t row = 0; row < rows; row++) {
        const PartitionProgress *end =
            progress_list_find(progress, {statement_int4(row, 1), statement_int4(row, 2)});
        add_lag(row, end != nullptr && worker_stats_know_end(*end, now) ? end : nullptr, lag);
    }
    lag->known = lag->known && lag->seconds >= 0;
}

void take_hold(const char *source, Hold *hold) {
    bool null;
    Datum since = statement_value(0, 1, TIMESTAMPTZOID, &null);
    if (null)
        return;
    char label[source_label_size] = "";
    if (source[0] != '\0')
        source_slot_label(source, label);
    const char *reason = statement_text(0, 2);
    hold->since = DatumGetTimestampTz(since);
    hold->reason = psprintf("%s%s", label, reason == nullptr ? "" : reason);
}

void select_hold_of(const char *source, Hold *hold) {
    Datum value = CStringGetTextDatum(source);
    statement_execute(&select_hold, &value, nullptr, SPI_OK_SELECT);
    take_hold(source, hold);
}

} // namespace

bool table_status_can_read(const char *table) {
    Extension extension;
    if (!extension_find(&extension))
        return false;
    Oid found = get_relname_relid(table, extension.schema);
    return OidIsValid(found) && ConditionalLockRelationOid(found, AccessShareLock);
}

void table_status_hold(const char *source, Hold *hold) {
    *hold = {};
    if (!table_status_can_read("heartbeat_control"))
        return;
    hold->known = true;
    if (get_attnum(extension_table("heartbeat_control"), "source") == InvalidAttrNumber) {
        statement_execute(&select_old_hold, nullptr, nullptr, SPI_OK_SELECT);
        take_hold("", hold);
        return;
    }
    select_hold_of("", hold);
    if (hold->since == 0 && source[0] != '\0')
        select_hold_of(source, hold);
}

void table_status_lag(Lag *lag) {
    *lag = {};
    lag->seconds = -1;
    // a database of version 1.1 or 1.2 does not have heartbeat_source_definitions
    if (!table_status_can_read("heartbeat_offsets") ||
        !table_status_can_read("heartbeat_source_definitions")) {
        *lag = worker_stats_lag_of_all();
        return;
    }
    Datum topic = CStringGetTextDatum(settings.topic);
    // Take the end offsets before the stored offsets. In the reverse order, a batch that commits in between
    // would show as lag.
    MonotonicTime now = monotonic_now();
    ProgressList progress = progress_list_take();
    add_lags(statement_execute(&select_offsets, &topic, nullptr, SPI_OK_SELECT), progress, now, lag);
    progress_list_free(&progress);
}

} // namespace heartbeat
