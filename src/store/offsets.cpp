// Reads the stored offsets. This file also stores what a worker finds: a new Kafka partition, a gap, the ids
// of the cluster and the topic, or a recreated or truncated topic. When the worker stores a batch,
// offsets_advance.cpp moves the offsets.
#include "server/server.h"

#include "decode/utf8_text.h"
#include "monitor/events.h"
#include "server/arrays.h"
#include "server/extension.h"
#include "server/own_objects.h"
#include "server/statement.h"
#include "server/text.h"
#include "server/user_code.h"
#include "store/offsets.h"

extern "C" {
#include "access/xact.h"
#include "utils/lsyscache.h"
}

namespace heartbeat {

namespace {

constexpr const char *select_offsets_sql = R"sql(
    SELECT partition, next_offset, last_message_offset, last_message_at, cluster_id, topic_id,
        lost_at IS NOT NULL, lost_reason, first_offset,
        cluster_id IS NOT NULL OR records::numeric + anomalies + duplicates + dead_letters > 0@counted@, @marks@
    FROM @extschema@.heartbeat_offsets
    WHERE topic = $1@source@
    ORDER BY partition)sql";

// A database that still has version 1.1 of the extension does not have the columns message_marks and
// truncated_to.
constexpr StatementPart marks = {"@marks@", R"sql(message_marks, coalesce(truncated_to, -1))sql"};
constexpr StatementPart no_marks = {"@marks@", R"sql(NULL::text, -1::bigint)sql"};

// A database of version 1.1 or 1.2 has only the source `default`. The name of the source is the last
// parameter.
constexpr StatementPart of_source_2 = {"@source@", R"sql( AND source = $2)sql"};
constexpr StatementPart of_source_3 = {"@source@", R"sql( AND source = $3)sql"};
constexpr StatementPart of_source_5 = {"@source@", R"sql( AND source = $5)sql"};
constexpr StatementPart of_any = {"@source@", R"sql()sql"};
constexpr StatementPart all_counted = {"@counted@", R"sql( OR messages::numeric + ignored > 0)sql"};
constexpr StatementPart old_counted = {"@counted@", R"sql()sql"};

Statement select_offsets = {{TEXTOID, TEXTOID}, {all_counted, marks, of_source_2}, select_offsets_sql};
Statement select_offsets_of_1_2 = {{TEXTOID}, {old_counted, marks, of_any}, select_offsets_sql};
Statement select_offsets_of_1_1 = {{TEXTOID}, {old_counted, no_marks, of_any}, select_offsets_sql};

Statement insert_offset = {{TEXTOID, INT4OID, INT8OID, TEXTOID, TEXTOID, TEXTOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_offsets (
        topic, partition, next_offset, first_offset, cluster_id, topic_id, source)
    VALUES ($1, $2, $3, $3, nullif($4, ''), nullif($5, ''), $6)
    ON CONFLICT DO NOTHING)sql"};
Statement insert_old_offset = {{TEXTOID, INT4OID, INT8OID, TEXTOID, TEXTOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_offsets (
        topic, partition, next_offset, first_offset, cluster_id, topic_id)
    VALUES ($1, $2, $3, $3, nullif($4, ''), nullif($5, ''))
    ON CONFLICT DO NOTHING)sql"};

constexpr OwnFunction move_offset = {"heartbeat_move_offset", {TEXTOID, TEXTOID, INT4OID, INT8OID, TEXTOID}};
constexpr OwnFunction move_old_offset = {"heartbeat_move_offset", {TEXTOID, INT4OID, INT8OID, TEXTOID}};

// If an id is empty, the statement does not change the stored id.
constexpr const char *update_identity_sql = R"sql(
    UPDATE @extschema@.heartbeat_offsets
    SET cluster_id = coalesce(nullif($2, ''), cluster_id), topic_id = coalesce(nullif($3, ''), topic_id)
    WHERE topic = $1 AND partition = ANY ($4)@source@
        AND (coalesce(cluster_id, '') <> $2 AND $2 <> '' OR coalesce(topic_id, '') <> $3 AND $3 <> ''))sql";
Statement update_identity = {
    {TEXTOID, TEXTOID, TEXTOID, INT4ARRAYOID, TEXTOID}, {of_source_5}, update_identity_sql};
Statement update_old_identity = {{TEXTOID, TEXTOID, TEXTOID, INT4ARRAYOID}, {of_any}, update_identity_sql};

constexpr const char *update_lost_sql = R"sql(
    UPDATE @extschema@.heartbeat_offsets
    SET lost_at = now(), lost_reason = $2, truncated_to = NULL
    WHERE topic = $1@source@ AND (lost_at IS NULL OR truncated_to IS NOT NULL))sql";
Statement update_lost = {{TEXTOID, TEXTOID, TEXTOID}, {of_source_3}, update_lost_sql};
Statement update_lost_of_1_2 = {{TEXTOID, TEXTOID}, {of_any}, update_lost_sql};
Statement update_lost_of_1_1 = {{TEXTOID, TEXTOID}, R"sql(
    UPDATE @extschema@.heartbeat_offsets
    SET lost_at = now(), lost_reason = $2
    WHERE topic = $1 AND lost_at IS NULL)sql"};

constexpr const char *update_truncated_sql = R"sql(
    UPDATE @extschema@.heartbeat_offsets
    SET lost_at = now(), lost_reason = $4, truncated_to = $3
    WHERE topic = $1 AND partition = $2@source@ AND lost_at IS NULL)sql";
Statement update_truncated = {
    {TEXTOID, INT4OID, INT8OID, TEXTOID, TEXTOID}, {of_source_5}, update_truncated_sql};
Statement update_truncated_of_1_2 = {{TEXTOID, INT4OID, INT8OID, TEXTOID}, {of_any}, update_truncated_sql};

// A database of version 1.1 has no column for a truncated log. So this statement treats a truncated log in
// the same way as a recreated topic.
Statement update_truncated_of_1_1 = {{TEXTOID, INT4OID, TEXTOID}, R"sql(
    UPDATE @extschema@.heartbeat_offsets
    SET lost_at = now(), lost_reason = $3
    WHERE topic = $1 AND partition = $2 AND lost_at IS NULL)sql"};

// Makes the details of an event about a truncation. For the source `default`, the details have no field
// `source`.
Statement make_details = {{TEXTOID, INT4OID, INT8OID, INT8OID, TEXTOID}, R"sql(
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'topic', $1, 'partition', $2, 'truncated_to', $3, 'next_offset', $4, 'source', nullif($5, 'default'))))sql"};

// Returns the statement for the version of the database's tables.
Statement *of_version(Statement *now, Statement *of_1_2, Statement *of_1_1) {
    return offsets_have_sources() ? now : offsets_have_marks() ? of_1_2 : of_1_1;
}

// Returns an empty text for NULL.
const char *text_of(uint64_t row, int column) {
    const char *text = statement_text(row, column);
    return text == nullptr ? "" : text;
}

// Copies a stored id with ascii_copy(), because ascii_copy() has also written the ids in TopicDescription.
// Version 1.1 stored ids as Kafka sends them.
template <size_t size> void copy_id(uint64_t row, int column, char (&to)[size]) {
    ascii_copy(to, size, text_of(row, column));
}

// Returns the mark (offset, time and checksum) of the last consumed message. Usually `trail` has this mark,
// with the checksum of the message. Version 1.1 stored no marks: if it has consumed the message, the function
// makes a mark from the stored offset and time, without a checksum.
MessageMark last_message_of(uint64_t row, const MarkTrail &trail) {
    bool no_offset, no_time;
    int64_t offset = DatumGetInt64(statement_value(row, 3, INT8OID, &no_offset));
    TimestampTz time = DatumGetTimestampTz(statement_value(row, 4, TIMESTAMPTZOID, &no_time));
    if (no_offset || no_time)
        return {};
    MessageMark last_message = {offset, to_unix_microseconds(time) / 1000};
    const MessageMark *mark = trail.find(offset);
    return mark != nullptr && mark->kafka_time == last_message.kafka_time ? *mark : last_message;
}

} // namespace

bool offsets_have_marks() {
    return get_attnum(extension_table("heartbeat_offsets"), "truncated_to") != InvalidAttrNumber;
}

bool offsets_have_sources() {
    if (get_attnum(extension_table("heartbeat_offsets"), "source") != InvalidAttrNumber)
        return true;
    // Only a database of version 2.0 or later has heartbeat_source_definitions. If the column `source` is
    // missing there, a person has removed it. Raise an error, because the statements for version 1.x would
    // not count messages.
    if (OidIsValid(get_relname_relid("heartbeat_source_definitions", extension_known().schema)))
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_COLUMN),
                 errmsg("table \"heartbeat_offsets\" of extension \"heartbeat\" has no column \"source\"")));
    return false;
}

StoredOffset *offsets_load(const Source &source, size_t *count) {
    Datum values[2] = {CStringGetTextDatum(source.topic), CStringGetTextDatum(source.name)};
    *count = statement_execute(of_version(&select_offsets, &select_offsets_of_1_2, &select_offsets_of_1_1),
                               values, nullptr, SPI_OK_SELECT);
    auto *offsets = static_cast<StoredOffset *>(SPI_palloc(sizeof(StoredOffset) * (*count + 1)));
    for (size_t i = 0; i < *count; i++) {
        offsets[i].partition = statement_int4(i, 1);
        offsets[i].next_offset = statement_int8(i, 2);
        offsets[i].trail = trail_parse(text_of(i, 11));
        offsets[i].last_message = last_message_of(i, offsets[i].trail);
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

void offsets_begin(const Source &source, int32_t partition, int64_t next_offset,
                   const TopicDescription &description) {
    Datum values[6] = {CStringGetTextDatum(source.topic),
                       Int32GetDatum(partition),
                       Int64GetDatum(next_offset),
                       CStringGetTextDatum(description.cluster_id),
                       CStringGetTextDatum(description.topic_id),
                       CStringGetTextDatum(source.name)};
    statement_execute(offsets_have_sources() ? &insert_offset : &insert_old_offset, values, nullptr,
                      SPI_OK_INSERT);
}

void offsets_reset(const Source &source, int32_t partition, int64_t from, int64_t to, const char *reason) {
    Datum values[5] = {CStringGetTextDatum(source.name), CStringGetTextDatum(source.topic),
                       Int32GetDatum(partition), Int64GetDatum(to), CStringGetTextDatum(reason)};
    for (const char *written : {"heartbeat_offsets", "heartbeat_gaps"})
        user_code_refuse(extension_table(written));
    Datum previous;
    bool moved = offsets_have_sources() ? own_function_call(move_offset, values, nullptr, &previous)
                                        : own_function_call(move_old_offset, values + 1, nullptr, &previous);
    if (!moved || DatumGetInt64(previous) != from)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("another process changed the offset of partition %d", partition)));
}

void offsets_mark_lost(const Source &source, const char *topic, const char *reason) {
    Datum values[3] = {CStringGetTextDatum(topic), CStringGetTextDatum(reason),
                       CStringGetTextDatum(source.name)};
    statement_execute(of_version(&update_lost, &update_lost_of_1_2, &update_lost_of_1_1), values, nullptr,
                      SPI_OK_UPDATE);
}

void offsets_mark_truncated(const Source &source, const char *topic, int32_t partition, int64_t truncated_to,
                            int64_t position, const char *reason) {
    Datum values[5] = {CStringGetTextDatum(topic), Int32GetDatum(partition), Int64GetDatum(truncated_to),
                       CStringGetTextDatum(reason), CStringGetTextDatum(source.name)};
    Datum old_values[3] = {values[0], values[1], values[3]};
    Statement *statement = of_version(&update_truncated, &update_truncated_of_1_2, &update_truncated_of_1_1);
    uint64_t marked =
        statement_execute(statement, offsets_have_marks() ? values : old_values, nullptr, SPI_OK_UPDATE);
    if (marked == 0)
        return;
    Datum details[5] = {values[0], values[1], values[2], Int64GetDatum(position), values[4]};
    statement_execute(&make_details, details, nullptr, SPI_OK_SELECT);
    events_record("truncation", reason, statement_value(0, 1, JSONBOID),
                  GetCurrentTransactionStartTimestamp());
}

void offsets_set_identity(const Source &source, const TopicDescription &description,
                          const int32_t *partitions, size_t count) {
    Datum values[5] = {CStringGetTextDatum(source.topic), CStringGetTextDatum(description.cluster_id),
                       CStringGetTextDatum(description.topic_id),
                       array_of_fixed<int32_t>(count, INT4OID, [=](size_t i) { return partitions[i]; }),
                       CStringGetTextDatum(source.name)};
    statement_execute(offsets_have_sources() ? &update_identity : &update_old_identity, values, nullptr,
                      SPI_OK_UPDATE);
}

} // namespace heartbeat
