// Sorts the readings of a batch. The key of the sort consists of customer_id, event_time and device_id. Also
// finds the readings that repeat the key of an earlier reading. batch_seal.cpp calls sort_by_key() for the
// readings of each table.
#include "decode/batch.h"

#include "decode/reading.h"

#include <algorithm>
#include <string_view>

namespace heartbeat {

namespace {

std::string_view text_at(const Batch &batch, BatchBytes piece) noexcept {
    return {batch.at(piece), static_cast<size_t>(piece.size)};
}

// Returns the number of equal bytes at the beginning of the two texts. The result is at most `limit`.
size_t count_common(std::string_view left, std::string_view right, size_t limit) noexcept {
    left = left.substr(0, std::min(limit, right.size()));
    return static_cast<size_t>(std::mismatch(left.begin(), left.end(), right.begin()).first - left.begin());
}

// Returns eight bytes of the text as a number. The first of these bytes is at `begin`. Bytes after the end of
// the text count as zero. If memcmp() sorts the eight bytes of one text before those of another text, the
// number of the first text is smaller.
uint64_t word_at(std::string_view text, size_t begin) noexcept {
    uint64_t word = 0;
    for (size_t i = begin; i < begin + sizeof(word); i++)
        word = word << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
    return word;
}

} // namespace

int Batch::compare_keys(const BatchReading &left, const BatchReading &right) const {
    int order = text_at(*this, left.customer_id).compare(text_at(*this, right.customer_id));
    if (order != 0)
        return order;
    if (left.event_time != right.event_time)
        return left.event_time < right.event_time ? -1 : 1;
    return text_at(*this, left.device_id).compare(text_at(*this, right.device_id));
}

void Batch::make_keys(const std::vector<uint32_t> &indexes) {
    keys.clear();
    keys.reserve(indexes.size());
    common_bytes = customer_id_max_bytes;
    for (uint32_t index : indexes)
        common_bytes = count_common(text_at(*this, readings[indexes[0]].customer_id),
                                    text_at(*this, readings[index].customer_id), common_bytes);
    for (uint32_t index : indexes) {
        const BatchReading &reading = readings[index];
        std::string_view id = text_at(*this, reading.customer_id);
        keys.push_back({word_at(id, common_bytes), reading.event_time, id.size(), index});
    }
}

int Batch::compare_ids(const BatchKey &left, const BatchKey &right) const {
    if (left.word != right.word)
        return left.word < right.word ? -1 : 1;
    if (std::max(left.id_size, right.id_size) <=
        common_bytes + sizeof(left.word)) // the two words contain all bytes after the common bytes
        return left.id_size == right.id_size ? 0 : left.id_size < right.id_size ? -1 : 1;
    return text_at(*this, readings[left.reading].customer_id)
        .compare(text_at(*this, readings[right.reading].customer_id));
}

// Compares two readings by their sort keys. The function returns the same order as compare_keys() for the two
// BatchReadings, but rarely reads the texts of the batch.
int Batch::compare_keys(const BatchKey &left, const BatchKey &right) const {
    int order = compare_ids(left, right);
    if (order != 0)
        return order;
    if (left.event_time != right.event_time)
        return left.event_time < right.event_time ? -1 : 1;
    return text_at(*this, readings[left.reading].device_id)
        .compare(text_at(*this, readings[right.reading].device_id));
}

// Sorts the readings. After the function, all readings of a customer share one text of the customer id.
// src/store reads the customer ids in the order of the keys, so the shared text is usually in the processor's
// caches.
void Batch::sort_by_key(std::vector<uint32_t> &indexes) {
    make_keys(indexes);
    std::sort(keys.begin(), keys.end(), [this](const BatchKey &left, const BatchKey &right) {
        int order = compare_keys(left, right);
        // of several readings with the same key, the batch keeps the reading that arrived first
        return order != 0 ? order < 0 : left.reading < right.reading;
    });
    indexes.clear();
    const BatchKey *kept = nullptr;
    for (const BatchKey &key : keys) {
        if (kept != nullptr && compare_ids(*kept, key) == 0)
            readings[key.reading].customer_id = readings[kept->reading].customer_id;
        if (kept != nullptr && compare_keys(*kept, key) == 0) {
            note_repetition(key.reading, kept->reading);
            continue;
        }
        kept = &key;
        indexes.push_back(key.reading);
    }
}

void Batch::note_repetition(uint32_t index, uint32_t first) {
    BatchReading &reading = readings[index];
    reading.first = first;
    reading.stored_heart_rate = readings[first].heart_rate;
    reading.conflict = reading.heart_rate != reading.stored_heart_rate;
    reading.duplicate = !reading.conflict;
    repetitions.push_back(index);
}

} // namespace heartbeat
