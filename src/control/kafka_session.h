// Control wing: a client of Kafka in a session, for the length of one call: what is asked is answered at
// once, and the session can be cancelled meanwhile.
#pragma once

#include "stream/topic_query.h"

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

// False with *problem filled in where Kafka does not answer in so many seconds; a missing topic is an answer.
bool kafka_session_ask(Consumer *consumer, int seconds, TopicDescription *topic, Problem *problem);

// An error where it does not answer, or the topic does not exist.
TopicDescription kafka_session_describe(Consumer *consumer);

inline constexpr int kafka_session_patience_s = 10;

} // namespace heartbeat
