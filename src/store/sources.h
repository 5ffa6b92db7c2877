// A source: a Kafka topic, the cluster that has it, and where a worker begins to read it. The ingest workers
// and the functions that ask Kafka get it as a parameter. It knows nothing of their work.
#pragma once

#include "kafka/kafka_settings.h"
#include "server/settings.h"

namespace heartbeat {

struct Source {
    int32_t id; // of `default` 0
    const char *name;
    const char *topic;
    const char *brokers; // empty: none are set
    const char *kafka_config_file;
    StartOffset start_offset;
    OffsetReset offset_reset;
};

// The source `default`, which the settings describe. Its texts stay valid until the next reload.
Source source_default();

// The settings of a Kafka client for this source. The texts are those of the source.
KafkaSettings source_kafka_settings(const Source &source, const char *client_id);

} // namespace heartbeat
