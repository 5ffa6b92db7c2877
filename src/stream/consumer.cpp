// Stream half: librdkafka's consumer with positions given by the caller: assigned, never subscribed, so that
// no group rebalances anything. Callbacks run inside this file's calls, on the caller's thread.
#include "stream/consumer.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

namespace heartbeat {

namespace {

constexpr size_t notes_kept = 32;
constexpr size_t messages_at_once = 512;

struct ListDeleter {
    void operator()(rd_kafka_topic_partition_list_t *list) const {
        rd_kafka_topic_partition_list_destroy(list);
    }
};
using ListPointer = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;

struct MetadataDeleter {
    void operator()(const rd_kafka_metadata_t *metadata) const { rd_kafka_metadata_destroy(metadata); }
};

bool describe_failure(Problem *problem, const char *what, rd_kafka_resp_err_t error) {
    snprintf(problem->text, sizeof(problem->text), "%s: %s", what, rd_kafka_err2str(error));
    return false;
}

} // namespace

class Consumer {
  public:
    ~Consumer();
    void note(int level, const char *text) noexcept; // called by librdkafka's C frames
    PartitionPosition *position_of(int32_t partition);
    FillResult take(rd_kafka_message_t *message, Batch *batch);

    rd_kafka_t *client = nullptr;
    rd_kafka_queue_t *queue = nullptr;
    rd_kafka_topic_t *topic_handle = nullptr;
    std::string topic;
    int wake[2] = {-1, -1}; // librdkafka writes a byte, consumer_descriptor() is the end to wait on
    std::vector<PartitionPosition> positions; // where the next batch begins
    ConsumerNote notes[notes_kept];           // a ring
    size_t first_note = 0;
    size_t note_count = 0;
    bool lost_brokers = false;
    bool mirror_failed = false;
};

Consumer::~Consumer() {
    if (topic_handle != nullptr)
        rd_kafka_topic_destroy(topic_handle);
    if (queue != nullptr) {
        rd_kafka_queue_io_event_enable(queue, -1, nullptr, 0);
        rd_kafka_queue_destroy(queue);
    }
    if (client != nullptr)
        rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    for (int end : wake)
        if (end >= 0)
            close(end);
}

void Consumer::note(int level, const char *text) noexcept {
    ConsumerNote &note = notes[(first_note + note_count) % notes_kept];
    note.level = level;
    snprintf(note.text, sizeof(note.text), "%s", text);
    if (note_count < notes_kept)
        note_count++;
    else
        first_note = (first_note + 1) % notes_kept; // the oldest is overwritten
}

PartitionPosition *Consumer::position_of(int32_t partition) {
    auto found = std::find_if(positions.begin(), positions.end(), [=](const PartitionPosition &position) {
        return position.partition == partition;
    });
    return found == positions.end() ? nullptr : &*found;
}

namespace {

void log_callback(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    char line[256];
    snprintf(line, sizeof(line), "%s: %s", facility, text);
    static_cast<Consumer *>(rd_kafka_opaque(client))->note(level, line);
}

void error_callback(rd_kafka_t *client, int error, const char *reason, void *opaque) {
    auto *consumer = static_cast<Consumer *>(opaque);
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        consumer->lost_brokers = true;
    char line[256];
    snprintf(line, sizeof(line), "%s: %s", rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)),
             reason);
    consumer->note(4, line);
    (void)client;
}

void commit_callback(rd_kafka_t *client, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *offsets,
                     void *opaque) {
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    char line[256];
    snprintf(line, sizeof(line), "positions were not mirrored to the Kafka group: %s",
             rd_kafka_err2str(error));
    auto *consumer = static_cast<Consumer *>(opaque);
    consumer->note(6, line);
    consumer->mirror_failed = true;
    (void)client;
    (void)offsets;
}

// A list of the partitions that `partition_at(i)` names, each with the offset that `offset_at(i)` gives.
template <typename PartitionAt, typename OffsetAt>
ListPointer make_list(const Consumer &consumer, size_t count, PartitionAt partition_at, OffsetAt offset_at) {
    ListPointer list(rd_kafka_topic_partition_list_new(static_cast<int>(count)));
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list.get(), consumer.topic.c_str(), partition_at(i))->offset =
            offset_at(i);
    return list;
}

bool open_client(Consumer *consumer, const KafkaSettings &settings, Problem *problem) {
    consumer->topic = settings.topic;
    if (pipe2(consumer->wake, O_NONBLOCK | O_CLOEXEC) != 0) {
        snprintf(problem->text, sizeof(problem->text), "cannot make a pipe: %s", strerror(errno));
        return false;
    }
    rd_kafka_conf_t *config = kafka_config_create(settings, problem);
    if (config == nullptr)
        return false;
    rd_kafka_conf_set_opaque(config, consumer);
    rd_kafka_conf_set_log_cb(config, log_callback);
    rd_kafka_conf_set_error_cb(config, error_callback);
    rd_kafka_conf_set_offset_commit_cb(config, commit_callback);
    consumer->client = rd_kafka_new(RD_KAFKA_CONSUMER, config, problem->text, sizeof(problem->text));
    if (consumer->client == nullptr) {
        rd_kafka_conf_destroy(config);
        return false;
    }
    // one queue for messages, errors and logs, so that one descriptor tells of all of them
    rd_kafka_poll_set_consumer(consumer->client);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->client);
    rd_kafka_resp_err_t error = rd_kafka_set_log_queue(consumer->client, consumer->queue);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return describe_failure(problem, "cannot route librdkafka's log", error);
    consumer->topic_handle = rd_kafka_topic_new(consumer->client, settings.topic, nullptr);
    if (consumer->topic_handle == nullptr)
        return describe_failure(problem, "cannot name the topic to librdkafka", rd_kafka_last_error());
    rd_kafka_queue_io_event_enable(consumer->queue, consumer->wake[1], "1", 1);
    return true;
}

} // namespace

Consumer *consumer_open(const KafkaSettings &settings, Problem *problem) noexcept {
    try {
        auto consumer = std::make_unique<Consumer>();
        return open_client(consumer.get(), settings, problem) ? consumer.release() : nullptr;
    } catch (...) {
        snprintf(problem->text, sizeof(problem->text), "out of memory while opening the Kafka client");
        return nullptr;
    }
}

void consumer_close(Consumer *consumer) noexcept {
    delete consumer;
}

int consumer_descriptor(const Consumer *consumer) noexcept {
    return consumer->wake[0];
}

bool consumer_describe(Consumer *consumer, int timeout_ms, TopicDescription *topic,
                       Problem *problem) noexcept {
    const rd_kafka_metadata_t *metadata = nullptr;
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(consumer->client, 0, consumer->topic_handle, &metadata, timeout_ms);
    std::unique_ptr<const rd_kafka_metadata_t, MetadataDeleter> holder(metadata);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return describe_failure(problem, "cannot reach Kafka", error);
    topic->exists = metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                    metadata->topics[0].partition_cnt > 0;
    if (!topic->exists && metadata->topic_cnt == 1 && metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        metadata->topics[0].err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return describe_failure(problem, "cannot use the topic", metadata->topics[0].err);
    topic->partition_count = topic->exists ? metadata->topics[0].partition_cnt : 0;
    char *cluster_id = rd_kafka_clusterid(consumer->client, timeout_ms);
    snprintf(topic->cluster_id, sizeof(topic->cluster_id), "%s", cluster_id == nullptr ? "" : cluster_id);
    rd_kafka_mem_free(consumer->client, cluster_id);
    return true;
}

bool consumer_ranges(Consumer *consumer, PartitionRange *ranges, size_t count, int timeout_ms,
                     Problem *problem) noexcept {
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(consumer->client, consumer->topic.c_str(), ranges[i].partition,
                                             &ranges[i].low, &ranges[i].high, timeout_ms);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            return describe_failure(problem, "cannot ask Kafka for the offsets of the topic", error);
    }
    return true;
}

bool consumer_offsets_at(Consumer *consumer, int64_t kafka_time, PartitionPosition *positions, size_t count,
                         int timeout_ms, Problem *problem) noexcept {
    ListPointer found = make_list(
        *consumer, count, [=](size_t i) { return positions[i].partition; },
        [=](size_t) { return kafka_time; });
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(consumer->client, found.get(), timeout_ms);
    for (size_t i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < count; i++)
        error = found->elems[i].err;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return describe_failure(problem, "cannot ask Kafka for the offsets at a time", error);
    for (size_t i = 0; i < count; i++) {
        PartitionRange range = {positions[i].partition, 0, 0};
        if (found->elems[i].offset < 0 && !consumer_ranges(consumer, &range, 1, timeout_ms, problem))
            return false;
        positions[i].offset = found->elems[i].offset < 0 ? range.high : found->elems[i].offset;
    }
    return true;
}

bool consumer_assign(Consumer *consumer, const PartitionPosition *positions, size_t count,
                     Problem *problem) noexcept {
    try {
        consumer->positions.assign(positions, positions + count);
    } catch (...) {
        snprintf(problem->text, sizeof(problem->text), "out of memory while assigning partitions");
        return false;
    }
    ListPointer list = make_list(
        *consumer, count, [=](size_t i) { return positions[i].partition; },
        [=](size_t i) { return positions[i].offset; });
    // assigning nothing first makes librdkafka drop what it has queued from other positions
    rd_kafka_resp_err_t error = rd_kafka_assign(consumer->client, nullptr);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && count > 0)
        error = rd_kafka_assign(consumer->client, list.get());
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ||
           describe_failure(problem, "cannot assign partitions", error);
}

FillResult Consumer::take(rd_kafka_message_t *message, Batch *batch) {
    PartitionPosition *position = message->rkt != nullptr ? position_of(message->partition) : nullptr;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        char line[256];
        snprintf(line, sizeof(line), "partition %d: %s", message->partition,
                 rd_kafka_message_errstr(message));
        note(4, line);
        return FillResult::trouble;
    }
    if (position == nullptr)
        return FillResult::drained; // of a partition that is assigned no more
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        batch->add_progress(message->partition, position->offset, message->offset);
        return FillResult::drained;
    }
    rd_kafka_timestamp_type_t kind;
    int64_t kafka_time = rd_kafka_message_timestamp(message, &kind);
    batch->add_message(message->partition, position->offset, message->offset,
                       kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : kafka_time, message->key,
                       message->key_len, message->payload, message->len);
    return FillResult::drained;
}

FillResult consumer_fill(Consumer *consumer, Batch *batch) noexcept {
    char bytes[64];
    while (read(consumer->wake[0], bytes, sizeof(bytes)) > 0)
        ; // emptied before the queue is, so that no wake-up can fall between
    rd_kafka_message_t *messages[messages_at_once];
    while (!batch->full()) {
        size_t room = std::min(messages_at_once, batch->max_messages - batch->messages.size());
        ssize_t count = rd_kafka_consume_batch_queue(consumer->queue, 0, messages, room);
        if (count <= 0)
            return FillResult::drained;
        FillResult result = FillResult::drained;
        for (ssize_t i = 0; i < count; i++) {
            try {
                // after an error the rest is dropped: positions are assigned anew before anything else is
                // read
                if (result == FillResult::drained)
                    result = consumer->take(messages[i], batch);
            } catch (...) {
                result = FillResult::out_of_memory;
            }
            rd_kafka_message_destroy(messages[i]);
        }
        if (result != FillResult::drained)
            return result;
    }
    return FillResult::full;
}

void consumer_advance(Consumer *consumer, const Batch *batch) noexcept {
    for (const BatchPartition &progress : batch->partitions) {
        PartitionPosition *position = consumer->position_of(progress.partition);
        if (position != nullptr)
            position->offset = progress.next_offset;
    }
}

int64_t consumer_high_watermark(const Consumer *consumer, int32_t partition) noexcept {
    int64_t low, high;
    rd_kafka_resp_err_t error =
        rd_kafka_get_watermark_offsets(consumer->client, consumer->topic.c_str(), partition, &low, &high);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? high : -1;
}

void consumer_mirror_positions(Consumer *consumer) noexcept {
    const std::vector<PartitionPosition> &positions = consumer->positions;
    ListPointer list = make_list(
        *consumer, positions.size(), [&](size_t i) { return positions[i].partition; },
        [&](size_t i) { return positions[i].offset; });
    rd_kafka_resp_err_t error = rd_kafka_commit(consumer->client, list.get(), 1);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        consumer->note(4, rd_kafka_err2str(error));
}

bool consumer_mirror_failed(Consumer *consumer) noexcept {
    return std::exchange(consumer->mirror_failed, false);
}

bool consumer_lost_brokers(Consumer *consumer) noexcept {
    return std::exchange(consumer->lost_brokers, false);
}

bool consumer_next_note(Consumer *consumer, ConsumerNote *note) noexcept {
    if (consumer->note_count == 0)
        return false;
    *note = consumer->notes[consumer->first_note];
    consumer->first_note = (consumer->first_note + 1) % notes_kept;
    consumer->note_count--;
    return true;
}

} // namespace heartbeat
