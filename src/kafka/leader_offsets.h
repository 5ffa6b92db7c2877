// Asks the leader of several partitions for the offsets of these partitions. topic_ranges.cpp calls this file
// on a thread.
#pragma once

#include "kafka/partition_position.h"
#include "kafka/topic_answers.h"

#include <cstdint>
#include <vector>

namespace heartbeat {

// Waits for the answer, at most 8 seconds plus two times KafkaClient::fetch_delay. May throw std::bad_alloc.
RangesAnswer leader_offsets_ask(SharedClient &client, const std::vector<int32_t> &partitions, RangeKind kind,
                                int64_t time);

} // namespace heartbeat
