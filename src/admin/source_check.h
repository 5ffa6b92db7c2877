// Checks the definition of a source, and whether a role may give its servers and files. The functions that
// add, change and try a source call it. It asks neither Kafka nor a schema registry.
#pragma once

#include "admin/source_definition.h"

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Raises an error if the definition has both a mapping and a preset.
void source_check_layout(const SourceDefinition &source);

// If the definition is wrong, raises an error that names the wrong part and says what is legal.
void source_check(const SourceDefinition &source);

// Raises an error unless the role may give each field that is not nullptr. To give bootstrap servers or a
// schema registry, a role needs the right to set heartbeat.brokers, because the server sends its credentials
// to them. To give a file, a role needs the right to set heartbeat.kafka_config_file, because the server
// reads the file.
void source_check_rights(const SourceDefinition &given, Oid role);

// Raises an error unless the role may give each of these fields that the stored source has, because the
// server would read another topic with the same credentials.
void source_check_topic_rights(const SourceDefinition &stored, Oid role);

} // namespace heartbeat
