// Collects decoded messages. Copies the bytes and the readings of the messages into the batch, and notes the
// next offset of each Kafka partition. batch_seal.cpp sorts the readings for the tables.
#include "decode/batch.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace heartbeat {

namespace {

// Besides the bytes of its messages, a batch keeps small texts such as customer ids or error texts. When a
// batch takes a giant message, the batch also reserves this number of bytes for the small texts.
constexpr size_t bytes_beside = size_t{4} << 10;

// Empties the vector. Frees the vector's memory if giant messages have made the vector larger than `kept`.
template <typename Value> void drop(std::vector<Value> *values, size_t kept) noexcept {
    if (values->capacity() > kept)
        std::vector<Value>().swap(*values);
    values->clear();
}

} // namespace

Batch::Batch(size_t max_messages, size_t max_bytes) noexcept
    : max_messages(max_messages), max_bytes(max_bytes) {}

uint32_t Batch::partition_index(int32_t partition, int64_t first_offset) {
    // search from the end, because two consecutive messages of the queue usually belong to the same Kafka
    // partition
    for (size_t index = partitions.size(); index-- > 0;)
        if (partitions[index].partition == partition)
            return static_cast<uint32_t>(index);
    partitions.push_back({partition, first_offset, first_offset, 0, 0, 0, -1, -1, 0, 0, 0});
    return static_cast<uint32_t>(partitions.size() - 1);
}

size_t Batch::room() const noexcept {
    size_t readings_left = max_messages - std::min(readings.size(), max_messages);
    size_t messages_left = max_messages - std::min(messages.size(), max_messages);
    return std::max<size_t>(
        std::min(messages_left, readings_left / std::max(most_readings, most_readings_now)), 1);
}

BatchBytes Batch::keep(const void *data, size_t size) {
    if (data == nullptr)
        return {0, -1};
    const char *begin = static_cast<const char *>(data);
    size_t needed = bytes.size() + size;
    if (needed > std::numeric_limits<uint32_t>::max())
        throw std::bad_alloc();
    // Up to max_bytes, double the capacity: then the vector copies each byte only a few times. Beyond
    // max_bytes, reserve only the bytes that the batch needs: a doubled capacity could be twice the size of a
    // giant message.
    if (needed > bytes.capacity() && size > bytes_beside)
        bytes.reserve(needed < max_bytes ? std::min(std::max(needed, 2 * bytes.capacity()), max_bytes)
                                         : needed + bytes_beside);
    bytes.insert(bytes.end(), begin, begin + size);
    return {static_cast<uint32_t>(needed - size), static_cast<int32_t>(size)};
}

void Batch::keep_headers(const MessageView &message) {
    for (size_t i = 0; i < message.header_count; i++) {
        const MessageHeader &header = message.headers[i];
        BatchBytes name = keep(header.name.data(), header.name.size());
        headers.push_back({name, keep(header.value.data, header.value.size)});
        begun.headers++;
    }
}

bool Batch::begin_message(const MessageView &message, int64_t first_offset) {
    begun = {};
    begun.first_reading = static_cast<uint32_t>(readings.size());
    begun.first_header = static_cast<uint32_t>(headers.size());
    begun.partition_index = partition_index(message.partition, first_offset);
    if (message.offset < partitions[begun.partition_index].next_offset)
        // After a seek, librdkafka can still deliver a message that it fetched before the seek. The offset of
        // this message is below next_offset, so the database or this batch already has the message.
        return false;
    begun.offset = message.offset;
    begun.kafka_time = message.kafka_time;
    begun.leader_epoch = message.leader_epoch;
    begun.key = keep(message.key.data, message.key.size);
    begun.payload = keep(message.payload.data, message.payload.size);
    begun.error_text = {0, -1};
    keep_headers(message);
    return true;
}

// Usually all readings of a message have the same customer id and the same device id. If an id is the same as
// in the previous reading of the message, both readings share one copy of the id.
BatchBytes Batch::keep_id(std::string_view id, BatchBytes BatchReading::*member) {
    if (begun.readings > 0) {
        BatchBytes last = readings.back().*member;
        if (std::string_view(at(last), static_cast<size_t>(last.size)) == id)
            return last;
    }
    return id.empty() ? BatchBytes{0, 0} : keep(id.data(), id.size());
}

void Batch::add_reading(const ReadingView &reading, HeartRateClass heart_rate_class) {
    BatchReading added = {};
    added.message = static_cast<uint32_t>(messages.size());
    added.first = static_cast<uint32_t>(readings.size());
    added.heart_rate_class = heart_rate_class;
    added.customer_id = keep_id(reading.customer_id, &BatchReading::customer_id);
    added.device_id = keep_id(reading.device_id, &BatchReading::device_id);
    added.heart_rate = reading.heart_rate;
    added.event_time = reading.event_time;
    readings.push_back(added);
    begun.readings++;
}

BatchPartition *Batch::append() {
    messages.push_back(begun);
    BatchPartition *progress = &partitions[begun.partition_index];
    progress->next_offset = begun.offset + 1;
    progress->messages++;
    if (begun.kafka_time >= 0) {
        progress->last_offset = begun.offset;
        progress->last_kafka_time = begun.kafka_time;
        progress->last_message = static_cast<uint32_t>(messages.size() - 1);
    }
    return progress;
}

void Batch::end_message() {
    BatchPartition *progress = append();
    for (uint32_t i = 0; i < begun.readings; i++) {
        int64_t time = readings[begun.first_reading + i].event_time;
        bool first = progress->readings++ == 0;
        progress->first_event = first ? time : std::min(progress->first_event, time);
        progress->last_event = first ? time : std::max(progress->last_event, time);
    }
    most_readings_now = std::max<size_t>(most_readings_now, begun.readings);
}

void Batch::end_ignored() {
    begun.ignored = true;
    append()->ignored++;
}

void Batch::end_dead_letter(const DecodeError &error) {
    begun.error = error.code;
    begun.error_text = keep(error.text, strlen(error.text));
    append();
}

void Batch::abandon_message() noexcept {
    const BatchMessage last = messages.empty() ? BatchMessage{} : messages.back();
    readings.resize(last.first_reading + last.readings);
    headers.resize(last.first_header + last.headers);
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
    bytes_sealed = 0;
    most_readings = most_readings_now;
    most_readings_now = 1;
    drop(&bytes, max_bytes / 2);
    drop(&readings, max_messages * 2);
    drop(&headers, max_messages * 2);
    drop(&keys, max_messages * 2);
    messages.clear();
    partitions.clear();
    trails.clear();
    unseal();
}

void Batch::release() noexcept {
    clear();
    drop(&bytes, 0);
    drop(&headers, 0);
    drop(&keys, 0);
    drop(&messages, 0);
    drop(&readings, 0);
    drop(&partitions, 0);
    drop(&trails, 0);
    drop(&minutes, 0);
    for (std::vector<uint32_t> *list : {&records, &anomalies, &repetitions, &dead_letters})
        drop(list, 0);
}

void batch_leave_out(Batch *batch, int32_t partition, int64_t offset) noexcept {
    for (BatchMessage &message : batch->messages)
        if (message.offset == offset && batch->partitions[message.partition_index].partition == partition)
            message.left_out = true;
}

} // namespace heartbeat
