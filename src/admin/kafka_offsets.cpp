// Implements heartbeat_kafka_offsets(time) and heartbeat_check_offset(). heartbeat_seek() calls these two
// functions. The session asks Kafka itself, and not through a worker. So heartbeat_seek() can use Kafka's
// answer in the transaction of the session.
#include "server/server.h"

#include "admin/kafka_session.h"
#include "admin/source_named.h"
#include "decode/utf8_text.h"
#include "server/compat.h"
#include "server/text.h"
#include "store/source_calls.h"

extern "C" {
#include "storage/ipc.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(heartbeat_kafka_offsets);
PG_FUNCTION_INFO_V1(heartbeat_check_offset);
}

namespace heartbeat {

namespace {

constexpr int answer_ms = 10000;
constexpr int check_patience_s = 3; // short, because a seek by offset also works without an answer from Kafka

[[noreturn]] void refuse_partition(const Source &source, int32_t partition, const TopicDescription &topic) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("topic \"%s\" has no partition %d", source.topic, partition),
                    errdetail("The topic has the partitions 0 to %d.", topic.partition_count - 1),
                    errhint("heartbeat_seek(%d, NULL%s) removes an offset that was set for this partition "
                            "while Kafka did not answer.",
                            partition, source_calls_argument(source))));
}

// Adds one row for each partition to the result, or only the row of the partition `only` if `only` is not
// nullptr. A row has the first offset whose Kafka timestamp is at or after `time`.
void fill(const Source &source, Consumer *consumer, TimestampTz time, const int32_t *only,
          ReturnSetInfo *result) {
    // no Kafka timestamp is before 1970, so for an earlier `time` the function asks for the first offset
    int64_t kafka_time = std::max<int64_t>(to_unix_microseconds(time) / 1000, 0);
    TopicDescription topic = kafka_session_describe(source, consumer);
    if (only != nullptr && (*only < 0 || *only >= topic.partition_count))
        refuse_partition(source, *only, topic);
    size_t count = only == nullptr ? static_cast<size_t>(topic.partition_count) : 1;
    auto *positions = static_cast<PartitionPosition *>(palloc0(sizeof(PartitionPosition) * count));
    for (size_t i = 0; i < count; i++)
        positions[i].partition = only == nullptr ? static_cast<int32_t>(i) : *only;
    Error error = {};
    if (!kafka_session_offsets_at(consumer, kafka_time, positions, count, answer_ms, &error))
        kafka_session_refuse(source, error.text);
    for (size_t i = 0; i < count; i++) {
        Datum values[2] = {Int32GetDatum(positions[i].partition), Int64GetDatum(positions[i].offset)};
        bool nulls[2] = {};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
}

// Accepts an offset without a check, and raises a notice that the offset was not checked. So a person can set
// an offset before the topic exists, or while Kafka does not answer.
void accept_unchecked(const Source &source, int32_t partition, int64_t offset, const char *reason) {
    ereport(NOTICE,
            (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
             errmsg("offset %lld of partition %d%s was not checked: %s", static_cast<long long>(offset),
                    partition, source_calls_owner(source), text_from_utf8(reason))));
}

Consumer *open_or_accept(const Source &source, int32_t partition, int64_t offset) {
    Error error = {};
    utf8_copy(error.text, sizeof(error.text), settings_why_no_brokers());
    Consumer *consumer = source.brokers[0] == '\0'
                             ? nullptr
                             : consumer_open(source_kafka_settings(source, "heartbeat-session"), &error);
    if (consumer == nullptr)
        accept_unchecked(source, partition, offset, error.text);
    return consumer;
}

void refuse_offset(const Source &source, const PartitionRange &range, int64_t offset) {
    auto low = static_cast<long long>(range.low), high = static_cast<long long>(range.high);
    bool holds_any = low < high;
    const char *argument = source_calls_argument(source);
    ereport(
        ERROR,
        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
         errmsg("Kafka does not hold offset %lld of partition %d of topic \"%s\"",
                static_cast<long long>(offset), range.partition, source.topic),
         holds_any
             ? errdetail("Kafka holds offsets %lld to %lld of this partition. The next message will have "
                         "offset %lld.",
                         low, high - 1, high)
             : errdetail("Kafka holds no message of this partition. The next message will have offset %lld.",
                         high),
         holds_any
             ? errhint("heartbeat_seek(%d, %lld%s) begins at the first message, heartbeat_seek(%d, %lld%s) "
                       "skips all messages.",
                       range.partition, low, argument, range.partition, high, argument)
             : errhint("heartbeat_seek(%d, %lld%s) begins at the next message.", range.partition, high,
                       argument)));
}

void check(const Source &source, Consumer *consumer, int32_t partition, int64_t offset) {
    TopicDescription topic = {};
    Error error = {};
    if (!kafka_session_ask(consumer, check_patience_s, &topic, &error))
        return accept_unchecked(source, partition, offset, error.text);
    if (!topic.exists)
        return accept_unchecked(source, partition, offset, "Kafka does not have the topic yet");
    if (partition >= topic.partition_count)
        refuse_partition(source, partition, topic);
    PartitionRange range = {partition, 0, 0};
    if (!kafka_session_ranges(consumer, &range, 1, check_patience_s * 1000, &error))
        return accept_unchecked(source, partition, offset, error.text);
    if (offset < range.low || offset > range.high)
        refuse_offset(source, range, offset);
}

void check_offset(const Source &source, int32_t partition, int64_t offset) {
    Consumer *consumer = open_or_accept(source, partition, offset);
    if (consumer == nullptr)
        return;
    PG_ENSURE_ERROR_CLEANUP(kafka_session_close, PointerGetDatum(consumer));
    check(source, consumer, partition, offset);
    PG_END_ENSURE_ERROR_CLEANUP(kafka_session_close, PointerGetDatum(consumer));
    kafka_session_close(0, PointerGetDatum(consumer));
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_kafka_offsets(PG_FUNCTION_ARGS) {
    ReturnSetInfo *result = return_rows(fcinfo);
    if (PG_ARGISNULL(0))
        return static_cast<Datum>(0);
    int32_t partition = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
    const int32_t *only = PG_ARGISNULL(1) ? nullptr : &partition;
    // in a database of version 1.1 or 1.2 the function has no argument for the source
    bool named = PG_NARGS() > 2 && !PG_ARGISNULL(2);
    Source source = source_named(named ? text_to_cstring(PG_GETARG_TEXT_PP(2)) : nullptr);
    Consumer *consumer = kafka_session_open(source);
    PG_ENSURE_ERROR_CLEANUP(kafka_session_close, PointerGetDatum(consumer));
    fill(source, consumer, PG_GETARG_TIMESTAMPTZ(0), only, result);
    PG_END_ENSURE_ERROR_CLEANUP(kafka_session_close, PointerGetDatum(consumer));
    kafka_session_close(0, PointerGetDatum(consumer));
    return static_cast<Datum>(0);
}

extern "C" Datum heartbeat_check_offset(PG_FUNCTION_ARGS) {
    // in a database of version 1.1 or 1.2 the function has no argument for the source
    bool named = PG_NARGS() > 2;
    Source source = source_named(named ? text_to_cstring(PG_GETARG_TEXT_PP(0)) : nullptr);
    check_offset(source, PG_GETARG_INT32(named ? 1 : 0), PG_GETARG_INT64(named ? 2 : 1));
    PG_RETURN_VOID();
}
