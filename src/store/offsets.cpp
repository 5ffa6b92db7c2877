// Reads and moves positions. Moving is a compare-and-set, so that two writers can never both
// succeed.
#include "server/server.h"

#include "decode/utf8_text.h"
#include "monitor/events.h"
#include "server/arrays.h"
#include "server/extension.h"
#include "server/own_objects.h"
#include "server/statement.h"
#include "server/text.h"
#include "server/user_code.h"
#include "store/event_clock.h"
#include "store/offsets.h"

extern "C" {
#include "access/xact.h"
#include "utils/lsyscache.h"
}

namespace heartbeat {

namespace {

// A database of version 1.1 that has not been updated yet has neither message_marks nor truncated_to.
#define SELECT_OFFSETS(MARKS, TRUNCATED_TO)                                                                  \
    "SELECT partition, next_offset, last_message_offset, last_message_at, cluster_id, topic_id,"             \
    " lost_at IS NOT NULL, lost_reason, first_offset, cluster_id IS NOT NULL"                                \
    " OR records::numeric + anomalies + duplicates + dead_letters > 0, " MARKS ", " TRUNCATED_TO             \
    " FROM @extschema@.heartbeat_offsets WHERE topic = $1 ORDER BY partition"

Statement select_offsets = {
    SELECT_OFFSETS("message_marks", "coalesce(truncated_to, -1)"), 1, {TEXTOID}, 0, nullptr};
Statement select_old_offsets = {SELECT_OFFSETS("NULL::text", "-1::bigint"), 1, {TEXTOID}, 0, nullptr};

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
    " WHERE topic = $1 AND partition = ANY ($4)"
    " AND (coalesce(cluster_id, '') <> $2 AND $2 <> '' OR coalesce(topic_id, '') <> $3 AND $3 <> '')",
    4,
    {TEXTOID, TEXTOID, TEXTOID, INT4ARRAYOID},
    0,
    nullptr};

Statement update_lost = {"UPDATE @extschema@.heartbeat_offsets"
                         " SET lost_at = now(), lost_reason = $2, truncated_to = NULL"
                         " WHERE topic = $1 AND (lost_at IS NULL OR truncated_to IS NOT NULL)",
                         2,
                         {TEXTOID, TEXTOID},
                         0,
                         nullptr};
Statement update_old_lost = {"UPDATE @extschema@.heartbeat_offsets SET lost_at = now(), lost_reason = $2"
                             " WHERE topic = $1 AND lost_at IS NULL",
                             2,
                             {TEXTOID, TEXTOID},
                             0,
                             nullptr};

Statement update_truncated = {"UPDATE @extschema@.heartbeat_offsets"
                              " SET lost_at = now(), lost_reason = $4, truncated_to = $3"
                              " WHERE topic = $1 AND partition = $2 AND lost_at IS NULL",
                              4,
                              {TEXTOID, INT4OID, INT8OID, TEXTOID},
                              0,
                              nullptr};

// In a database of version 1.1 a truncated log cannot be told from a topic that was made again.
Statement update_old_truncated = {"UPDATE @extschema@.heartbeat_offsets SET lost_at = now(), lost_reason = $3"
                                  " WHERE topic = $1 AND partition = $2 AND lost_at IS NULL",
                                  3,
                                  {TEXTOID, INT4OID, TEXTOID},
                                  0,
                                  nullptr};

Statement make_details = {
    "SELECT jsonb_build_object('topic', $1, 'partition', $2, 'truncated_to', $3, 'next_offset', $4)",
    4,
    {TEXTOID, INT4OID, INT8OID, INT8OID},
    0,
    nullptr};

// MARKS is the assignment of message_marks, which a database of version 1.1 does not have.
#define UPDATE_OFFSETS(MARKS)                                                                                \
    "UPDATE @extschema@.heartbeat_offsets o SET next_offset = n.next_offset,"                                \
    " records = o.records + n.records, bradycardia = o.bradycardia + n.bradycardia,"                         \
    " tachycardia = o.tachycardia + n.tachycardia, invalid = o.invalid + n.invalid,"                         \
    " duplicates = o.duplicates + n.duplicates, dead_letters = o.dead_letters + n.dead_letters,"             \
    " empty_offsets = o.empty_offsets + n.empty_offsets,"                                                    \
    " last_message_at = coalesce(n.last_message_at, o.last_message_at),"                                     \
    " last_message_offset = coalesce(nullif(n.last_message_offset, -1), o.last_message_offset)," MARKS       \
    " first_event = least(o.first_event, n.first_event),"                                                    \
    " last_event = greatest(CASE WHEN o.last_event <= $17 THEN o.last_event END, n.last_event),"             \
    " updated_at = now()"                                                                                    \
    " FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) AS n (partition,"       \
    " first_offset, next_offset, records, bradycardia, tachycardia, invalid, duplicates, dead_letters,"      \
    " empty_offsets, last_message_at, first_event, last_event, last_message_offset, message_marks)"          \
    " WHERE o.topic = $1 AND o.partition = n.partition AND o.next_offset = n.first_offset"

constexpr int update_arguments = 17;

#define UPDATE_TYPES                                                                                         \
    {                                                                                                        \
        TEXTOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,         \
            INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID,                     \
            TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID             \
    }

Statement update_offsets = {
    UPDATE_OFFSETS(" message_marks = coalesce(nullif(n.message_marks, ''), o.message_marks),"),
    update_arguments, UPDATE_TYPES, 0, nullptr};
Statement update_old_offsets = {UPDATE_OFFSETS(""), update_arguments, UPDATE_TYPES, 0, nullptr};

// False until a database of version 1.1 has been updated.
bool has_marks() {
    return get_attnum(extension_table("heartbeat_offsets"), "truncated_to") != InvalidAttrNumber;
}

// Empty for NULL.
const char *text_of(uint64_t row, int column) {
    const char *text = statement_text(row, column);
    return text == nullptr ? "" : text;
}

// As TopicDescription has it: version 1.1 stored ids as the broker gave them.
template <size_t size> void copy_id(uint64_t row, int column, char (&to)[size]) {
    ascii_copy(to, size, text_of(row, column));
}

// Its checksum is with the marks, unless a version that knows of none has stored it.
MessageMark witness_of(uint64_t row, const MarkTrail &trail) {
    bool no_offset, no_time;
    int64_t offset = DatumGetInt64(statement_value(row, 3, INT8OID, &no_offset));
    TimestampTz time = DatumGetTimestampTz(statement_value(row, 4, TIMESTAMPTZOID, &no_time));
    if (no_offset || no_time)
        return {};
    MessageMark witness = {offset, to_unix_microseconds(time) / 1000};
    const MessageMark *mark = trail.find(offset);
    return mark != nullptr && mark->kafka_time == witness.kafka_time ? *mark : witness;
}

} // namespace

StoredOffset *offsets_load(const char *topic, size_t *count) {
    Datum value = CStringGetTextDatum(topic);
    *count = statement_execute(has_marks() ? &select_offsets : &select_old_offsets, &value, nullptr,
                               SPI_OK_SELECT);
    auto *offsets = static_cast<StoredOffset *>(SPI_palloc(sizeof(StoredOffset) * (*count + 1)));
    for (size_t i = 0; i < *count; i++) {
        offsets[i].partition = statement_int4(i, 1);
        offsets[i].next_offset = statement_int8(i, 2);
        offsets[i].trail = trail_parse(text_of(i, 11));
        offsets[i].witness = witness_of(i, offsets[i].trail);
        offsets[i].truncated_to = statement_int8(i, 12);
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
    statement_execute(has_marks() ? &update_lost : &update_old_lost, values, nullptr, SPI_OK_UPDATE);
}

void offsets_mark_truncated(const char *topic, int32_t partition, int64_t truncated_to, int64_t position,
                            const char *reason) {
    Datum values[4] = {CStringGetTextDatum(topic), Int32GetDatum(partition), Int64GetDatum(truncated_to),
                       CStringGetTextDatum(reason)};
    Datum old_values[3] = {values[0], values[1], values[3]};
    uint64_t marked = has_marks()
                          ? statement_execute(&update_truncated, values, nullptr, SPI_OK_UPDATE)
                          : statement_execute(&update_old_truncated, old_values, nullptr, SPI_OK_UPDATE);
    if (marked == 0)
        return;
    Datum details[4] = {values[0], values[1], values[2], Int64GetDatum(position)};
    statement_execute(&make_details, details, nullptr, SPI_OK_SELECT);
    events_record("truncation", reason, statement_value(0, 1, JSONBOID),
                  GetCurrentTransactionStartTimestamp());
}

void offsets_set_identity(const char *topic, const TopicDescription &description, const int32_t *partitions,
                          size_t count) {
    Datum values[4] = {CStringGetTextDatum(topic), CStringGetTextDatum(description.cluster_id),
                       CStringGetTextDatum(description.topic_id),
                       array_of_fixed<int32_t>(count, INT4OID, [=](size_t i) { return partitions[i]; })};
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
    auto marks = [&](size_t i) {
        char *text = static_cast<char *>(palloc(trail_text_size));
        trail_print(i < batch->trails.size() ? batch->trails[i] : MarkTrail{}, text);
        return static_cast<const char *>(text);
    };
    Datum values[update_arguments] = {
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
        array_of_names(count, marks),
        TimestampTzGetDatum(clock.latest),
    };
    Statement *statement = has_marks() ? &update_offsets : &update_old_offsets;
    return statement_execute(statement, values, nullptr, SPI_OK_UPDATE) == count;
}

} // namespace heartbeat
