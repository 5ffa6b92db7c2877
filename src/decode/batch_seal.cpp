// Makes the lists of a complete batch: the lists of readings and the list of dead letters. The lists of
// readings are in the order of the primary key, and have each key once. If the database later refuses
// readings, this file moves them to the list of dead letters.
#include "decode/batch.h"

#include "decode/batch_filler.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace heartbeat {

namespace {

bool of_records(const BatchMessage &message) {
    return message.heart_rate_class == HeartRateClass::normal;
}

void sort_unique(std::vector<int64_t> &values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

} // namespace

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
        return order != 0 ? order < 0 : a < b; // the message that arrived first is kept
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

void Batch::unseal() noexcept {
    records.clear();
    anomalies.clear();
    dead_letters.clear();
    duplicates.clear();
    minutes.clear();
    sealed = false;
}

bool batch_seal(Batch *batch) noexcept {
    try {
        if (!batch->sealed)
            batch_filler(batch)->seal();
        return true;
    } catch (...) {
        batch_filler(batch)->unseal();
        return false;
    }
}

bool batch_reject(Batch *batch, uint32_t index, const char *sqlstate, const char *text) noexcept {
    try {
        batch_filler(batch)->reject(index, sqlstate, text);
        return true;
    } catch (...) {
        return false;
    }
}

void batch_shorten(Batch *batch, bool anomalies, size_t count) noexcept {
    std::vector<uint32_t> &list = anomalies ? batch->anomalies : batch->records;
    list.erase(list.begin() + static_cast<long>(std::min(count, list.size())), list.end());
}

bool batch_restore(Batch *batch) noexcept {
    try {
        batch_filler(batch)->restore();
        return true;
    } catch (...) {
        batch_filler(batch)->unseal();
        return false;
    }
}

} // namespace heartbeat
