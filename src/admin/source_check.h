// Checks the definition of a source, and whether a role has the right to set the servers and files in this
// definition. The functions that add, change and try a source call this file. This file asks neither Kafka
// nor a schema registry.
#pragma once

#include "admin/source_definition.h"

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Raises an error if the definition has both a mapping and a preset.
void source_check_layout(const SourceDefinition &source);

// If the definition is wrong, raises an error that names the wrong part and the legal values. `stored` is the
// previous definition of the source; for a new source, all its fields are nullptr.
void source_check(const SourceDefinition &source, const SourceDefinition &stored);

// `given` has the fields that the role sets; the other fields are nullptr. Raises an error if the role has no
// right to set one of these fields. To set bootstrap servers or a schema registry, a role needs the right to
// set heartbeat.brokers, because PostgreSQL sends credentials to these servers. To set kafka_config_file, a
// role needs the right to set heartbeat.kafka_config_file, because PostgreSQL reads the file.
void source_check_rights(const SourceDefinition &given, Oid role);

// Call this function before a role changes the topic of a stored source. Raises an error if the role has no
// right to set the servers and files of this source. Without this check, such a role could let PostgreSQL
// read any topic with the credentials of this source.
void source_check_topic_rights(const SourceDefinition &stored, Oid role);

} // namespace heartbeat
