// Control wing: opens, asks and closes a session's client.
#include "server.h"

#include "control/kafka_close.h"
#include "control/kafka_session.h"
#include "settings.h"
#include "text.h"

namespace heartbeat {

namespace {

constexpr int attempt_ms = 1000;

} // namespace

void kafka_session_refuse(const char *reason) {
    char brokers[256];
    text_copy(brokers, settings.brokers);
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                    errmsg("cannot ask Kafka for the offsets of topic \"%s\"", settings.topic),
                    errdetail("%s", text_from_utf8(reason)),
                    errhint("Check heartbeat.brokers (\"%s\"), or seek by offset.", brokers)));
}

Consumer *kafka_session_open() {
    if (settings.brokers[0] == '\0')
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", settings_why_no_brokers()),
                 errhint("Set it, and reload the configuration.")));
    Problem problem = {};
    Consumer *consumer = consumer_open(settings_for_kafka("heartbeat-session"), &problem);
    if (consumer == nullptr)
        kafka_session_refuse(problem.text);
    return consumer;
}

void kafka_session_close(int /*code*/, Datum consumer) {
    kafka_close(reinterpret_cast<Consumer *>(DatumGetPointer(consumer)));
}

// In pieces, so that the session can be cancelled meanwhile.
bool kafka_session_ask(Consumer *consumer, int seconds, TopicDescription *topic, Problem *problem) {
    for (int attempt = 0; attempt < seconds; attempt++) {
        CHECK_FOR_INTERRUPTS();
        if (topic_describe(consumer, attempt_ms, topic, problem))
            return true;
    }
    return false;
}

TopicDescription kafka_session_describe(Consumer *consumer) {
    TopicDescription topic = {};
    Problem problem = {};
    if (!kafka_session_ask(consumer, kafka_session_patience_s, &topic, &problem))
        kafka_session_refuse(problem.text);
    if (!topic.exists)
        kafka_session_refuse("The topic does not exist.");
    return topic;
}

} // namespace heartbeat
