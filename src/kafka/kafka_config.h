// The librdkafka configuration of a client, from the worker's settings and the user's properties
// file.
#pragma once

#include "kafka/error.h"

struct rd_kafka_conf_s;

namespace heartbeat {

class Redactor;

// All texts are terminated, none is NULL; config_file may be empty.
struct KafkaSettings {
    const char *brokers;
    const char *topic;
    const char *group_id;
    const char *config_file;
    const char *client_id;
};

// The configuration of a consumer that reads committed messages from positions it is given, or nullptr with
// *error filled in. Properties in the file (`key=value` a line, `#` and `!` begin comments) tune everything
// but what the worker's guarantees rest on. A file that group or others can write, or others can read, is
// refused. The redactor, where there is one, learns the file's values.
rd_kafka_conf_s *kafka_config_create(const KafkaSettings &settings, Error *error,
                                     Redactor *redactor = nullptr) noexcept;

} // namespace heartbeat
