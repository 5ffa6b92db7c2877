// One UPDATE moves next_offset in heartbeat_offsets to the end of a batch, and adds the batch's counts to the
// counters in the same rows. The UPDATE changes a row only if next_offset of the row is still the first
// offset of the batch. So if two processes have read the same messages, only one of them can store these
// messages. The ingest worker calls this file as the last step of the transaction that stores the batch.
#include "server/server.h"

#include "server/arrays.h"
#include "server/statement.h"
#include "store/event_clock.h"
#include "store/offset_counters.h"
#include "store/offsets.h"
#include "store/offsets_advance.h"

namespace heartbeat {

namespace {

// OFFSET 0 keeps the subquery n apart, so that the planner does not see that each row has the same source and
// the same topic. If heartbeat_offsets has no statistics, the planner would expect one row with this source
// and this topic, and would compare each row of the table with each element of the arrays.
constexpr const char *update_offsets_sql = R"sql(
    UPDATE @extschema@.heartbeat_offsets o
    SET next_offset = n.next_offset,
        last_message_at = coalesce(n.last_message_at, o.last_message_at),
        last_message_offset = coalesce(nullif(n.last_message_offset, -1), o.last_message_offset),
        @marks@@add_counters@
    FROM (
        SELECT $22 AS source, $2 AS topic, u.*
        FROM unnest(
            $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) AS u (
            partition, first_offset, next_offset, records, bradycardia, tachycardia, invalid, duplicates,
            dead_letters, empty_offsets, last_message_at, first_event, last_event, last_message_offset,
            message_marks, messages, ignored, readings, conflicts)
        OFFSET 0) n
    WHERE o.topic = n.topic AND o.partition = n.partition AND o.next_offset = n.first_offset@source@)sql";

constexpr Statement::Types update_types = {
    TIMESTAMPTZOID, TEXTOID,      INT4ARRAYOID,        INT8ARRAYOID,        INT8ARRAYOID,
    INT8ARRAYOID,   INT8ARRAYOID, INT8ARRAYOID,        INT8ARRAYOID,        INT8ARRAYOID,
    INT8ARRAYOID,   INT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID,
    INT8ARRAYOID,   TEXTARRAYOID, INT8ARRAYOID,        INT8ARRAYOID,        INT8ARRAYOID,
    INT8ARRAYOID,   TEXTOID};

// A database of version 1.1 does not have message_marks.
constexpr StatementPart set_marks = {"@marks@", R"sql(
        message_marks = coalesce(nullif(n.message_marks, ''), o.message_marks),)sql"};
constexpr StatementPart set_no_marks = {"@marks@", R"sql()sql"};

// A database of version 1.1 or 1.2 has only the source `default`.
constexpr StatementPart of_source = {"@source@", R"sql( AND o.source = n.source)sql"};
constexpr StatementPart of_any = {"@source@", R"sql( AND n.source = 'default')sql"};

Statement update_offsets = {update_types, {set_marks, add_counters, of_source}, update_offsets_sql};
Statement update_offsets_of_1_2 = {update_types, {set_marks, add_old_counters, of_any}, update_offsets_sql};
Statement update_offsets_of_1_1 = {
    update_types, {set_no_marks, add_old_counters, of_any}, update_offsets_sql};

} // namespace

bool offsets_advance(const Batch *batch, const Source &source, const PartitionCounts *counts) {
    size_t count = batch->partitions.size();
    auto at = [&](size_t i) -> const BatchPartition & { return batch->partitions[i]; };
    auto stored = [&](HeartRateClass heart_rate_class) {
        return array_of_int8(count,
                             [&](size_t i) { return counts[i].stored[static_cast<int>(heart_rate_class)]; });
    };
    auto no_readings = [&](size_t i) { return at(i).readings == 0; };
    EventClock clock = event_clock();
    auto marks = [&](size_t i) {
        char *text = static_cast<char *>(palloc(trail_text_size));
        trail_print(i < batch->trails.size() ? batch->trails[i] : MarkTrail{}, text);
        return static_cast<const char *>(text);
    };
    Datum values[update_types.count] = {
        TimestampTzGetDatum(clock.latest),
        CStringGetTextDatum(source.topic),
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
        array_of_names(count, marks),
        array_of_int8(count, [&](size_t i) { return partition_messages(at(i), counts[i]); }),
        array_of_int8(count, [&](size_t i) { return at(i).ignored; }),
        array_of_int8(count, [&](size_t i) { return counts[i].readings; }),
        array_of_int8(count, [&](size_t i) { return counts[i].conflicts; }),
        CStringGetTextDatum(source.name),
    };
    Statement *statement = offsets_have_sources() ? &update_offsets
                           : offsets_have_marks() ? &update_offsets_of_1_2
                                                  : &update_offsets_of_1_1;
    return statement_execute(statement, values, nullptr, SPI_OK_UPDATE) == count;
}

} // namespace heartbeat
