// A client of Kafka in a session, for the length of one call: what is asked is answered at
// once, and the session can be cancelled meanwhile.
#pragma once

#include "kafka/topic_query.h"

extern "C" {
#include "postgres.h"
}

namespace heartbeat {

// Why Kafka could not be asked, as an error. The reason is in UTF-8.
[[noreturn]] void kafka_session_refuse(const char *reason);

// An error where heartbeat.brokers is empty or a setting is wrong.
Consumer *kafka_session_open();

// For PG_ENSURE_ERROR_CLEANUP, also when the session is terminated: librdkafka's threads must not outlive it.
void kafka_session_close(int code, Datum consumer);

// Waits until something is answered or so many milliseconds pass. Answers interrupts, a statement's timeout,
// barriers and the postmaster's end meanwhile: nothing that librdkafka does keeps a session.
void kafka_session_wait(Consumer *consumer, long milliseconds);

// False with *error filled in where Kafka does not answer in so many seconds; a missing topic is an answer.
bool kafka_session_ask(Consumer *consumer, int seconds, TopicDescription *topic, Error *error);

// An error where it does not answer, or the topic does not exist.
TopicDescription kafka_session_describe(Consumer *consumer);

// For each element's partition: what Kafka holds of it. After the topic has been described. False with
// *error filled in, which names a partition and its leader, where one of them has no answer in that time.
bool kafka_session_ranges(Consumer *consumer, PartitionRange *ranges, size_t count, int timeout_ms,
                          Error *error);

// For each element's partition: the first offset whose Kafka timestamp is at or after kafka_time
// (milliseconds since 1970), or the partition's end.
bool kafka_session_offsets_at(Consumer *consumer, int64_t kafka_time, PartitionPosition *positions,
                              size_t count, int timeout_ms, Error *error);

inline constexpr int kafka_session_patience_s = 10;

} // namespace heartbeat
