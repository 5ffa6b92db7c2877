// A consumer client that a session uses during one function call. The session waits for Kafka's answers, and
// a user can cancel this wait. The functions for seek and replay, and newest_messages.cpp, call this file.
// This file reads no messages.
#pragma once

#include "kafka/topic_query.h"
#include "store/sources.h"

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Raises an error with the reason why the session cannot ask Kafka. The reason is in UTF-8.
[[noreturn]] void kafka_session_refuse(const Source &source, const char *reason);

// Opens a consumer client. Raises an error if the source has no bootstrap servers, or if a setting is wrong.
Consumer *kafka_session_open(const Source &source);

// Closes the client. Call this function with PG_ENSURE_ERROR_CLEANUP: even if the session is terminated,
// librdkafka's threads must end before the process ends.
void kafka_session_close(int code, Datum consumer);

// Waits until an answer of Kafka has arrived, or `milliseconds` have passed. Meanwhile the session handles
// interrupts, statement_timeout, barriers and the postmaster's death. So the session waits on its latch: a
// call of librdkafka that waits would ignore these events.
void kafka_session_wait(Consumer *consumer, long milliseconds);

// Asks the brokers about the topic. Returns true even if the topic does not exist. Returns false if Kafka has
// not answered within `seconds`; *error then has the reason.
bool kafka_session_ask(Consumer *consumer, int seconds, TopicDescription *topic, Error *error);

// Asks the brokers about the topic. Raises an error if Kafka does not answer, and also if the topic does not
// exist.
TopicDescription kafka_session_describe(const Source &source, Consumer *consumer);

// For the partition in each element of `ranges`, sets `low` to the first offset that Kafka holds, and `high`
// to the end offset. Call this function after kafka_session_describe() or kafka_session_ask(). Returns false
// if a leader has not answered within timeout_ms; *error then names a partition and its leader.
bool kafka_session_ranges(Consumer *consumer, PartitionRange *ranges, size_t count, int timeout_ms,
                          Error *error);

// For the partition in each element of `positions`, sets the offset to the first offset whose Kafka timestamp
// is at or after kafka_time (milliseconds since 1970). If all messages of the partition are older, sets the
// offset to the end offset. Returns false if a leader has not answered within timeout_ms; *error then names a
// partition and its leader.
bool kafka_session_offsets_at(Consumer *consumer, int64_t kafka_time, PartitionPosition *positions,
                              size_t count, int timeout_ms, Error *error);

inline constexpr int kafka_session_patience_s = 10;

} // namespace heartbeat
