// Stream half: metadata, watermarks and offsets by time, through librdkafka.
#include "stream/topic_query.h"

#include "stream/consumer_client.h"
#include "stream/topic_id.h"

#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

namespace heartbeat {

namespace {

struct MetadataDeleter {
    void operator()(const rd_kafka_metadata_t *metadata) const { rd_kafka_metadata_destroy(metadata); }
};

bool is_same_id(const char *a, const char *b) {
    return a[0] == '\0' || b[0] == '\0' || strcmp(a, b) == 0;
}

// The error of the call says only that no broker answered; why is in what was said of the brokers meanwhile.
bool describe_unreachable(Consumer *consumer, rd_kafka_resp_err_t error, Problem *problem) {
    constexpr const char *what = "cannot reach Kafka";
    consumer->listen();
    const char *reason = consumer->broker_errors.worst();
    if (reason[0] == '\0')
        return describe_failure(problem, what, error);
    utf8_print(problem->text, sizeof(problem->text), "%s: %s", what, reason);
    return false;
}

bool check_partition_count(const Consumer &consumer, int count, Problem *problem) {
    if (count <= partition_count_max)
        return true;
    utf8_print(problem->text, sizeof(problem->text),
               "the broker says that topic \"%s\" has %d partitions; more than %d are not read",
               consumer.topic.c_str(), count, partition_count_max);
    return false;
}

bool check_range(const PartitionRange &range, Problem *problem) {
    if (range.low >= 0 && range.low <= range.high && range.high <= offset_max)
        return true;
    utf8_print(problem->text, sizeof(problem->text),
               "partition %d: the broker says that it holds offsets %lld to %lld, which no partition can",
               range.partition, static_cast<long long>(range.low), static_cast<long long>(range.high));
    return false;
}

// What ListOffsets answers for the partitions to a time, or to one of librdkafka's logical offsets; nullptr
// with *problem filled in where one of them has no answer.
template <typename PartitionAt>
ListPointer ask(const Consumer &consumer, size_t count, PartitionAt partition_at, int64_t time,
                int timeout_ms, const char *what, Problem *problem) {
    ListPointer list = make_list(consumer, count, partition_at, [=](size_t) { return time; });
    rd_kafka_resp_err_t error = count == 0
                                    ? RD_KAFKA_RESP_ERR_NO_ERROR
                                    : rd_kafka_offsets_for_times(consumer.client, list.get(), timeout_ms);
    for (size_t i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < count; i++)
        error = list->elems[i].err;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        describe_failure(problem, what, error);
        return nullptr;
    }
    return list;
}

// Of positions below 0, of which the broker has no message so late: the end, asked of all at once.
bool replace_by_ends(Consumer *consumer, PartitionPosition *positions, size_t count, int timeout_ms,
                     Problem *problem) noexcept {
    std::unique_ptr<PartitionRange[]> ranges(new (std::nothrow) PartitionRange[count]);
    if (ranges == nullptr) {
        utf8_copy(problem->text, sizeof(problem->text), "out of memory while asking Kafka for offsets");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        ranges[i] = {positions[i].partition, 0, 0};
    if (!topic_ranges(consumer, ranges.get(), count, timeout_ms, problem))
        return false;
    for (size_t i = 0; i < count; i++)
        if (positions[i].offset < 0)
            positions[i].offset = ranges[i].high;
    return true;
}

} // namespace

bool topic_is_same(const TopicDescription &a, const TopicDescription &b) noexcept {
    return is_same_id(a.cluster_id, b.cluster_id) && is_same_id(a.topic_id, b.topic_id);
}

bool topic_describe(Consumer *consumer, int timeout_ms, TopicDescription *topic, Problem *problem) noexcept {
    consumer->settle();
    const rd_kafka_metadata_t *metadata = nullptr;
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(consumer->client, 0, consumer->topic_handle, &metadata, timeout_ms);
    std::unique_ptr<const rd_kafka_metadata_t, MetadataDeleter> holder(metadata);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return describe_unreachable(consumer, error, problem);
    consumer->broker_errors.forget();
    topic->exists = metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                    metadata->topics[0].partition_cnt > 0;
    if (!topic->exists && metadata->topic_cnt == 1 && metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        metadata->topics[0].err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return describe_failure(problem, "cannot use the topic", metadata->topics[0].err);
    topic->partition_count = topic->exists ? metadata->topics[0].partition_cnt : 0;
    if (!check_partition_count(*consumer, topic->partition_count, problem))
        return false;
    char *cluster_id = rd_kafka_clusterid(consumer->client, timeout_ms);
    ascii_copy(topic->cluster_id, sizeof(topic->cluster_id), cluster_id == nullptr ? "" : cluster_id);
    rd_kafka_mem_free(consumer->client, cluster_id);
    topic->topic_id[0] = '\0';
    if (topic->exists)
        topic_id_describe(consumer, timeout_ms, topic);
    return true;
}

bool topic_ranges(Consumer *consumer, PartitionRange *ranges, size_t count, int timeout_ms,
                  Problem *problem) noexcept {
    // not rd_kafka_query_watermark_offsets(), which asks for one partition after the other, and puts an end
    // before the beginning right by its own guess
    consumer->settle();
    constexpr const char *what = "cannot ask Kafka for the offsets of the topic";
    auto partition_at = [=](size_t i) { return ranges[i].partition; };
    ListPointer low =
        ask(*consumer, count, partition_at, RD_KAFKA_OFFSET_BEGINNING, timeout_ms, what, problem);
    ListPointer high =
        low == nullptr ? nullptr
                       : ask(*consumer, count, partition_at, RD_KAFKA_OFFSET_END, timeout_ms, what, problem);
    for (size_t i = 0; high != nullptr && i < count; i++) {
        ranges[i].low = low->elems[i].offset;
        ranges[i].high = high->elems[i].offset;
        if (!check_range(ranges[i], problem))
            return false;
    }
    return high != nullptr;
}

bool topic_offsets_at(Consumer *consumer, int64_t kafka_time, PartitionPosition *positions, size_t count,
                      int timeout_ms, Problem *problem) noexcept {
    consumer->settle();
    ListPointer found = ask(
        *consumer, count, [=](size_t i) { return positions[i].partition; }, kafka_time, timeout_ms,
        "cannot ask Kafka for the offsets at a time", problem);
    bool any_at_end = false;
    for (size_t i = 0; found != nullptr && i < count; i++) {
        positions[i].offset = found->elems[i].offset;
        any_at_end = any_at_end || positions[i].offset < 0;
        if (positions[i].offset >= 0 &&
            !check_range({positions[i].partition, 0, positions[i].offset}, problem))
            return false;
    }
    return found != nullptr &&
           (!any_at_end || replace_by_ends(consumer, positions, count, timeout_ms, problem));
}

int64_t topic_high_watermark(Consumer *consumer, int32_t partition) noexcept {
    consumer->settle();
    int64_t low, high;
    rd_kafka_resp_err_t error =
        rd_kafka_get_watermark_offsets(consumer->client, consumer->topic.c_str(), partition, &low, &high);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0)
        return -1;
    if (high <= offset_max)
        return high;
    if (!consumer->impossible_end)
        consumer->note_trouble(
            "partition %d: the broker says that it ends at offset %lld, which no partition "
            "can",
            partition, static_cast<long long>(high));
    consumer->impossible_end = true;
    return -1;
}

} // namespace heartbeat
