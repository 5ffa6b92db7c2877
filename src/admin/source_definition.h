// The definition that a person gives for a source: a text for each column of heartbeat_source_definitions.
// sources.cpp stores the definition, and source_check.cpp checks the definition. The workers use another
// struct, Source (store/sources.h).
#pragma once

namespace heartbeat {

// The columns that a person can set, in the order of the parameters of heartbeat_add_source() after `name`.
enum SourceField {
    topic_field,
    mapping_field,
    preset_field,
    format_field,
    brokers_field,
    kafka_config_file_field,
    schema_registry_field,
    schema_field,
    start_offset_field,
    offset_reset_field,
    tombstones_field,
    source_fields
};

// The names of the fields, in the order of SourceField.
inline constexpr const char *source_field_names[source_fields] = {
    "topic",           "mapping", "preset",       "format",       "brokers",   "kafka_config_file",
    "schema_registry", "schema",  "start_offset", "offset_reset", "tombstones"};

// The name of the source that CREATE EXTENSION makes. If one of the fields topic, brokers, kafka_config_file,
// start_offset and offset_reset of this source is nullptr, the source uses PostgreSQL's setting instead.
inline constexpr const char *default_source = "default";

struct SourceDefinition {
    const char *name;
    const char *fields[source_fields]; // nullptr: the column is NULL
};

} // namespace heartbeat
