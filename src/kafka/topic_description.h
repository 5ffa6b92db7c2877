// Kafka's description of a topic, and whether two descriptions can be of the same topic. A recreated topic
// has another id; librdkafka before 2.3 cannot ask for that id.
#pragma once

#include <cstdint>

namespace heartbeat {

struct TopicDescription {
    bool exists;
    int32_t partition_count; // at most partition_count_max
    char cluster_id[64];     // ASCII, as ascii_copy writes it; empty if the cluster has none
    char topic_id[64];       // the same; empty if the cluster gives none, or librdkafka is older than 2.3
};

// False if both descriptions have an id of the cluster, or of the topic, and these ids differ.
bool topic_is_same(const TopicDescription &a, const TopicDescription &b) noexcept;

} // namespace heartbeat
