// Makes librdkafka's lists of partitions with offsets. The files of this folder use them for
// calls that assign, commit, seek and ask for offsets.
#pragma once

#include "kafka/owned.h"
#include "kafka/shared_client.h"

#include <cstddef>

namespace heartbeat {

// A list of the partitions that `partition_at(i)` names, each with the offset that `offset_at(i)` gives.
template <typename PartitionAt, typename OffsetAt>
ListPointer partition_list_make(const SharedClient &client, size_t count, PartitionAt partition_at,
                                OffsetAt offset_at) {
    ListPointer list(rd_kafka_topic_partition_list_new(static_cast<int>(count)));
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list.get(), client.topic.c_str(), partition_at(i))->offset =
            offset_at(i);
    return list;
}

} // namespace heartbeat
