// Makes the lists of a complete batch: the dead letters, and the readings for each table. The lists `records`
// and `anomalies` are in the order of the primary key. If several readings have the same identity, these
// lists contain only the first of them. If the database later refuses readings, the messages with these
// readings become dead letters.
#include "decode/batch.h"

#include "decode/batch_filler.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace heartbeat {

namespace {

void sort_unique(std::vector<int64_t> &values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

bool try_on(Batch *batch, void (*work)(BatchFiller *batch)) noexcept {
    try {
        work(batch_filler(batch));
        return true;
    } catch (...) {
        batch_filler(batch)->unseal();
        return false;
    }
}

} // namespace

void Batch::list_readings(const BatchMessage &message) {
    for (uint32_t index = message.first_reading; index < message.first_reading + message.readings; index++) {
        BatchReading &reading = readings[index];
        reading.first = index;
        reading.duplicate = reading.conflict = reading.other_device = false;
        reading.stored_heart_rate = reading.heart_rate;
        (reading.heart_rate_class == HeartRateClass::normal ? records : anomalies).push_back(index);
        int64_t minute = minute_of(reading.event_time);
        if (minutes.empty() || minutes.back() != minute)
            minutes.push_back(minute);
    }
}

void Batch::seal() {
    for (size_t index = 0; index < messages.size(); index++) {
        const BatchMessage &message = messages[index];
        if (message.left_out)
            continue;
        if (message.is_dead_letter())
            dead_letters.push_back(static_cast<uint32_t>(index));
        else
            list_readings(message);
    }
    sort_by_key(records);
    sort_by_key(anomalies);
    sort_unique(minutes);
    if (bytes_sealed == 0)
        bytes_sealed = bytes.size();
    sealed = true;
}

void Batch::refuse(uint32_t message, const char *sqlstate, BatchBytes text) {
    BatchMessage &refused = messages[message];
    if (refused.is_dead_letter())
        return;
    dead_letters.push_back(message);
    refused.error_text = text;
    snprintf(refused.sqlstate, sizeof(refused.sqlstate), "%s", sqlstate);
}

void Batch::reject(uint32_t reading, const char *sqlstate, const char *text) {
    BatchBytes kept = keep(text, strlen(text));
    refuse(readings[reading].message, sqlstate, kept);
    auto before = [&](uint32_t a, uint32_t b) {
        const BatchReading &left = readings[a], &right = readings[b];
        bool of_records = left.heart_rate_class == HeartRateClass::normal;
        return of_records != (right.heart_rate_class == HeartRateClass::normal)
                   ? of_records
                   : compare_keys(left, right) < 0;
    };
    auto same = std::equal_range(repetitions.begin(), repetitions.end(), reading, before);
    for (auto repetition = same.first; repetition != same.second; ++repetition)
        if (readings[*repetition].heart_rate == readings[reading].heart_rate)
            refuse(readings[*repetition].message, sqlstate, kept);
}

// If message A is rejected, this function also rejects each message B that repeats a reading of A, each
// message C that repeats a reading of B, and so on. A repetition always arrives after the first reading. So
// one loop in the order of arrival finds all these messages.
void Batch::reject_repetitions() {
    std::vector<uint32_t> arrived = repetitions;
    std::sort(arrived.begin(), arrived.end());
    for (uint32_t index : arrived) {
        const BatchMessage &first = messages[readings[readings[index].first].message];
        if (first.is_dead_letter())
            refuse(readings[index].message, first.sqlstate, first.error_text);
    }
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
    repetitions.clear();
    minutes.clear();
    sealed = false;
}

bool batch_seal(Batch *batch) noexcept {
    return batch->sealed || try_on(batch, [](BatchFiller *filler) { filler->seal(); });
}

bool batch_reject(Batch *batch, uint32_t reading, const char *sqlstate, const char *text) noexcept {
    try {
        batch_filler(batch)->reject(reading, sqlstate, text);
        return true;
    } catch (...) {
        return false;
    }
}

bool batch_reject_repetitions(Batch *batch) noexcept {
    try {
        batch_filler(batch)->reject_repetitions();
        return true;
    } catch (...) {
        return false;
    }
}

void batch_shorten(Batch *batch, bool anomalies, size_t count) noexcept {
    std::vector<uint32_t> &list = anomalies ? batch->anomalies : batch->records;
    list.erase(list.begin() + static_cast<long>(std::min(count, list.size())), list.end());
}

bool batch_seal_again(Batch *batch) noexcept {
    return try_on(batch, [](BatchFiller *filler) {
        filler->unseal();
        filler->seal();
    });
}

bool batch_restore(Batch *batch) noexcept {
    return try_on(batch, [](BatchFiller *filler) { filler->restore(); });
}

} // namespace heartbeat
