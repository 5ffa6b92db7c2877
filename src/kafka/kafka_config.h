// Makes librdkafka's configuration of a consumer client, from the worker's settings and the user's properties
// file. This file does not depend on PostgreSQL's settings: the caller copies the settings to KafkaSettings.
#pragma once

#include "kafka/error.h"
#include "kafka/kafka_settings.h"
#include "kafka/owned.h"

namespace heartbeat {

class Redactor;

// Returns the configuration of a consumer that reads committed messages from given positions. After an error
// the function returns nullptr and sets *error. Each line of the properties file is `key=value`; a line that
// begins with `#` or `!` is a comment. The file must not set the properties that the worker's guarantees
// need. heartbeat refuses a file that the file's group can write, or that other users can read or write. If
// `redactor` is given, the redactor learns the values of the file.
ConfigPointer kafka_config_create(const KafkaSettings &settings, Error *error,
                                  Redactor *redactor = nullptr) noexcept;

} // namespace heartbeat
