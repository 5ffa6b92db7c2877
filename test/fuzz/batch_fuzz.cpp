// Fuzzing: a batch contains each message once, and ignores a message whose offset is smaller than the next
// offset of its partition. The lists of a batch have its readings in the order of the primary key. The
// harness compares the batch with a simple implementation.
#include "decode/batch_filler.h"
#include "decode/pipeline.h"
#include "require.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

namespace {

using namespace heartbeat;

struct Kept {
    std::string payload;
    int32_t partition;
    int64_t offset;
};

struct Input {
    const uint8_t *data;
    size_t size;

    uint8_t byte() { return size == 0 ? 0 : (size--, *data++); }
};

// A decoder for the fuzzer: a message is a list of pieces of three bytes. Each piece is a reading. There are
// only a few customers, devices, times and heart rates, so that several readings have the same identity. The
// first byte also decides whether the decoder reads, refuses or ignores the message.
class ShortDecoder final : public Decoder {
  public:
    ShortDecoder() : Decoder(false) {}

    DecodeResult decode(const MessageView &message, Decoded *decoded) noexcept override {
        static const char *const customers[] = {"A",         "AA", "B",
                                                "CUST-0001", "é",  "a longer one, past small strings"};
        static const char *const devices[] = {"", "", "belt", "watch"};
        static constexpr double rates[] = {74, 0, 39.5, 40, 180, 180.5, 301, 75};
        const auto *bytes = static_cast<const uint8_t *>(message.payload.data);
        decoded->count = 0;
        decoded->readings = readings;
        if (message.payload.size > 0 && bytes[0] % 16 == 0) {
            decoded->error = {DecodeErrorCode::invalid_json, "refused"};
            return DecodeResult::failed;
        }
        if (message.payload.size > 0 && bytes[0] % 16 == 1)
            return DecodeResult::ignored;
        for (size_t i = 0; i + 3 <= message.payload.size; i += 3) {
            const uint8_t who = bytes[i], when = bytes[i + 1];
            readings[decoded->count++] = {customers[who % 6], devices[who / 6 % 4], rates[bytes[i + 2] % 8],
                                          (when % 5 - 2) * int64_t{31'000'000} + when % 2};
        }
        return DecodeResult::decoded;
    }

    static constexpr size_t readings_max = 5;
    ReadingView readings[readings_max];
};

std::string make_payload(Input *input) {
    std::string text;
    for (size_t size = input->byte() % (ShortDecoder::readings_max * 3 + 1); size > 0; size--)
        text += static_cast<char>(input->byte());
    return text;
}

std::string text_of(const Batch &batch, BatchBytes piece) {
    require(piece.size >= 0 && piece.position + static_cast<size_t>(piece.size) <= batch.bytes.size());
    return {batch.at(piece), static_cast<size_t>(piece.size)};
}

void add_all(Input *input, Batch *batch, std::vector<Kept> *kept, std::map<int32_t, int64_t> *next) {
    ShortDecoder decoder;
    while (input->size > 0 && kept->size() < 64) {
        const int32_t partition = input->byte() % 3;
        // usually the offset increases, but sometimes the offset decreases, as after a seek
        const int64_t offset = std::max<int64_t>(0, (*next)[partition] + input->byte() % 8 - 2);
        const std::string payload = make_payload(input);
        const MessageView message = {
            .partition = partition, .offset = offset, .payload = {payload.data(), payload.size()}};
        require(pipeline_take(&decoder, message, 0, batch) == PipelineResult::taken);
        if (offset < (*next)[partition])
            continue;
        kept->push_back({payload, partition, offset});
        (*next)[partition] = offset + 1;
    }
}

void check_readings(const Batch &batch, const BatchMessage &message, const Kept &kept) {
    ShortDecoder decoder;
    Decoded decoded;
    const DecodeResult result =
        decoder.decode({.payload = {kept.payload.data(), kept.payload.size()}}, &decoded);
    require((message.error != DecodeErrorCode::none) == (result == DecodeResult::failed));
    require(message.ignored == (result == DecodeResult::ignored));
    require(message.readings == decoded.count);
    for (uint32_t i = 0; i < message.readings; i++) {
        const BatchReading &reading = batch.readings[message.first_reading + i];
        const ReadingView &expected = decoded.readings[i];
        require(&batch.message_of(reading) == &message);
        require(text_of(batch, reading.customer_id) == expected.customer_id &&
                text_of(batch, reading.device_id) == expected.device_id &&
                reading.heart_rate == expected.heart_rate && reading.event_time == expected.event_time);
    }
}

void check_messages(const Batch &batch, const std::vector<Kept> &kept,
                    const std::map<int32_t, int64_t> &next) {
    require(batch.messages.size() == kept.size());
    int64_t counted = 0, readings = 0;
    for (size_t i = 0; i < kept.size(); i++) {
        const BatchMessage &message = batch.messages[i];
        require(message.offset == kept[i].offset);
        require(batch.partitions[message.partition_index].partition == kept[i].partition);
        require(text_of(batch, message.payload) == kept[i].payload);
        require(message.first_reading == readings);
        check_readings(batch, message, kept[i]);
        readings += message.readings;
    }
    require(static_cast<size_t>(readings) == batch.readings.size());
    for (const BatchPartition &progress : batch.partitions) {
        require(progress.next_offset == next.at(progress.partition));
        counted += progress.messages;
        readings -= progress.readings;
    }
    require(counted == static_cast<int64_t>(kept.size()) && readings == 0);
}

using Key = std::tuple<std::string, int64_t, std::string>;

Key key_of(const Batch &batch, uint32_t index) {
    const BatchReading &reading = batch.readings[index];
    return {text_of(batch, reading.customer_id), reading.event_time, text_of(batch, reading.device_id)};
}

// Compares the lists of the batch with a std::map. A std::map orders keys as the tables do, and keeps the
// first reading of each identity.
void check_lists(const Batch &batch) {
    std::map<Key, uint32_t> tables[2];
    std::vector<uint32_t> dead_letters;
    std::set<int64_t> minutes;
    std::set<uint32_t> repetitions(batch.repetitions.begin(), batch.repetitions.end());
    require(repetitions.size() == batch.repetitions.size());
    for (uint32_t i = 0; i < batch.messages.size(); i++)
        if (batch.messages[i].is_dead_letter())
            dead_letters.push_back(i);
    for (uint32_t i = 0; i < batch.readings.size(); i++) {
        const BatchReading &reading = batch.readings[i];
        if (batch.message_of(reading).is_dead_letter())
            continue;
        int64_t minute = reading.event_time / microseconds_per_minute * microseconds_per_minute;
        minutes.insert(minute <= reading.event_time ? minute : minute - microseconds_per_minute);
        auto &table = tables[reading.heart_rate_class == HeartRateClass::normal ? 0 : 1];
        const auto [entry, is_first] = table.emplace(key_of(batch, i), i);
        const BatchReading &first = batch.readings[entry->second];
        require(reading.first == entry->second);
        require(reading.duplicate == (!is_first && reading.heart_rate == first.heart_rate));
        require(reading.conflict == (reading.heart_rate != first.heart_rate));
        require(repetitions.count(i) == (is_first ? 0 : 1));
        repetitions.erase(i);
    }
    require(repetitions.empty());
    require(batch.dead_letters == dead_letters);
    require(batch.minutes == std::vector<int64_t>(minutes.begin(), minutes.end()));
    for (int table = 0; table < 2; table++) {
        std::vector<uint32_t> expected;
        for (const auto &entry : tables[table])
            expected.push_back(entry.second);
        require((table == 0 ? batch.records : batch.anomalies) == expected);
    }
}

// If the database refuses a reading, the message of this reading becomes a dead letter. Messages that repeat
// this reading with the same heart rate also become dead letters. With `of_repetitions`, messages that have
// another heart rate for the same identity become dead letters too.
void check_reject(Batch *batch, bool of_repetitions) {
    if (batch->records.empty())
        return;
    const uint32_t index = batch->records[batch->records.size() / 2];
    const Key key = key_of(*batch, index);
    require(batch_reject(batch, index, "23514", "refused"));
    if (of_repetitions)
        require(batch_reject_repetitions(batch));
    require(batch_seal_again(batch));
    require(batch->message_of(batch->readings[index]).is_dead_letter());
    for (uint32_t i = 0; i < batch->readings.size(); i++) {
        const BatchReading &reading = batch->readings[i];
        const BatchMessage &message = batch->message_of(reading);
        if (reading.heart_rate_class == HeartRateClass::normal && key_of(*batch, i) == key &&
            (of_repetitions || reading.heart_rate == batch->readings[index].heart_rate))
            require(message.is_dead_letter());
        if (message.sqlstate[0] != '\0')
            require(std::string(message.sqlstate) == "23514" &&
                    text_of(*batch, message.error_text) == "refused");
    }
    check_lists(*batch);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input input{data, size};
    BatchFiller batch(1000, 1 << 20);
    for (int round = 0; round < 2; round++) { // the second round reuses the batch
        std::vector<Kept> kept;
        std::map<int32_t, int64_t> next;
        Input again = input;
        add_all(round == 0 ? &again : &input, &batch, &kept, &next);
        require(batch_seal(&batch) && batch_seal(&batch));
        check_messages(batch, kept, next);
        check_lists(batch);
        for (const bool of_repetitions : {false, true}) {
            check_reject(&batch, of_repetitions);
            require(batch_restore(&batch));
            check_messages(batch, kept, next);
            check_lists(batch);
        }
        batch.clear();
        require(batch.empty() && batch.messages.empty() && batch.readings.empty() && batch.records.empty() &&
                batch.minutes.empty());
    }
    return 0;
}
