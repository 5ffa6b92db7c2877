// What Kafka no longer holds of the time that a replay is to read.
#pragma once

#include "admin/replay_partitions.h"

namespace heartbeat {

// An error where Kafka no longer holds all of the span of one of the partitions, with what it holds.
void replay_removed_refuse(Consumer *consumer, const ReplayPartition *partitions, size_t count);

} // namespace heartbeat
