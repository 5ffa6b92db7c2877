// Tells what an error code of librdkafka means for the caller, and makes an Error of it. An error code is an
// rd_kafka_resp_err_t.
#pragma once

#include "kafka/error.h"

#include <librdkafka/rdkafka.h>

namespace heartbeat {

// Whether the error says that Kafka does not know the topic or the partition.
bool failure_is_unknown_topic(int code) noexcept;

// Fills in "<what>: <librdkafka's text of the error>", and returns false, for its caller to return.
bool failure_describe(Error *error, const char *what, rd_kafka_resp_err_t code) noexcept;

} // namespace heartbeat
