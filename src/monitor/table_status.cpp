// Reads heartbeat_control and heartbeat_offsets if no session has locked these tables. When a lock blocks
// ingest, a person reads heartbeat_status to find the cause. So heartbeat_status must not wait for the same
// lock.
#include "server/server.h"

#include "monitor/source_slot.h"
#include "monitor/table_status.h"
#include "server/arrays.h"
#include "server/extension.h"
#include "server/statement.h"

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

// $1 is heartbeat.topic. $2, $3 and $4 are arrays of the same length, with one element for each Kafka
// partition whose high watermark is known: the source, the number of the partition, and the high watermark.
// If the sum of the lags is too large for a bigint, the result is the largest bigint. A person can set the
// offset of a Kafka partition that does not exist yet. The statement ignores the row of such a partition.
// With this row, the lag would be unknown until the partition exists.
Statement select_lag = {{TEXTOID, INT4ARRAYOID, INT4ARRAYOID, INT8ARRAYOID}, R"sql(
    SELECT bool_and(s.high_watermark IS NOT NULL),
        least(sum(greatest(s.high_watermark - o.next_offset, 0)), 9223372036854775807)::bigint,
        max(CASE WHEN s.high_watermark > o.next_offset
            THEN greatest(extract(epoch FROM clock_timestamp() - o.last_message_at), 0)::double precision
            WHEN s.high_watermark IS NOT NULL THEN 0 END)
    FROM @extschema@.heartbeat_offsets o
        JOIN @extschema@.heartbeat_source_definitions d
            ON d.name = o.source AND d.dropped_at IS NULL AND coalesce(d.topic, $1) = o.topic
        LEFT JOIN unnest($2, $3, $4) AS s (source_id, partition, high_watermark)
            ON s.source_id = d.source_id AND s.partition = o.partition
    WHERE (s.high_watermark IS NOT NULL OR o.cluster_id IS NOT NULL
            OR o.records::numeric + o.anomalies + o.duplicates + o.dead_letters > 0))sql"};

// Makes three arrays for the Kafka partitions with a known high watermark that is not too old. The arrays
// contain the sources, the numbers of the partitions, and the high watermarks.
void put_watermarks(Datum *arrays) {
    auto room = static_cast<size_t>(shared_state_partitions_room());
    auto *sources = static_cast<int32_t *>(palloc(sizeof(int32_t) * room));
    auto *partitions = static_cast<int32_t *>(palloc(sizeof(int32_t) * room));
    auto *watermarks = static_cast<int64_t *>(palloc(sizeof(int64_t) * room));
    size_t count = 0;
    MonotonicTime now = monotonic_now();
    LWLockAcquire(shared_state->lock, LW_SHARED);
    shared_state_each_partition([&](const PartitionSlot &slot) {
        if (count == room || !worker_stats_know_end(slot, now))
            return;
        sources[count] = slot.key.source_id;
        partitions[count] = slot.key.partition;
        watermarks[count++] = slot.high_watermark;
    });
    LWLockRelease(shared_state->lock);
    arrays[0] = array_of_fixed<int32_t>(count, INT4OID, [=](size_t i) { return sources[i]; });
    arrays[1] = array_of_fixed<int32_t>(count, INT4OID, [=](size_t i) { return partitions[i]; });
    arrays[2] = array_of_int8(count, [=](size_t i) { return watermarks[i]; });
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
    Datum values[4] = {CStringGetTextDatum(settings.topic)};
    put_watermarks(&values[1]);
    statement_execute(&select_lag, values, nullptr, SPI_OK_SELECT);
    bool null;
    Datum known = statement_value(0, 1, BOOLOID, &null);
    lag->known = !null && DatumGetBool(known);
    Datum messages = statement_value(0, 2, INT8OID, &null);
    lag->messages = null ? 0 : DatumGetInt64(messages);
    Datum seconds = statement_value(0, 3, FLOAT8OID, &null);
    lag->seconds = null ? -1 : DatumGetFloat8(seconds);
}

} // namespace heartbeat
