// Applies all adjustments of a table in one statement. The statement locks the rows of the table in a fixed
// order, so that two sessions that adjust counters cannot deadlock.
#include "server/server.h"

#include "server/arrays.h"
#include "server/statement.h"
#include "store/counter_adjustments.h"
#include "store/event_clock.h"
#include "store/offset_counters.h"
#include "store/offsets.h"

namespace heartbeat {

namespace {

constexpr long partitions_expected = 64;

constexpr Statement::Types add_types = {
    TIMESTAMPTZOID,      TEXTARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
    INT8ARRAYOID,        INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID,
    TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID};
constexpr const char *add_counts_sql = R"sql(
    WITH n AS MATERIALIZED (
        SELECT *
        FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) AS n (
            topic, partition, rewound, records, bradycardia, tachycardia, invalid, duplicates,
            dead_letters, empty_offsets, first_event, last_event, messages, ignored, readings,
            conflicts, source)),
        locked AS MATERIALIZED (
            SELECT
            FROM @extschema@.heartbeat_offsets o JOIN n ON o.topic = n.topic COLLATE "C"
                AND o.partition = n.partition@source@
            ORDER BY o.topic, o.partition FOR UPDATE OF o),
        adjusted AS (
            UPDATE @extschema@.heartbeat_offsets o
            SET rewound = o.rewound + n.rewound,@add_counters@
            FROM n
            WHERE o.topic = n.topic COLLATE "C" AND o.partition = n.partition@source@
                AND (SELECT count(*) FROM locked) >= 0
            RETURNING 1)
    SELECT count(*) FROM adjusted)sql";

// A database of version 1.1 or 1.2 has only the source `default`.
constexpr StatementPart of_source = {"@source@", R"sql( AND o.source = n.source COLLATE "C")sql"};
constexpr StatementPart of_any = {"@source@", R"sql( AND n.source = 'default')sql"};

// In heartbeat_dropped_offsets, all Kafka partitions of a topic share one row. So the statement first adds up
// the adjustments of these Kafka partitions. The statement returns the number of Kafka partitions in `n`
// whose topic has a row.
Statement add_dropped_counts = {add_types, R"sql(
    WITH n AS MATERIALIZED (
        SELECT source, topic, count(*) AS partitions, sum(records) AS records,
            sum(bradycardia) AS bradycardia, sum(tachycardia) AS tachycardia, sum(invalid) AS invalid,
            sum(duplicates) AS duplicates, sum(dead_letters) AS dead_letters, sum(conflicts) AS conflicts,
            min(first_event) AS first_event, max(last_event) AS last_event
        FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) AS n (
            topic, partition, rewound, records, bradycardia, tachycardia, invalid, duplicates,
            dead_letters, empty_offsets, first_event, last_event, messages, ignored, readings,
            conflicts, source)
        GROUP BY source, topic),
        locked AS MATERIALIZED (
            SELECT
            FROM @extschema@.heartbeat_dropped_offsets o JOIN n ON o.source = n.source COLLATE "C"
                AND o.topic = n.topic COLLATE "C"
            ORDER BY o.source, o.topic FOR UPDATE OF o),
        adjusted AS (
            UPDATE @extschema@.heartbeat_dropped_offsets o
            SET records = o.records + n.records, bradycardia = o.bradycardia + n.bradycardia,
                tachycardia = o.tachycardia + n.tachycardia, invalid = o.invalid + n.invalid,
                duplicates = o.duplicates + n.duplicates, dead_letters = o.dead_letters + n.dead_letters,
                conflicts = o.conflicts + n.conflicts,
                first_event = least(o.first_event, n.first_event),
                last_event = greatest(CASE WHEN o.last_event <= $1 THEN o.last_event END, n.last_event)
            FROM n
            WHERE o.source = n.source COLLATE "C" AND o.topic = n.topic COLLATE "C"
                AND (SELECT count(*) FROM locked) >= 0
            RETURNING n.partitions)
    SELECT coalesce(sum(partitions), 0)::bigint FROM adjusted)sql"};

Statement add_counts = {add_types, {add_counters, of_source}, add_counts_sql};
Statement add_old_counts = {add_types, {add_old_counters, of_any}, add_counts_sql};

} // namespace

HTAB *counter_adjustments_create() {
    HASHCTL control = {};
    control.keysize = sizeof(CounterAdjustmentKey);
    control.entrysize = sizeof(CounterAdjustment);
    control.hcxt = CurrentMemoryContext;
    return hash_create("heartbeat recounts", partitions_expected, &control,
                       HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

CounterAdjustment *counter_adjustments_of(HTAB *adjustments, const char *source, const char *topic,
                                          int32_t partition, bool dropped) {
    CounterAdjustmentKey key = {};
    text_copy(key.source, source);
    text_copy(key.topic, topic);
    key.partition = partition;
    key.dropped = dropped;
    bool found;
    auto *adjustment = static_cast<CounterAdjustment *>(hash_search(adjustments, &key, HASH_ENTER, &found));
    if (!found) {
        *adjustment = {};
        adjustment->key = key;
    }
    return adjustment;
}

void counter_adjustments_event(CounterAdjustment *adjustment, int64_t event_time) {
    adjustment->first_event =
        adjustment->has_events ? std::min(adjustment->first_event, event_time) : event_time;
    adjustment->last_event =
        adjustment->has_events ? std::max(adjustment->last_event, event_time) : event_time;
    adjustment->has_events = true;
}

namespace {

// Returns false if the adjustment adds only zeros. The caller leaves out such an adjustment, so that ingest
// does not wait for the lock of a row that nobody changes.
bool changes(const CounterAdjustment &a) {
    return a.rewound != 0 || a.messages != 0 || a.ignored != 0 || a.readings != 0 || a.duplicates != 0 ||
           a.conflicts != 0 || a.dead_letters != 0 || a.empty_offsets != 0 ||
           std::any_of(a.stored, a.stored + heart_rate_classes, [](int64_t stored) { return stored != 0; });
}

// If `dropped` is true, returns the adjustments for heartbeat_dropped_offsets. Otherwise returns the
// adjustments for heartbeat_offsets. Leaves out adjustments that change nothing.
const CounterAdjustment **list_of(HTAB *adjustments, bool dropped, size_t *count) {
    auto **list = static_cast<const CounterAdjustment **>(
        palloc(sizeof(void *) * static_cast<size_t>(hash_get_num_entries(adjustments) + 1)));
    *count = 0;
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, adjustments);
    while (const auto *adjustment = static_cast<const CounterAdjustment *>(hash_seq_search(&scan)))
        if (adjustment->key.dropped == dropped && changes(*adjustment))
            list[(*count)++] = adjustment;
    return list;
}

// `partitions` is the number of Kafka partitions without a row in `table`: a person has deleted these rows.
// Warns if the number is not 0.
void tell_uncounted(int64_t partitions, const char *table) {
    if (partitions > 0)
        ereport(WARNING, (errcode(ERRCODE_WARNING),
                          errmsg("the counters of %lld Kafka partitions were not changed",
                                 static_cast<long long>(partitions)),
                          errdetail("%s has no rows for these Kafka partitions.", table),
                          errhint("heartbeat_audit_tables() shows the difference.")));
}

// Executes add_counts, add_old_counts or add_dropped_counts. These statements have the same parameters.
void apply(HTAB *adjustments, bool dropped) {
    size_t count;
    const CounterAdjustment *const *all = list_of(adjustments, dropped, &count);
    if (count == 0)
        return;
    auto stored = [&](HeartRateClass heart_rate_class) {
        return array_of_int8(count,
                             [&](size_t i) { return all[i]->stored[static_cast<int>(heart_rate_class)]; });
    };
    auto no_events = [&](size_t i) { return !all[i]->has_events; };
    EventClock clock = event_clock();
    Datum values[add_types.count] = {
        TimestampTzGetDatum(clock.latest),
        array_of_names(count, [&](size_t i) { return all[i]->key.topic; }),
        array_of_fixed<int32_t>(count, INT4OID, [&](size_t i) { return all[i]->key.partition; }),
        array_of_int8(count, [&](size_t i) { return all[i]->rewound; }),
        stored(HeartRateClass::normal),
        stored(HeartRateClass::bradycardia),
        stored(HeartRateClass::tachycardia),
        stored(HeartRateClass::invalid),
        array_of_int8(count, [&](size_t i) { return all[i]->duplicates; }),
        array_of_int8(count, [&](size_t i) { return all[i]->dead_letters; }),
        array_of_int8(count, [&](size_t i) { return all[i]->empty_offsets; }),
        array_of_timestamptz_or_null(count, no_events,
                                     [&](size_t i) { return event_seen(clock, all[i]->first_event); }),
        array_of_timestamptz_or_null(count, no_events,
                                     [&](size_t i) { return event_seen(clock, all[i]->last_event); }),
        array_of_int8(count, [&](size_t i) { return all[i]->messages; }),
        array_of_int8(count, [&](size_t i) { return all[i]->ignored; }),
        array_of_int8(count, [&](size_t i) { return all[i]->readings; }),
        array_of_int8(count, [&](size_t i) { return all[i]->conflicts; }),
        array_of_names(count, [&](size_t i) { return all[i]->key.source; }),
    };
    Statement *add = offsets_have_sources() ? &add_counts : &add_old_counts;
    statement_execute(dropped ? &add_dropped_counts : add, values, nullptr, SPI_OK_SELECT);
    tell_uncounted(static_cast<int64_t>(count) - statement_int8(0, 1),
                   dropped ? "heartbeat_dropped_offsets" : "heartbeat_offsets");
}

} // namespace

void counter_adjustments_apply(HTAB *adjustments) {
    apply(adjustments, false);
    apply(adjustments, true);
}

} // namespace heartbeat
