// Opens a session's consumer client, uses the client to ask Kafka, and closes the client. The functions for
// seek and replay, and newest_messages.cpp, call this file.
#include "server/server.h"

#include "admin/kafka_session.h"
#include "server/clock.h"
#include "server/kafka_close.h"
#include "server/text.h"

extern "C" {
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace heartbeat {

namespace {

constexpr TimestampTz another_broker_after = 700000; // microseconds until the session asks another broker
constexpr TimestampTz again_after = 500000;
constexpr long look_ms = 250;

MonotonicTime after(int milliseconds) {
    return monotonic_now() + milliseconds * INT64CONST(1000);
}

// The answers of leaders about some partitions.
struct Answers {
    PartitionRange *ranges; // `low` is -1 until the leader has answered
    size_t count;
    size_t missing;
    int32_t refused; // the partition of the last answer that was an error, or -1
    Error *error;    // this answer
};

void describe(int32_t partition, const char *reason, Error *error) {
    snprintf(error->text, sizeof(error->text), "partition %d: %.300s", partition, reason);
}

void take_answers(Consumer *consumer, Answers *answers) {
    RangeAnswer answer;
    while (topic_next_range(consumer, &answer)) {
        if (!answer.known && !answer.moved) {
            answers->refused = answer.range.partition;
            describe(answer.range.partition, answer.reason.text, answers->error);
        }
        for (size_t i = 0; answer.known && i < answers->count; i++) {
            PartitionRange *range = &answers->ranges[i];
            if (range->partition != answer.range.partition || range->low >= 0)
                continue;
            *range = answer.range;
            answers->missing--;
        }
    }
}

void ask_missing(Consumer *consumer, const Answers &answers, RangeKind kind, int64_t kafka_time) {
    auto *partitions = static_cast<int32_t *>(palloc(sizeof(int32_t) * (answers.count + 1)));
    size_t count = 0;
    for (size_t i = 0; i < answers.count; i++)
        if (answers.ranges[i].low < 0)
            partitions[count++] = answers.ranges[i].partition;
    if (!topic_ask_ranges(consumer, partitions, count, kind, kafka_time))
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    pfree(partitions);
}

// Sets the error after the session has waited `seconds` in vain. The last error may belong to a partition
// whose leader has answered later. Then the error describes the first partition without an answer.
void explain_missing(Consumer *consumer, const Answers &answers, int seconds) {
    const PartitionRange *begin = answers.ranges, *end = begin + answers.count;
    auto is_missing = [](const PartitionRange &range) { return range.low < 0; };
    auto is_refused = [&](const PartitionRange &range) {
        return is_missing(range) && range.partition == answers.refused;
    };
    if (std::any_of(begin, end, is_refused))
        return;
    const PartitionRange *missing = std::find_if(begin, end, is_missing);
    Error reason = {};
    topic_explain_silent_leader(consumer, missing->partition, seconds, &reason);
    describe(missing->partition, reason.text, answers.error);
}

// Asks the leader of each partition in `ranges` for offsets of the partition. A leader can be unavailable or
// can change. So this function repeats the question until each leader has answered or timeout_ms have passed.
bool ask_all(Consumer *consumer, PartitionRange *ranges, size_t count, RangeKind kind, int64_t kafka_time,
             int timeout_ms, Error *error) {
    MonotonicTime deadline = after(timeout_ms), again_at = 0;
    Answers answers = {ranges, count, count, -1, error};
    for (size_t i = 0; i < count; i++)
        ranges[i].low = ranges[i].high = -1;
    topic_forget_ranges(consumer);
    bool first = true;
    while (answers.missing > 0) {
        MonotonicTime now = monotonic_now();
        if (again_at <= now) {
            if (!first)
                topic_ask(consumer); // the partitions may have other leaders now
            ask_missing(consumer, answers, kind, kafka_time);
            again_at = now + again_after;
            first = false;
        }
        TopicDescription topic;
        Error ignored;
        topic_take_answer(consumer, &topic, &ignored);
        take_answers(consumer, &answers);
        if (answers.missing == 0)
            break;
        if (now >= deadline) {
            explain_missing(consumer, answers, (timeout_ms + 999) / 1000);
            return false;
        }
        kafka_session_wait(consumer, look_ms);
    }
    return true;
}

[[noreturn]] void refuse_missing_topic(const Source &source) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("topic \"%s\" does not exist in Kafka", source.topic),
                    source.own_topic
                        ? errhint("Create the topic, or correct the source with heartbeat_alter_source().")
                        : errhint("Create the topic, or correct heartbeat.topic.")));
}

} // namespace

void kafka_session_wait(Consumer *consumer, long milliseconds) {
    int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE | WL_TIMEOUT;
    WaitLatchOrSocket(MyLatch, events, consumer_descriptor(consumer), milliseconds, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    consumer_listen(consumer);
}

void kafka_session_refuse(const Source &source, const char *reason) {
    char brokers[256];
    text_copy(brokers, source.brokers);
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                    errmsg("cannot ask Kafka for the offsets of topic \"%s\"", source.topic),
                    errdetail("%s", text_from_utf8(reason)),
                    errhint("Check that the brokers run, and check %s (\"%s\").", source_brokers_name(source),
                            brokers)));
}

Consumer *kafka_session_open(const Source &source) {
    if (source.brokers[0] == '\0')
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", settings_why_no_brokers()),
                 errhint("%s", source_no_brokers_hint(source))));
    // librdkafka may still be closing the consumer client of an earlier call: free that client if it is
    // closed
    kafka_closing(0);
    Error error = {};
    Consumer *consumer = consumer_open(source_kafka_settings(source, "heartbeat-session"), &error);
    if (consumer == nullptr)
        ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
                        errmsg("cannot open a Kafka client for topic \"%s\"", source.topic),
                        errdetail("%s", text_from_utf8(error.text)),
                        errhint("Check %s and the properties file of %s, and call the function again.",
                                source_brokers_name(source), source_config_file_name(source))));
    return consumer;
}

void kafka_session_close(int /*code*/, Datum consumer) {
    kafka_close(reinterpret_cast<Consumer *>(DatumGetPointer(consumer)));
}

bool kafka_session_ask(Consumer *consumer, int seconds, TopicDescription *topic, Error *error) {
    MonotonicTime deadline = after(seconds * 1000), again_at = 0;
    bool explained = false;
    for (;;) {
        MonotonicTime now = monotonic_now();
        AnswerState answer = topic_take_answer(consumer, topic, error);
        if (answer == AnswerState::given)
            return true;
        explained = explained || answer == AnswerState::failed;
        if (now >= deadline)
            break;
        if (again_at <= now) {
            topic_ask(consumer);
            again_at = now + another_broker_after;
        }
        kafka_session_wait(consumer, look_ms);
    }
    if (!explained)
        topic_explain_silence(consumer, error);
    return false;
}

TopicDescription kafka_session_describe(const Source &source, Consumer *consumer) {
    TopicDescription topic = {};
    Error error = {};
    if (!kafka_session_ask(consumer, kafka_session_patience_s, &topic, &error))
        kafka_session_refuse(source, error.text);
    if (!topic.exists)
        refuse_missing_topic(source);
    return topic;
}

bool kafka_session_ranges(Consumer *consumer, PartitionRange *ranges, size_t count, int timeout_ms,
                          Error *error) {
    return ask_all(consumer, ranges, count, RangeKind::both, 0, timeout_ms, error);
}

bool kafka_session_offsets_at(Consumer *consumer, int64_t kafka_time, PartitionPosition *positions,
                              size_t count, int timeout_ms, Error *error) {
    auto *ranges = static_cast<PartitionRange *>(palloc(sizeof(PartitionRange) * (count + 1)));
    for (size_t i = 0; i < count; i++)
        ranges[i] = {positions[i].partition, -1, -1};
    bool answered = ask_all(consumer, ranges, count, RangeKind::time, kafka_time, timeout_ms, error);
    for (size_t i = 0; answered && i < count; i++)
        positions[i].offset = ranges[i].low;
    pfree(ranges);
    return answered;
}

} // namespace heartbeat
