// Compares two descriptions of a topic by the ids of the cluster and of the topic. If one of the descriptions
// does not have an id, this file does not compare this id.
#include "kafka/topic_description.h"

#include <cstring>

namespace heartbeat {

namespace {

bool is_same_id(const char *a, const char *b) {
    return a[0] == '\0' || b[0] == '\0' || strcmp(a, b) == 0;
}

} // namespace

bool topic_is_same(const TopicDescription &a, const TopicDescription &b) noexcept {
    return is_same_id(a.cluster_id, b.cluster_id) && is_same_id(a.topic_id, b.topic_id);
}

} // namespace heartbeat
