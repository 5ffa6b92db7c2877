// The sources. A source is a Kafka topic, with its cluster, the layout of its messages, and the offset at
// which a worker begins to read. The ingest workers and the functions that ask Kafka get a source as a
// parameter. This file depends neither on the workers nor on these functions.
#pragma once

#include "kafka/kafka_settings.h"
#include "server/server.h"
#include "server/settings.h"

namespace heartbeat {

struct Source {
    int32_t id; // 0: the source `default`
    int64_t revision;
    const char *name;
    const char *topic;
    const char *brokers; // empty: there are no bootstrap servers
    const char *kafka_config_file;
    StartOffset start_offset;
    OffsetReset offset_reset;
    // The next three fields describe the layout of the messages. Each can be nullptr: not set. If `preset`
    // and `mapping` are not set, the messages have heartbeat's own layout.
    const char *format;
    const char *preset;
    const char *mapping;         // JSON
    const char *schema_registry; // URLs
    const char *schema;          // the schema of messages that contain no schema id
    // false: the source has no value of its own, so the value of the setting applies.
    bool own_topic;
    bool own_brokers;
    bool own_config_file;
    bool own_offset_reset;
    bool is_one_of_several; // the database had other sources too when the source was loaded
};

// Returns the source `default` with the values of the settings. The texts stay valid until the next reload of
// the configuration.
Source source_default();

// Copies the source and its texts to this memory context.
Source source_copy(const Source &source, MemoryContext context);
void source_free(Source *copy);

// These functions return names for error texts. For example, source_brokers_name() returns `the source's
// brokers` if the source has its own bootstrap servers, and otherwise `heartbeat.brokers`.
const char *source_brokers_name(const Source &source);
const char *source_config_file_name(const Source &source);

// The hint of an error or a state whose cause is that the source has no bootstrap servers.
const char *source_no_brokers_hint(const Source &source);

// The settings of a consumer client for this source. The settings point to the texts of the source, and have
// no copies of these texts.
KafkaSettings source_kafka_settings(const Source &source, const char *client_id);

struct ListedSource {
    Source source;
    // A hash of the rows of heartbeat_control that concern the source. Each pause and resume changes the
    // hash. The newest changed_at of these rows cannot replace the hash: changed_at is the start of a
    // transaction, so a later change can have an earlier changed_at.
    int64_t control;
};

// Call this function in a transaction. Returns all sources, in the order of their ids. The array and its
// texts are in `context`.
ListedSource *sources_load(MemoryContext context, size_t *count);

} // namespace heartbeat
