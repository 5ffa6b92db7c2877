// Collects decoded messages: copies their bytes, and records the next offset of each Kafka partition.
// batch_seal.cpp sorts them for the tables.
#include "decode/batch.h"

#include <algorithm>
#include <cstring>

namespace heartbeat {

namespace {

// With each message the batch also keeps a small text: the customer id or the error text. When a message
// makes the batch full, the batch reserves this many bytes more than the message needs, for these texts.
constexpr size_t bytes_beside = size_t{4} << 10;

} // namespace

Batch::Batch(size_t max_messages, size_t max_bytes) noexcept
    : max_messages(max_messages), max_bytes(max_bytes) {}

uint32_t Batch::partition_index(int32_t partition, int64_t first_offset) {
    // search from the end: neighbours in the queue are mostly of the same partition
    for (size_t index = partitions.size(); index-- > 0;)
        if (partitions[index].partition == partition)
            return static_cast<uint32_t>(index);
    partitions.push_back({partition, first_offset, first_offset, 0, 0, -1, -1, 0, 0, 0});
    return static_cast<uint32_t>(partitions.size() - 1);
}

BatchBytes Batch::keep(const void *data, size_t size) {
    if (data == nullptr)
        return {0, -1};
    const char *begin = static_cast<const char *>(data);
    size_t needed = bytes.size() + size;
    // Double the capacity up to max_bytes, so that the vector copies each byte only a few times. Beyond
    // max_bytes reserve only the bytes that are needed. Doubling would reserve twice the memory of a giant
    // message.
    if (needed > bytes.capacity() && size > bytes_beside)
        bytes.reserve(needed < max_bytes ? std::min(std::max(needed, 2 * bytes.capacity()), max_bytes)
                                         : needed + bytes_beside);
    bytes.insert(bytes.end(), begin, begin + size);
    return {bytes.size() - size, static_cast<int32_t>(size)};
}

bool Batch::begin_message(const MessageView &message, int64_t first_offset, BatchMessage *begun) {
    uint32_t index = partition_index(message.partition, first_offset);
    if (message.offset < partitions[index].next_offset)
        return false; // the client fetched it before its last seek: the database or this batch has it already
    begun->partition_index = index;
    begun->offset = message.offset;
    begun->kafka_time = message.kafka_time;
    begun->leader_epoch = message.leader_epoch;
    begun->key = keep(message.key.data, message.key.size);
    begun->payload = keep(message.payload.data, message.payload.size);
    begun->customer_id = begun->error_text = {0, -1};
    return true;
}

BatchPartition *Batch::append(const BatchMessage &message) {
    messages.push_back(message);
    BatchPartition *progress = &partitions[message.partition_index];
    progress->next_offset = message.offset + 1;
    progress->messages++;
    if (message.kafka_time >= 0) {
        progress->last_offset = message.offset;
        progress->last_kafka_time = message.kafka_time;
        progress->last_message = static_cast<uint32_t>(messages.size() - 1);
    }
    return progress;
}

void Batch::add_reading(const MessageView &message, int64_t first_offset, const Reading &reading,
                        HeartRateClass heart_rate_class) {
    BatchMessage added = {};
    if (!begin_message(message, first_offset, &added))
        return;
    added.customer_id = keep(reading.customer_id, reading.customer_id_size);
    added.heart_rate = reading.heart_rate;
    added.heart_rate_class = heart_rate_class;
    added.event_time = reading.event_time;
    BatchPartition *progress = append(added);
    bool first = progress->readings++ == 0;
    progress->first_event = first ? added.event_time : std::min(progress->first_event, added.event_time);
    progress->last_event = first ? added.event_time : std::max(progress->last_event, added.event_time);
}

void Batch::add_dead_letter(const MessageView &message, int64_t first_offset, const DecodeError &error) {
    BatchMessage added = {};
    if (!begin_message(message, first_offset, &added))
        return;
    added.error = error.code;
    added.error_text = keep(error.text, strlen(error.text));
    append(added);
}

MessageMark Batch::mark(uint32_t index) const noexcept {
    const BatchMessage &message = messages[index];
    return {message.offset, message.kafka_time,
            message_checksum(at(message.key), message.key.size, at(message.payload), message.payload.size),
            message.leader_epoch};
}

void Batch::add_progress(int32_t partition, int64_t first_offset, int64_t next_offset) {
    if (next_offset <= first_offset)
        return;
    BatchPartition &progress = partitions[partition_index(partition, first_offset)];
    progress.next_offset = std::max(progress.next_offset, next_offset);
}

void Batch::clear() noexcept {
    // free the memory of giant messages
    if (bytes.capacity() > max_bytes / 2)
        std::vector<char>().swap(bytes);
    bytes.clear();
    messages.clear();
    partitions.clear();
    trails.clear();
    unseal();
}

void batch_leave_out(Batch *batch, int32_t partition, int64_t offset) noexcept {
    for (BatchMessage &message : batch->messages)
        if (message.offset == offset && batch->partitions[message.partition_index].partition == partition)
            message.left_out = true;
}

} // namespace heartbeat
