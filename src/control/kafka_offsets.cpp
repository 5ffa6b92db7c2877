// Control wing: heartbeat_kafka_offsets(time), the one function that makes a session ask Kafka itself. It
// opens a client for the length of the call, so that the answer is there at once and the seek stays the
// session's own transaction.
#include "server.h"

#include "settings.h"
#include "stream/topic_query.h"

extern "C" {
#include "funcapi.h"
#include "storage/ipc.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(heartbeat_kafka_offsets);
}

namespace heartbeat {

namespace {

constexpr int attempt_ms = 1000;
constexpr int attempts = 10;

[[noreturn]] void refuse(const char *reason) {
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                    errmsg("cannot ask Kafka for the offsets of topic \"%s\"", settings.topic),
                    errdetail("%s", reason),
                    errhint("Check heartbeat.brokers (\"%s\"), or seek by offset.", settings.brokers)));
}

// In pieces, so that the session can be cancelled meanwhile.
TopicDescription describe(Consumer *consumer) {
    TopicDescription topic = {};
    Problem problem = {};
    for (int attempt = 0; attempt < attempts; attempt++) {
        CHECK_FOR_INTERRUPTS();
        if (!topic_describe(consumer, attempt_ms, &topic, &problem))
            continue;
        if (!topic.exists)
            refuse("The topic does not exist.");
        return topic;
    }
    refuse(problem.text);
}

void fill(Consumer *consumer, TimestampTz time, ReturnSetInfo *result) {
    // before 1970 Kafka has no time, and everything that it holds is later
    int64_t kafka_time = std::max<int64_t>(to_unix_microseconds(time) / 1000, 0);
    TopicDescription topic = describe(consumer);
    size_t count = static_cast<size_t>(topic.partition_count);
    auto *positions = static_cast<PartitionPosition *>(palloc(sizeof(PartitionPosition) * count));
    for (size_t i = 0; i < count; i++)
        positions[i].partition = static_cast<int32_t>(i);
    Problem problem = {};
    if (!topic_offsets_at(consumer, kafka_time, positions, count, attempts * attempt_ms, &problem))
        refuse(problem.text);
    for (size_t i = 0; i < count; i++) {
        Datum values[2] = {Int32GetDatum(positions[i].partition), Int64GetDatum(positions[i].offset)};
        bool nulls[2] = {};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
}

void close_client(int /*code*/, Datum consumer) {
    consumer_close(reinterpret_cast<Consumer *>(DatumGetPointer(consumer)));
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_kafka_offsets(PG_FUNCTION_ARGS) {
    InitMaterializedSRF(fcinfo, 0);
    if (settings.brokers[0] == '\0')
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("heartbeat.brokers is empty"),
                 errhint("Set it, and reload the configuration.")));
    Problem problem = {};
    Consumer *consumer = consumer_open(settings_for_kafka("heartbeat-session"), &problem);
    if (consumer == nullptr)
        refuse(problem.text);
    // also when the session is terminated: librdkafka's threads must not outlive it
    PG_ENSURE_ERROR_CLEANUP(close_client, PointerGetDatum(consumer));
    { fill(consumer, PG_GETARG_TIMESTAMPTZ(0), reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo)); }
    PG_END_ENSURE_ERROR_CLEANUP(close_client, PointerGetDatum(consumer));
    consumer_close(consumer);
    return static_cast<Datum>(0);
}
