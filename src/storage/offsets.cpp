// Storage wing: reads and moves positions. Moving is a compare-and-set, so that two writers can never both
// succeed.
#include "server.h"

#include "storage/arrays.h"
#include "storage/event_clock.h"
#include "storage/offsets.h"
#include "storage/own_objects.h"
#include "storage/user_code.h"
#include "stream/text.h"
#include "text.h"

namespace heartbeat {

namespace {

Statement select_offsets = {
    "SELECT partition, next_offset, last_message_offset, last_message_at, cluster_id, topic_id,"
    " lost_at IS NOT NULL, lost_reason, first_offset, cluster_id IS NOT NULL"
    " OR records::numeric + anomalies + duplicates + dead_letters > 0 FROM @extschema@.heartbeat_offsets "
    "WHERE topic = $1 "
    "ORDER BY "
    "partition",
    1,
    {TEXTOID},
    0,
    nullptr};

Statement insert_offset = {"INSERT INTO @extschema@.heartbeat_offsets (topic, partition, next_offset, "
                           "first_offset, cluster_id, topic_id)"
                           " VALUES ($1, $2, $3, $3, nullif($4, ''), nullif($5, '')) ON CONFLICT DO NOTHING",
                           5,
                           {TEXTOID, INT4OID, INT8OID, TEXTOID, TEXTOID},
                           0,
                           nullptr};

constexpr OwnFunction move_offset = {"heartbeat_move_offset", 4, {TEXTOID, INT4OID, INT8OID, TEXTOID}};

// An id that is not given is no news.
Statement update_identity = {
    "UPDATE @extschema@.heartbeat_offsets"
    " SET cluster_id = coalesce(nullif($2, ''), cluster_id), topic_id = coalesce(nullif($3, ''), topic_id)"
    " WHERE topic = $1 AND partition % $5 = $4 AND partition < $6"
    " AND (coalesce(cluster_id, '') <> $2 AND $2 <> '' OR coalesce(topic_id, '') <> $3 AND $3 <> '')",
    6,
    {TEXTOID, TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID},
    0,
    nullptr};

Statement update_lost = {"UPDATE @extschema@.heartbeat_offsets SET lost_at = now(), lost_reason = $2"
                         " WHERE topic = $1 AND lost_at IS NULL",
                         2,
                         {TEXTOID, TEXTOID},
                         0,
                         nullptr};

Statement update_offsets = {
    "UPDATE @extschema@.heartbeat_offsets o SET next_offset = n.next_offset, records = o.records + n.records,"
    " bradycardia = o.bradycardia + n.bradycardia, tachycardia = o.tachycardia + n.tachycardia,"
    " invalid = o.invalid + n.invalid, duplicates = o.duplicates + n.duplicates,"
    " dead_letters = o.dead_letters + n.dead_letters, empty_offsets = o.empty_offsets + n.empty_offsets,"
    " last_message_at = coalesce(n.last_message_at, o.last_message_at),"
    " last_message_offset = coalesce(nullif(n.last_message_offset, -1), o.last_message_offset),"
    " first_event = least(o.first_event, n.first_event),"
    " last_event = greatest(CASE WHEN o.last_event <= $16 THEN o.last_event END, n.last_event),"
    " updated_at = now()"
    " FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) AS n (partition, "
    "first_offset, "
    "next_offset,"
    " records, bradycardia, tachycardia, invalid, duplicates, dead_letters, empty_offsets, last_message_at,"
    " first_event, last_event, last_message_offset)"
    " WHERE o.topic = $1 AND o.partition = n.partition AND o.next_offset = n.first_offset",
    16,
    {TEXTOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
     INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID,
     TIMESTAMPTZARRAYOID, INT8ARRAYOID, TIMESTAMPTZOID},
    0,
    nullptr};

// Empty for NULL.
const char *text_of(uint64_t row, int column) {
    const char *text = statement_text(row, column);
    return text == nullptr ? "" : text;
}

// As TopicDescription has it: version 1.1 stored ids as the broker gave them.
template <size_t size> void copy_id(uint64_t row, int column, char (&to)[size]) {
    ascii_copy(to, size, text_of(row, column));
}

Witness witness_of(uint64_t row) {
    bool no_offset, no_time;
    int64_t offset = DatumGetInt64(statement_value(row, 3, INT8OID, &no_offset));
    TimestampTz time = DatumGetTimestampTz(statement_value(row, 4, TIMESTAMPTZOID, &no_time));
    return no_offset || no_time ? Witness{} : Witness{offset, to_unix_microseconds(time) / 1000};
}

} // namespace

StoredOffset *offsets_load(const char *topic, size_t *count) {
    Datum value = CStringGetTextDatum(topic);
    *count = statement_execute(&select_offsets, &value, nullptr, SPI_OK_SELECT);
    auto *offsets = static_cast<StoredOffset *>(SPI_palloc(sizeof(StoredOffset) * (*count + 1)));
    for (size_t i = 0; i < *count; i++) {
        offsets[i].partition = statement_int4(i, 1);
        offsets[i].next_offset = statement_int8(i, 2);
        offsets[i].witness = witness_of(i);
        copy_id(i, 5, offsets[i].cluster_id);
        copy_id(i, 6, offsets[i].topic_id);
        offsets[i].lost = statement_bool(i, 7);
        text_copy(offsets[i].lost_reason, text_of(i, 8));
        offsets[i].first_offset = statement_int8(i, 9);
        offsets[i].was_read = statement_bool(i, 10);
    }
    return offsets;
}

void offsets_begin(const char *topic, int32_t partition, int64_t next_offset,
                   const TopicDescription &description) {
    Datum values[5] = {CStringGetTextDatum(topic), Int32GetDatum(partition), Int64GetDatum(next_offset),
                       CStringGetTextDatum(description.cluster_id),
                       CStringGetTextDatum(description.topic_id)};
    statement_execute(&insert_offset, values, nullptr, SPI_OK_INSERT);
}

void offsets_reset(const char *topic, int32_t partition, int64_t from, int64_t to, const char *reason) {
    Datum values[4] = {CStringGetTextDatum(topic), Int32GetDatum(partition), Int64GetDatum(to),
                       CStringGetTextDatum(reason)};
    for (const char *written : {"heartbeat_offsets", "heartbeat_gaps"})
        user_code_refuse(extension_table(written));
    Datum previous;
    if (!own_function_call(move_offset, values, nullptr, &previous) || DatumGetInt64(previous) != from)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("the offset of partition %d was moved by somebody else", partition)));
}

void offsets_mark_lost(const char *topic, const char *reason) {
    Datum values[2] = {CStringGetTextDatum(topic), CStringGetTextDatum(reason)};
    statement_execute(&update_lost, values, nullptr, SPI_OK_UPDATE);
}

void offsets_set_identity(const char *topic, const TopicDescription &description, int worker, int workers) {
    Datum values[6] = {CStringGetTextDatum(topic),
                       CStringGetTextDatum(description.cluster_id),
                       CStringGetTextDatum(description.topic_id),
                       Int32GetDatum(worker),
                       Int32GetDatum(workers),
                       Int32GetDatum(description.partition_count)};
    statement_execute(&update_identity, values, nullptr, SPI_OK_UPDATE);
}

bool offsets_advance(const Batch *batch, const char *topic, const PartitionCounts *counts) {
    size_t count = batch->partitions.size();
    auto at = [&](size_t i) -> const BatchPartition & { return batch->partitions[i]; };
    auto stored = [&](HeartRateClass heart_rate_class) {
        return array_of_int8(count,
                             [&](size_t i) { return counts[i].stored[static_cast<int>(heart_rate_class)]; });
    };
    auto no_readings = [&](size_t i) { return at(i).readings == 0; };
    EventClock clock = event_clock();
    Datum values[16] = {
        CStringGetTextDatum(topic),
        array_of_fixed<int32_t>(count, INT4OID, [&](size_t i) { return at(i).partition; }),
        array_of_int8(count, [&](size_t i) { return at(i).first_offset; }),
        array_of_int8(count, [&](size_t i) { return at(i).next_offset; }),
        stored(HeartRateClass::normal),
        stored(HeartRateClass::bradycardia),
        stored(HeartRateClass::tachycardia),
        stored(HeartRateClass::invalid),
        array_of_int8(count, [&](size_t i) { return counts[i].duplicates; }),
        array_of_int8(count, [&](size_t i) { return counts[i].dead_letters; }),
        array_of_int8(count,
                      [&](size_t i) { return at(i).next_offset - at(i).first_offset - at(i).messages; }),
        array_of_timestamptz_or_null(
            count, [&](size_t i) { return at(i).last_kafka_time < 0; },
            [&](size_t i) { return at(i).last_kafka_time * 1000; }),
        array_of_timestamptz_or_null(count, no_readings,
                                     [&](size_t i) { return event_seen(clock, at(i).first_event); }),
        array_of_timestamptz_or_null(count, no_readings,
                                     [&](size_t i) { return event_seen(clock, at(i).last_event); }),
        array_of_int8(count, [&](size_t i) { return at(i).last_offset; }),
        TimestampTzGetDatum(clock.latest),
    };
    return statement_execute(&update_offsets, values, nullptr, SPI_OK_UPDATE) == count;
}

} // namespace heartbeat
