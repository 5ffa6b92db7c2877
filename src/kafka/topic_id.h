// Asks Kafka for the id of a topic. A recreated topic with the same name has another id. topic_query.cpp
// calls this file on a thread, because the call waits.
#pragma once

#include "kafka/shared_client.h"
#include "kafka/topic_description.h"

namespace heartbeat {

// Asks Kafka for the id of the topic, waits for the answer, and sets topic->topic_id. If Kafka does not
// answer, topic->topic_id does not change. librdkafka before 2.3 cannot ask for the id.
void topic_id_describe(const SharedClient &client, int timeout_ms, TopicDescription *topic) noexcept;

} // namespace heartbeat
