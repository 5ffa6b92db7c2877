// Makes librdkafka's configuration of a consumer client, from the worker's settings and the user's properties
// file. It knows nothing of PostgreSQL's settings: the caller copies them to KafkaSettings.
#pragma once

#include "kafka/error.h"
#include "kafka/kafka_settings.h"
#include "kafka/owned.h"

namespace heartbeat {

class Redactor;

// Returns the configuration of a consumer that reads committed messages from given positions. If that fails,
// returns nullptr and sets *error. The file has one `key=value` a line; `#` and `!` begin comments. It can
// set each property except those that the worker's guarantees need. heartbeat refuses a file if its group can
// write it, or if other users can read or write it. If there is a redactor, it learns the file's values.
ConfigPointer kafka_config_create(const KafkaSettings &settings, Error *error,
                                  Redactor *redactor = nullptr) noexcept;

} // namespace heartbeat
