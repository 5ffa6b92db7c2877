// Makes librdkafka's lists of partitions with offsets. The files of this folder pass these lists to the calls
// that assign, commit, seek and ask for offsets.
#pragma once

#include "kafka/owned.h"

#include <cstddef>

namespace heartbeat {

// Makes a list of `count` partitions of the topic of a SharedClient. Element i is the partition
// `partition_at(i)` with the offset `offset_at(i)`.
template <typename Client, typename PartitionAt, typename OffsetAt>
ListPointer partition_list_make(const Client &client, size_t count, PartitionAt partition_at,
                                OffsetAt offset_at) {
    ListPointer list(rd_kafka_topic_partition_list_new(static_cast<int>(count)));
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list.get(), client.topic.c_str(), partition_at(i))->offset =
            offset_at(i);
    return list;
}

} // namespace heartbeat
