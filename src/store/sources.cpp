// Reads the sources from heartbeat_source_definitions. If a column such as `brokers` is NULL, the source uses
// the setting, here heartbeat.brokers. This file then copies the value of the setting into the Source, so the
// callers need not read the settings.
#include "server/server.h"

#include "server/extension.h"
#include "server/statement.h"
#include "store/sources.h"

extern "C" {
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

Statement select_sources = {R"sql(
    SELECT d.source_id, d.revision, d.name, d.topic, d.brokers, d.kafka_config_file, d.start_offset, d.offset_reset,
        d.format, d.preset, d.mapping::text, d.schema_registry, d.schema,
        (SELECT coalesce(hashtextextended(string_agg(concat(c.hold, ' ', c.source, ' ', c.paused, ' ',
                extract(epoch FROM c.changed_at)), ',' ORDER BY c.hold, c.source), 0), 0)
            FROM @extschema@.heartbeat_control c WHERE c.source IN ('', d.name))
    FROM @extschema@.heartbeat_source_definitions d
    WHERE d.dropped_at IS NULL
    ORDER BY d.source_id)sql"};

// Replaces select_sources in a database of version 1.1 or 1.2.
Statement select_control = {R"sql(
    SELECT coalesce((extract(epoch FROM max(changed_at)) * 1000000)::bigint, 0)
    FROM @extschema@.heartbeat_control)sql"};

const char *text_or(uint64_t row, int column, const char *otherwise) {
    const char *text = statement_text(row, column);
    return text == nullptr ? otherwise : text;
}

StartOffset start_offset_of(const char *name, StartOffset otherwise) {
    if (name == nullptr)
        return otherwise;
    return strcmp(name, "latest") == 0 ? StartOffset::latest : StartOffset::earliest;
}

OffsetReset offset_reset_of(const char *name, OffsetReset otherwise) {
    if (name == nullptr)
        return otherwise;
    return strcmp(name, "latest") == 0     ? OffsetReset::latest
           : strcmp(name, "earliest") == 0 ? OffsetReset::earliest
                                           : OffsetReset::error;
}

Source read_source(uint64_t row) {
    Source source = source_default();
    source.id = statement_int4(row, 1);
    source.revision = statement_int8(row, 2);
    source.name = text_or(row, 3, "");
    source.topic = text_or(row, 4, source.topic);
    source.brokers = text_or(row, 5, source.brokers);
    source.kafka_config_file = text_or(row, 6, source.kafka_config_file);
    source.start_offset = start_offset_of(statement_text(row, 7), source.start_offset);
    source.offset_reset = offset_reset_of(statement_text(row, 8), source.offset_reset);
    source.format = statement_text(row, 9);
    source.preset = statement_text(row, 10);
    source.mapping = statement_text(row, 11);
    source.schema_registry = statement_text(row, 12);
    source.schema = statement_text(row, 13);
    source.own_topic = statement_text(row, 4) != nullptr;
    source.own_brokers = statement_text(row, 5) != nullptr;
    source.own_config_file = statement_text(row, 6) != nullptr;
    source.own_offset_reset = statement_text(row, 8) != nullptr;
    return source;
}

} // namespace

Source source_default() {
    return {0,
            0,
            "default",
            settings.topic,
            settings.brokers,
            settings.kafka_config_file,
            static_cast<StartOffset>(settings.start_offset),
            static_cast<OffsetReset>(settings.offset_reset),
            nullptr,
            nullptr,
            nullptr,
            nullptr,
            nullptr,
            false,
            false,
            false,
            false,
            false};
}

Source source_copy(const Source &source, MemoryContext context) {
    Source copy = source;
    for (const char **text : {&copy.name, &copy.topic, &copy.brokers, &copy.kafka_config_file, &copy.format,
                              &copy.preset, &copy.mapping, &copy.schema_registry, &copy.schema})
        *text = *text == nullptr ? nullptr : MemoryContextStrdup(context, *text);
    return copy;
}

void source_free(Source *copy) {
    for (const char **text :
         {&copy->name, &copy->topic, &copy->brokers, &copy->kafka_config_file, &copy->format, &copy->preset,
          &copy->mapping, &copy->schema_registry, &copy->schema}) {
        if (*text != nullptr)
            pfree(const_cast<char *>(*text));
        *text = nullptr;
    }
}

const char *source_brokers_name(const Source &source) {
    return source.own_brokers ? "the source's brokers" : "heartbeat.brokers";
}

const char *source_config_file_name(const Source &source) {
    return source.own_config_file ? "the source's kafka_config_file" : "heartbeat.kafka_config_file";
}

const char *source_no_brokers_hint(const Source &source) {
    return source.id == 0 ? "Set heartbeat.brokers, and reload the configuration."
                          : "Set heartbeat.brokers, and reload the configuration, or give the source brokers "
                            "with heartbeat_alter_source().";
}

KafkaSettings source_kafka_settings(const Source &source, const char *client_id) {
    return {source.brokers,           source.topic, settings.group_id,
            source.kafka_config_file, client_id,    source_config_file_name(source)};
}

ListedSource *sources_load(MemoryContext context, size_t *count) {
    bool listed = get_attnum(extension_table("heartbeat_offsets"), "source") != InvalidAttrNumber;
    uint64_t rows =
        statement_execute(listed ? &select_sources : &select_control, nullptr, nullptr, SPI_OK_SELECT);
    auto *sources =
        static_cast<ListedSource *>(MemoryContextAlloc(context, sizeof(ListedSource) * (rows + 1)));
    *count = listed ? rows : 1;
    if (!listed)
        sources[0] = {source_copy(source_default(), context), statement_int8(0, 1)};
    for (uint64_t i = 0; listed && i < rows; i++) {
        sources[i] = {source_copy(read_source(i), context), statement_int8(i, 14)};
        sources[i].source.is_one_of_several = rows > 1;
    }
    return sources;
}

} // namespace heartbeat
