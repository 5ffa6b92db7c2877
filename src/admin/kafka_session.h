// A consumer client in a session, for the length of one function call. The session waits for Kafka's answers,
// and can be cancelled meanwhile. The functions for seek and replay call it. It does not read messages.
#pragma once

#include "kafka/topic_query.h"

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Raises an error with the reason why the session cannot ask Kafka. The reason is in UTF-8.
[[noreturn]] void kafka_session_refuse(const char *reason);

// Opens a consumer client. It raises an error if heartbeat.brokers is empty or a setting is wrong.
Consumer *kafka_session_open();

// Closes the client. Use it with PG_ENSURE_ERROR_CLEANUP, which calls it also when the session is terminated:
// librdkafka's threads must end before the process does.
void kafka_session_close(int code, Datum consumer);

// Waits until Kafka has an answer or the milliseconds have passed. Meanwhile the session handles interrupts,
// statement_timeout, barriers and the postmaster's death. It does not wait in a call of librdkafka.
void kafka_session_wait(Consumer *consumer, long milliseconds);

// Asks for the topic. A missing topic is an answer. False: Kafka has not answered in these seconds, and
// *error says why.
bool kafka_session_ask(Consumer *consumer, int seconds, TopicDescription *topic, Error *error);

// Asks for the topic. It raises an error if Kafka does not answer or the topic does not exist.
TopicDescription kafka_session_describe(Consumer *consumer);

// Sets for the partition of each element the first and the end offset that Kafka holds. Call it after
// kafka_session_describe() or kafka_session_ask(). False: a leader has not answered in this time, and *error
// names a partition and its leader.
bool kafka_session_ranges(Consumer *consumer, PartitionRange *ranges, size_t count, int timeout_ms,
                          Error *error);

// Sets for the partition of each element the first offset whose Kafka timestamp is at or after kafka_time
// (milliseconds since 1970), or the end offset if there is none. It returns as kafka_session_ranges() does.
bool kafka_session_offsets_at(Consumer *consumer, int64_t kafka_time, PartitionPosition *positions,
                              size_t count, int timeout_ms, Error *error);

inline constexpr int kafka_session_patience_s = 10;

} // namespace heartbeat
