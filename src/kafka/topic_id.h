// Kafka's own id of a topic, which one that is made again under the same name does not have.
#pragma once

#include "kafka/shared_client.h"
#include "kafka/topic_description.h"

namespace heartbeat {

// Fills in topic->topic_id; leaves it as it is where there is no answer, which says nothing of the topic. It
// waits for the answer. librdkafka cannot ask before its version 2.3.
void topic_id_describe(const SharedClient &client, int timeout_ms, TopicDescription *topic) noexcept;

} // namespace heartbeat
