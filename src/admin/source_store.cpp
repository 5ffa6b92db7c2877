// The statements on heartbeat_source_definitions, and on the rows of a source in other tables. sources.cpp
// calls this file.
#include "server/server.h"

#include "admin/source_store.h"
#include "server/arrays.h"
#include "server/settings.h"
#include "server/statement.h"
#include "store/pause.h"

namespace heartbeat {

namespace {

constexpr Statement::Types definition_types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
                                               TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};

Statement select_source = {{TEXTOID}, R"sql(
    SELECT topic, mapping::text, preset, format, brokers, kafka_config_file, schema_registry, schema,
        start_offset, offset_reset, tombstones
    FROM @extschema@.heartbeat_source_definitions
    WHERE name = $1 AND dropped_at IS NULL)sql"};

Statement lock_changed = {{TEXTOID}, R"sql(
    SELECT source_id FROM @extschema@.heartbeat_source_definitions WHERE name = $1 FOR NO KEY UPDATE)sql"};

Statement lock_dropped = {{TEXTOID}, R"sql(
    SELECT source_id FROM @extschema@.heartbeat_source_definitions WHERE name = $1 FOR UPDATE)sql"};

Statement count_sources = {R"sql(
    SELECT count(*) FROM @extschema@.heartbeat_source_definitions WHERE dropped_at IS NULL)sql"};

Statement insert_source = {definition_types, R"sql(
    INSERT INTO @extschema@.heartbeat_source_definitions (
        name, topic, mapping, preset, format, brokers, kafka_config_file, schema_registry, schema,
        start_offset, offset_reset, tombstones)
    VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7, $8, $9, $10, $11, $12))sql"};

// Changes a source. Also adds a dropped source `default` again, because a drop does not delete the row of
// `default`.
Statement update_source = {definition_types, R"sql(
    UPDATE @extschema@.heartbeat_source_definitions
    SET topic = $2, mapping = $3::jsonb, preset = $4, format = $5, brokers = $6, kafka_config_file = $7,
        schema_registry = $8, schema = $9, start_offset = $10, offset_reset = $11, tombstones = $12,
        revision = revision + 1,
        added_by = CASE WHEN dropped_at IS NULL THEN added_by ELSE session_user END,
        added_at = CASE WHEN dropped_at IS NULL THEN added_at ELSE now() END,
        changed_at = CASE WHEN dropped_at IS NULL THEN now() END, dropped_at = NULL
    WHERE name = $1)sql"};

// Moves the counters of a source in one statement. A SELECT before the DELETE could miss a change: until the
// DELETE locks the rows, a retry or the trigger on dead letters can change them.
Statement move_counters = {{TEXTOID}, R"sql(
    WITH deleted AS (DELETE FROM @extschema@.heartbeat_offsets WHERE source = $1 RETURNING *)
    INSERT INTO @extschema@.heartbeat_dropped_offsets AS d (
        source, topic, records, bradycardia, tachycardia, invalid, duplicates, conflicts, dead_letters,
        dead_letters_deleted, first_event, last_event, last_dead_letter)
    SELECT source, topic, sum(records), sum(bradycardia), sum(tachycardia), sum(invalid), sum(duplicates),
        sum(conflicts), sum(dead_letters), sum(dead_letters_deleted), min(first_event), max(last_event),
        (SELECT coalesce(max(id), 0) FROM @extschema@.heartbeat_dead_letters)
    FROM deleted
    GROUP BY source, topic
    ON CONFLICT (source, topic) DO UPDATE
    SET records = d.records + excluded.records, bradycardia = d.bradycardia + excluded.bradycardia,
        tachycardia = d.tachycardia + excluded.tachycardia, invalid = d.invalid + excluded.invalid,
        duplicates = d.duplicates + excluded.duplicates, conflicts = d.conflicts + excluded.conflicts,
        dead_letters = d.dead_letters + excluded.dead_letters,
        dead_letters_deleted = d.dead_letters_deleted + excluded.dead_letters_deleted,
        first_event = least(d.first_event, excluded.first_event),
        last_event = greatest(d.last_event, excluded.last_event),
        last_dead_letter = excluded.last_dead_letter)sql"};

Statement delete_gaps = {{TEXTOID}, R"sql(
    DELETE FROM @extschema@.heartbeat_gaps WHERE source = $1)sql"};

Statement delete_pause = {{TEXTOID}, R"sql(
    DELETE FROM @extschema@.heartbeat_control WHERE source = $1)sql"};

Statement delete_source = {{TEXTOID}, R"sql(
    DELETE FROM @extschema@.heartbeat_source_definitions WHERE name = $1)sql"};

// A drop of `default` does not delete the row, but writes the time of the drop into dropped_at. Each dump
// contains this row. After a restore, this row shows that the source was dropped: CREATE EXTENSION alone
// would make a row of `default` that is not dropped.
Statement mark_dropped = {{TEXTOID}, R"sql(
    UPDATE @extschema@.heartbeat_source_definitions
    SET dropped_at = now(), changed_at = now(), revision = revision + 1
    WHERE name = $1)sql"};

// jsonb_strip_nulls() also removes the nulls inside a mapping, and these nulls must stay. The previous and
// the new values can be mappings, so the statement adds these values after jsonb_strip_nulls().
Statement make_details = {{TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID}, R"sql(
    SELECT jsonb_strip_nulls(jsonb_build_object(
            'source', $1, 'topic', $2, 'given', nullif(to_jsonb($3), '[]')))
        || CASE WHEN count(*) = 0 THEN '{}' ELSE jsonb_build_object(
            'previous', jsonb_object_agg(field, previous), 'new', jsonb_object_agg(field, new)) END
    FROM (SELECT field, CASE field WHEN 'mapping' THEN previous::jsonb ELSE to_jsonb(previous) END,
              CASE field WHEN 'mapping' THEN new::jsonb ELSE to_jsonb(new) END
          FROM unnest($4, $5, $6) AS given (field, previous, new)
          WHERE field <> 'kafka_config_file') AS fields (field, previous, new)
    WHERE previous IS DISTINCT FROM new)sql"};

void fill(const SourceDefinition &source, Datum *values, char *nulls) {
    values[0] = CStringGetTextDatum(source.name);
    nulls[0] = ' ';
    for (int field = 0; field < source_fields; field++) {
        const char *text = source.fields[field];
        nulls[1 + field] = text == nullptr ? 'n' : ' ';
        values[1 + field] = text == nullptr ? 0 : CStringGetTextDatum(text);
    }
}

bool is_default(const char *name) {
    return strcmp(name, default_source) == 0;
}

} // namespace

void source_store_lock(const char *name, bool drops) {
    Datum value = CStringGetTextDatum(name);
    Statement *lock = drops ? &lock_dropped : &lock_changed;
    if (statement_execute(lock, &value, nullptr, SPI_OK_SELECT) > 0)
        pause_lock_source(statement_int4(0, 1));
}

bool source_store_find(const char *name, SourceDefinition *source) {
    Datum value = CStringGetTextDatum(name);
    if (statement_execute(&select_source, &value, nullptr, SPI_OK_SELECT) == 0)
        return false;
    source->name = name;
    for (int field = 0; field < source_fields; field++)
        source->fields[field] = statement_text(0, 1 + field);
    return true;
}

void source_store_add(const SourceDefinition &source) {
    statement_execute(&count_sources, nullptr, nullptr, SPI_OK_SELECT);
    int64_t count = statement_int8(0, 1);
    if (count >= settings.max_sources)
        ereport(ERROR,
                (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                 errmsg("cannot add a source: there are already %lld sources", static_cast<long long>(count)),
                 errhint("Raise heartbeat.max_sources (%d), and restart the server.", settings.max_sources)));
    Datum values[1 + source_fields];
    char nulls[1 + source_fields];
    fill(source, values, nulls);
    // if the source `default` was dropped, its row still exists, and update_source changes this row
    if (!is_default(source.name) || statement_execute(&update_source, values, nulls, SPI_OK_UPDATE) == 0)
        statement_execute(&insert_source, values, nulls, SPI_OK_INSERT);
}

void source_store_change(const SourceDefinition &source) {
    Datum values[1 + source_fields];
    char nulls[1 + source_fields];
    fill(source, values, nulls);
    statement_execute(&update_source, values, nulls, SPI_OK_UPDATE);
}

void source_store_drop(const char *name) {
    Datum value = CStringGetTextDatum(name);
    statement_execute(&move_counters, &value, nullptr, SPI_OK_INSERT);
    for (Statement *statement : {&delete_gaps, &delete_pause})
        statement_execute(statement, &value, nullptr, SPI_OK_DELETE);
    if (is_default(name))
        statement_execute(&mark_dropped, &value, nullptr, SPI_OK_UPDATE);
    else
        statement_execute(&delete_source, &value, nullptr, SPI_OK_DELETE);
}

Datum source_store_details(const SourceDefinition &previous, const SourceDefinition &source,
                           const SourceDefinition &given) {
    const char *names[source_fields];
    size_t count = 0;
    for (int field = 0; field < source_fields; field++)
        if (given.fields[field] != nullptr)
            names[count++] = source_field_names[field];
    const char *topic = source.fields[topic_field];
    Datum values[6] = {CStringGetTextDatum(source.name),
                       topic == nullptr ? 0 : CStringGetTextDatum(topic),
                       array_of_names(count, [&](size_t i) { return names[i]; }),
                       array_of_names(source_fields, [&](size_t i) { return source_field_names[i]; }),
                       array_of_names(source_fields, [&](size_t i) { return previous.fields[i]; }),
                       array_of_names(source_fields, [&](size_t i) { return source.fields[i]; })};
    const char nulls[6] = {' ', topic == nullptr ? 'n' : ' ', ' ', ' ', ' ', ' '};
    statement_execute(&make_details, values, nulls, SPI_OK_SELECT);
    return statement_value(0, 1, JSONBOID);
}

} // namespace heartbeat
