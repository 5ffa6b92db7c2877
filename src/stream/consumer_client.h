// Stream half: what a consumer is made of, for the files that implement consumer.h and topic_query.h.
#pragma once

#include "stream/consumer.h"

#include <librdkafka/rdkafka.h>
#include <memory>
#include <string>
#include <thread>

namespace heartbeat {

inline constexpr size_t notes_kept = 32;

class Consumer {
  public:
    ~Consumer();
    void note(int level, const char *text) noexcept; // called by librdkafka's C frames
    void settle() noexcept;                          // waits for a fill that runs ahead

    rd_kafka_t *client = nullptr;
    rd_kafka_queue_t *queue = nullptr;
    rd_kafka_topic_t *topic_handle = nullptr;
    std::string topic;
    int wake[2] = {-1, -1}; // librdkafka writes a byte, consumer_descriptor() is the end to wait on
    std::vector<PartitionPosition> positions; // where the next batch begins
    std::vector<PartitionPosition> stored;    // of the same partitions: what the database has
    std::thread ahead;                        // nobody else uses the consumer while it runs
    FillResult ahead_result = FillResult::drained;
    ConsumerNote notes[notes_kept]; // a ring
    size_t first_note = 0;
    size_t note_count = 0;
    bool lost_brokers = false;
    bool mirror_failed = false;
};

struct ListDeleter {
    void operator()(rd_kafka_topic_partition_list_t *list) const {
        rd_kafka_topic_partition_list_destroy(list);
    }
};
using ListPointer = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;

// A list of the partitions that `partition_at(i)` names, each with the offset that `offset_at(i)` gives.
template <typename PartitionAt, typename OffsetAt>
ListPointer make_list(const Consumer &consumer, size_t count, PartitionAt partition_at, OffsetAt offset_at) {
    ListPointer list(rd_kafka_topic_partition_list_new(static_cast<int>(count)));
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list.get(), consumer.topic.c_str(), partition_at(i))->offset =
            offset_at(i);
    return list;
}

inline bool describe_failure(Problem *problem, const char *what, rd_kafka_resp_err_t error) {
    snprintf(problem->text, sizeof(problem->text), "%s: %s", what, rd_kafka_err2str(error));
    return false;
}

} // namespace heartbeat
