// The settings of a consumer client, as plain texts. The callers of src/kafka copy the texts from
// PostgreSQL's settings.
#pragma once

namespace heartbeat {

// No text is NULL. Each text ends with a zero byte. config_file may be empty.
struct KafkaSettings {
    const char *brokers;
    const char *topic;
    const char *group_id;
    const char *config_file;
    const char *client_id;
    const char *config_file_name = "heartbeat.kafka_config_file"; // the name of the setting in error texts
    // The value of fetch.wait.max.ms, if the file does not set this property. 0: librdkafka's default.
    int fetch_wait_ms = 0;
};

} // namespace heartbeat
