// Interprets an error code of librdkafka for the caller, and makes an Error from the code. An error code is
// an rd_kafka_resp_err_t.
#pragma once

#include "kafka/error.h"

#include <librdkafka/rdkafka.h>

namespace heartbeat {

// Returns whether the error says that Kafka does not know the topic or the partition.
bool failure_is_unknown_topic(int code) noexcept;

// Sets *error to "<what>: <librdkafka's text of the error>". Always returns false, so that the caller can
// return this result.
bool failure_describe(Error *error, const char *what, rd_kafka_resp_err_t code) noexcept;

} // namespace heartbeat
