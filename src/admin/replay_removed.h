// Refuses a replay of a time span that Kafka no longer holds completely. replay_plan.cpp calls it.
// It does not decide what is removed: replay_partitions.cpp does.
#pragma once

#include "admin/replay_partitions.h"

namespace heartbeat {

// Raises an error if Kafka has removed messages of the span in one of the partitions. The error says from
// which offset and time on Kafka holds them.
void replay_removed_refuse(Consumer *consumer, const ReplayPartition *partitions, size_t count);

} // namespace heartbeat
