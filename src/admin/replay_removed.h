// Refuses a replay of a time span that Kafka no longer holds completely. replay_plan.cpp calls this file.
// replay_partitions.cpp decides whether Kafka has removed messages. This file only raises the error.
#pragma once

#include "admin/replay_partitions.h"

namespace heartbeat {

// Raises an error if Kafka has removed messages of the span in one of the partitions. For at most 16 such
// partitions, the error names the offset and the time of the first message that Kafka still holds.
void replay_removed_refuse(const Source &source, Consumer *consumer, const ReplayPartition *partitions,
                           size_t count);

} // namespace heartbeat
