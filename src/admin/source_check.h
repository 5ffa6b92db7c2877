// Checks the definition of a source, and whether a role may name its servers and files. The functions that
// add, change and try a source call it. It asks neither Kafka nor a schema registry.
#pragma once

#include "admin/source_definition.h"

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Raises an error if the definition has both a mapping and a preset.
void source_check_layout(const SourceDefinition &source);

// Raises an error that names the wrong part, and says what is legal.
void source_check(const SourceDefinition &source);

// Raises an error unless the role may name each of these fields that is not nullptr. Bootstrap servers, a
// schema registry and a file take the right to set heartbeat.brokers and heartbeat.kafka_config_file: the
// server sends its credentials there, and reads the file.
void source_check_rights(const SourceDefinition &given, Oid role);

// Raises an error unless the role may name each of these fields that the stored source has: another topic is
// read with their credentials too.
void source_check_topic_rights(const SourceDefinition &stored, Oid role);

} // namespace heartbeat
