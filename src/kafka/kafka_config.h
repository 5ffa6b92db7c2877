// Makes librdkafka's configuration of a consumer client, from the worker's settings and the user's properties
// file. It knows nothing of PostgreSQL's settings: the caller copies them to KafkaSettings.
#pragma once

#include "kafka/error.h"
#include "kafka/kafka_settings.h"
#include "kafka/owned.h"

namespace heartbeat {

class Redactor;

// The configuration of a consumer that reads committed messages from given positions, or nullptr with
// *error filled in. The file has one `key=value` a line; `#` and `!` begin comments. It can set each
// property except those that the worker's guarantees need. heartbeat refuses a file that its group or others
// can write, or that others can read. The redactor, if there is one, learns the file's values.
ConfigPointer kafka_config_create(const KafkaSettings &settings, Error *error,
                                  Redactor *redactor = nullptr) noexcept;

} // namespace heartbeat
