// Keeps the newest marks of each partition in a ring. The rings of all partitions together have a limit.
// consumer_advance() adds the marks of a batch, and log_search.cpp reads the marks.
#include "kafka/consumer_memory.h"

#include <algorithm>

namespace heartbeat {

namespace {

constexpr size_t recent_marks_max = 1024;     // the limit for one partition
constexpr size_t recent_marks_of_all = 32768; // the limit for all partitions: 1 MB

void remember_mark(RecentMarks *recent, const MessageMark &mark, size_t room) {
    if (recent->marks.size() < room) {
        recent->marks.push_back(mark);
        return;
    }
    recent->at %= recent->marks.size();
    recent->marks[recent->at++] = mark;
}

// Returns how many marks the memory keeps for each partition, if `partitions` partitions are assigned.
size_t room_of(size_t partitions) {
    return std::clamp(recent_marks_of_all / std::max<size_t>(partitions, 1), trail_marks_max,
                      recent_marks_max);
}

} // namespace

void ConsumerMemory::forget_beyond(const PartitionPosition &position) {
    auto found = recent.find(position.partition);
    if (found == recent.end())
        return;
    std::vector<MessageMark> &marks = found->second.marks;
    std::sort(marks.begin(), marks.end(),
              [](const MessageMark &a, const MessageMark &b) { return a.offset < b.offset; });
    while (!marks.empty() && marks.back().offset > position.last_message.offset)
        marks.pop_back();
    if (marks.empty() || marks.back().offset != position.last_message.offset ||
        !mark_agrees(marks.back(), position.last_message))
        recent.erase(found);
    else
        found->second.at = 0;
}

void ConsumerMemory::remember_partition(const Batch &batch, int32_t partition, size_t partitions) {
    size_t room = room_of(partitions);
    for (size_t i = 0; i < batch.messages.size(); i++) {
        const BatchMessage &message = batch.messages[i];
        if (message.kafka_time >= 0 && batch.partitions[message.partition_index].partition == partition)
            remember_mark(&recent[partition], batch.mark(static_cast<uint32_t>(i)), room);
    }
}

void ConsumerMemory::remember(Batch *batch, std::vector<PartitionPosition> *assigned) {
    size_t room = room_of(assigned->size());
    batch->trails.assign(batch->partitions.size(), {});
    std::vector<PartitionPosition *> positions(batch->partitions.size(), nullptr);
    for (PartitionPosition &position : *assigned)
        for (size_t i = 0; i < positions.size(); i++)
            if (position.end == INT64_MAX && batch->partitions[i].partition == position.partition)
                positions[i] = &position;
    std::vector<size_t> counts(positions.size(), 0);
    std::vector<uint32_t> chosen; // the indexes of messages, the newest message first
    for (size_t i = batch->messages.size(); i-- > 0;) {
        const BatchMessage &message = batch->messages[i];
        if (positions[message.partition_index] != nullptr && message.kafka_time >= 0 &&
            counts[message.partition_index]++ < room)
            chosen.push_back(static_cast<uint32_t>(i));
    }
    for (size_t i = chosen.size(); i-- > 0;) {
        PartitionPosition &position = *positions[batch->messages[chosen[i]].partition_index];
        position.last_message = batch->mark(chosen[i]);
        remember_mark(&recent[position.partition], position.last_message, room);
    }
    for (size_t i = 0; i < positions.size(); i++) {
        if (positions[i] == nullptr)
            continue;
        if (counts[i] > 0)
            positions[i]->trail.add(positions[i]->last_message);
        batch->trails[i] = positions[i]->trail;
    }
}

} // namespace heartbeat
