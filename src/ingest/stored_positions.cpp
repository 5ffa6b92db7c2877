// Reads the offset at which ingest continues in each Kafka partition. For a partition without a stored offset
// this file stores the offset at which the worker begins. This file runs in the caller's transaction.
#include "server/server.h"

#include "ingest/stored_positions.h"
#include "monitor/start_at_end.h"
#include "server/extension.h"

extern "C" {
#include "common/hashfn.h"
}

namespace heartbeat {

namespace {

constexpr int64_t last_message_reach = 100000; // offsets

StoredOffset *find(StoredOffset *offsets, size_t count, int32_t partition) {
    for (size_t i = 0; i < count; i++)
        if (offsets[i].partition == partition)
            return &offsets[i];
    return nullptr;
}

// Returns the mark of the last consumed message. The client begins to read at this message, to check that
// Kafka's log still has the message. Returns an empty mark if the message is before the beginning of the log,
// or not before the next offset. Also returns an empty mark if the message is more than last_message_reach
// offsets before the next offset: messages of aborted transactions can be between them, and each new client
// would fetch all of these.
MessageMark usable_last_message(const StoredOffset &stored, const PartitionRange &range) {
    bool usable = stored.last_message.offset >= range.low &&
                  stored.last_message.offset < stored.next_offset &&
                  stored.next_offset - stored.last_message.offset <= last_message_reach;
    return usable ? stored.last_message : MessageMark{};
}

// Returns the description of the source's topic, and a hash. The hash contains the topic, the revision of the
// source and the OID of the extension. With the topic alone, an altered source would keep its hash, and a new
// source could have the hash of a source from before DROP EXTENSION.
StartAtEnd present_topic(const Source &source, const TopicDescription &description) {
    uint64_t seed =
        static_cast<uint64_t>(extension_known().oid) << 32 ^ static_cast<uint64_t>(source.revision);
    auto *name = reinterpret_cast<const unsigned char *>(source.topic);
    return {hash_bytes_extended(name, static_cast<int>(strlen(source.topic)), seed), description};
}

// If ingest started at the end offsets, returns how many partitions the topic had at this time. If ingest
// started elsewhere, returns 0. `starts` is true if ingest starts now.
int32_t count_end_partitions(const KafkaPartitions &partitions, bool starts) {
    const Source &source = *partitions.source;
    StartAtEnd topic = present_topic(source, partitions.topic);
    bool from_end = source.start_offset == StartOffset::latest;
    if (starts)
        start_at_end_set(partitions.worker, source.id, from_end ? topic : StartAtEnd{});
    return start_at_end_partitions(source.id, topic);
}

} // namespace

StoredOffset *stored_positions_load(const KafkaPartitions &partitions, size_t *count) {
    const Source &source = *partitions.source;
    const TopicDescription &topic = partitions.topic;
    StoredOffset *offsets = offsets_load(source, count);
    int32_t end_partitions = count_end_partitions(partitions, *count == 0);
    bool begun = false;
    for (int32_t partition = 0; partition < topic.partition_count; partition++) {
        const PartitionRange &range = partitions.partition[partition].range;
        if (range.low < 0 || find(offsets, *count, partition) != nullptr)
            continue;
        bool from_end = partition < end_partitions;
        offsets_begin(source, partition, from_end ? range.high : range.low, topic);
        begun = true;
    }
    return begun ? offsets_load(source, count) : offsets;
}

PartitionPosition stored_positions_of(const StoredOffset &stored, const PartitionRange &range) {
    PartitionPosition position = {stored.partition, stored.next_offset, usable_last_message(stored, range)};
    position.trail = stored.trail;
    position.log_begin = range.low;
    position.log_end = range.high;
    return position;
}

} // namespace heartbeat
