// Gathers decoded messages, and puts them in the order in which storing them is cheapest.
#include "decode/batch.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

namespace heartbeat {

namespace {

bool of_records(const BatchMessage &message) {
    return message.heart_rate_class == HeartRateClass::normal;
}

void sort_unique(std::vector<int64_t> &values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

// What a message that makes a batch full is given beside its own room: for the texts that go with it.
constexpr size_t bytes_beside = size_t{4} << 10;

} // namespace

Batch::Batch(size_t max_messages, size_t max_bytes) : max_messages(max_messages), max_bytes(max_bytes) {}

uint32_t Batch::partition_index(int32_t partition, int64_t first_offset) {
    // searched from the end: neighbours in the queue are of one partition
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
    // By doubling, so that each byte is moved but a few times, up to what a full batch has; beyond, no more
    // than is needed, since a giant message would be held twice.
    if (needed > bytes.capacity() && size > bytes_beside)
        bytes.reserve(needed < max_bytes ? std::min(std::max(needed, 2 * bytes.capacity()), max_bytes)
                                         : needed + bytes_beside);
    bytes.insert(bytes.end(), begin, begin + size);
    return {bytes.size() - size, static_cast<int32_t>(size)};
}

void Batch::add_message(int32_t partition, int64_t first_offset, int64_t offset, int64_t kafka_time,
                        const void *key, size_t key_size, const void *payload, size_t payload_size,
                        int32_t leader_epoch) {
    uint32_t index = partition_index(partition, first_offset);
    if (offset < partitions[index].next_offset)
        return; // seen before the last seek: it is stored, or in this batch

    size_t bytes_before = bytes.size();
    BatchMessage message{};
    message.partition_index = index;
    message.offset = offset;
    message.kafka_time = kafka_time;
    message.leader_epoch = leader_epoch;
    message.key = keep(key, key_size);
    message.payload = keep(payload, payload_size);
    message.customer_id = message.error_text = {0, -1};

    if (!decode(payload, payload_size, &message)) {
        bytes.resize(bytes_before);
        throw std::bad_alloc();
    }
    messages.push_back(message);
    BatchPartition &progress = partitions[index];
    progress.next_offset = offset + 1;
    progress.messages++;
    if (kafka_time >= 0) {
        progress.last_offset = offset;
        progress.last_kafka_time = kafka_time;
        progress.last_message = static_cast<uint32_t>(messages.size() - 1);
    }
    if (message.error != DecodeErrorCode::none)
        return;
    bool first = progress.readings++ == 0;
    progress.first_event = first ? message.event_time : std::min(progress.first_event, message.event_time);
    progress.last_event = first ? message.event_time : std::max(progress.last_event, message.event_time);
}

// False: out of memory, which is not the message's fault.
bool Batch::decode(const void *payload, size_t size, BatchMessage *message) {
    Reading reading;
    DecodeError error;
    if (decode_message(payload, size, &reading, &error)) {
        message->error = DecodeErrorCode::none;
        message->customer_id = keep(reading.customer_id, reading.customer_id_size);
        message->heart_rate = reading.heart_rate;
        message->heart_rate_class = classify_heart_rate(reading.heart_rate);
        message->event_time = reading.event_time;
        return true;
    }
    message->error = error.code;
    message->error_text = keep(error.text, strlen(error.text));
    return error.code != DecodeErrorCode::out_of_memory;
}

MessageMark Batch::mark(uint32_t index) const {
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

void Batch::seal() {
    for (size_t index = 0; index < messages.size(); index++) {
        const BatchMessage &message = messages[index];
        if (message.left_out)
            continue;
        auto &list = message.error != DecodeErrorCode::none               ? dead_letters
                     : message.heart_rate_class == HeartRateClass::normal ? records
                                                                          : anomalies;
        list.push_back(static_cast<uint32_t>(index));
        if (message.error != DecodeErrorCode::none)
            continue;
        int64_t minute = minute_of(message.event_time);
        if (minutes.empty() || minutes.back() != minute)
            minutes.push_back(minute);
    }
    sort_by_key(records);
    sort_by_key(anomalies);
    sort_unique(minutes);
    bytes_sealed = bytes.size();
    sealed = true;
}

void Batch::leave_out(int32_t partition, int64_t offset) {
    for (BatchMessage &message : messages)
        if (message.offset == offset && partitions[message.partition_index].partition == partition)
            message.left_out = true;
}

int Batch::compare_keys(const BatchMessage &left, const BatchMessage &right) const {
    BatchBytes a = left.customer_id, b = right.customer_id;
    int order = memcmp(at(a), at(b), static_cast<size_t>(std::min(a.size, b.size)));
    if (order == 0)
        order = a.size - b.size;
    if (order == 0 && left.event_time != right.event_time)
        order = left.event_time < right.event_time ? -1 : 1;
    return order;
}

void Batch::sort_by_key(std::vector<uint32_t> &indexes) {
    std::sort(indexes.begin(), indexes.end(), [&](uint32_t a, uint32_t b) {
        int order = compare_keys(messages[a], messages[b]);
        return order != 0 ? order < 0 : a < b; // the first to arrive is the one that is kept
    });
    auto same_key = [&](uint32_t kept, uint32_t next) {
        messages[next].duplicate = compare_keys(messages[kept], messages[next]) == 0;
        if (messages[next].duplicate)
            duplicates.push_back(next);
        return messages[next].duplicate;
    };
    indexes.erase(std::unique(indexes.begin(), indexes.end(), same_key), indexes.end());
}

void Batch::refuse(uint32_t index, const char *sqlstate, BatchBytes text) {
    dead_letters.push_back(index);
    BatchMessage &message = messages[index];
    message.duplicate = false;
    message.error_text = text;
    snprintf(message.sqlstate, sizeof(message.sqlstate), "%s", sqlstate);
}

void Batch::reject(uint32_t index, const char *sqlstate, const char *text) {
    BatchBytes kept = keep(text, strlen(text));
    refuse(index, sqlstate, kept);
    auto before = [&](uint32_t a, uint32_t b) {
        const BatchMessage &left = messages[a], &right = messages[b];
        return of_records(left) != of_records(right) ? of_records(left) : compare_keys(left, right) < 0;
    };
    auto same = std::equal_range(duplicates.begin(), duplicates.end(), index, before);
    for (auto duplicate = same.first; duplicate != same.second; ++duplicate)
        refuse(*duplicate, sqlstate, kept);
}

void Batch::restore() {
    bytes.resize(bytes_sealed);
    for (BatchMessage &message : messages)
        message.sqlstate[0] = '\0';
    unseal();
    seal();
}

void Batch::unseal() {
    records.clear();
    anomalies.clear();
    dead_letters.clear();
    duplicates.clear();
    minutes.clear();
    sealed = false;
}

void Batch::clear() {
    // a batch of giant messages does not keep its memory for ever
    if (bytes.capacity() > max_bytes / 2)
        std::vector<char>().swap(bytes);
    bytes.clear();
    messages.clear();
    partitions.clear();
    trails.clear();
    unseal();
}

Batch *batch_create(size_t max_messages, size_t max_bytes) noexcept {
    return new (std::nothrow) Batch(max_messages, max_bytes);
}

void batch_destroy(Batch *batch) noexcept {
    delete batch;
}

bool batch_add_alone(Batch *batch, int32_t number, const void *key, size_t key_size, const void *payload,
                     size_t payload_size) noexcept {
    try {
        batch->add_message(number, 0, 0, -1, key, key_size, payload, payload_size);
        return true;
    } catch (...) {
        return false;
    }
}

void batch_leave_out(Batch *batch, int32_t partition, int64_t offset) noexcept {
    batch->leave_out(partition, offset);
}

bool batch_seal(Batch *batch) noexcept {
    try {
        if (!batch->sealed)
            batch->seal();
        return true;
    } catch (...) {
        batch->unseal();
        return false;
    }
}

bool batch_reject(Batch *batch, uint32_t index, const char *sqlstate, const char *text) noexcept {
    try {
        batch->reject(index, sqlstate, text);
        return true;
    } catch (...) {
        return false;
    }
}

bool batch_restore(Batch *batch) noexcept {
    try {
        batch->restore();
        return true;
    } catch (...) {
        batch->unseal();
        return false;
    }
}

} // namespace heartbeat
