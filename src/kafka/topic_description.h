// Kafka's description of a topic, and a function that compares two descriptions. A recreated topic has
// another id. librdkafka before 2.3 cannot ask for the topic's id.
#pragma once

#include <cstdint>

namespace heartbeat {

struct TopicDescription {
    bool exists;
    int32_t partition_count; // at most partition_count_max
    char cluster_id[64];     // ASCII, as ascii_copy() writes it; empty if the cluster has no id
    char topic_id[64];       // ASCII; empty if the cluster gives no id, or if librdkafka is older than
                             // 2.3
};

// Returns false if the cluster ids of the two descriptions differ, or if their topic ids differ. An id that
// is empty in one of the descriptions is not known, and does not count as different.
bool topic_is_same(const TopicDescription &a, const TopicDescription &b) noexcept;

} // namespace heartbeat
