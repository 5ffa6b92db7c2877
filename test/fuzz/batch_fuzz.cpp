// Fuzzing: for any messages, a batch has each message once, in the order of the primary key. The harness
// compares the batch with a simple implementation.
#include "decode/batch_filler.h"
#include "decode/decoder_of_heartbeat.h"
#include "decode/pipeline.h"
#include "require.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

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

// Uses few customers and few times, so that many readings have the same key. Sometimes returns a payload that
// is not a reading.
std::string make_payload(Input *input) {
    const uint8_t shape = input->byte();
    if (shape % 8 == 0) {
        std::string text;
        for (int size = shape / 8; size > 0; size--)
            text += static_cast<char>(input->byte());
        return text;
    }
    static const char *const customers[] = {"A",         "AA", "B",
                                            "CUST-0001", "é",  "a longer one, past small strings"};
    static const char *const rates[] = {"74", "0", "39.5", "40", "180", "180.5", "301", "75"};
    const uint8_t when = input->byte();
    char text[160];
    snprintf(text, sizeof(text),
             R"({"customer_id":"%s","heart_rate":%s,"event_timestamp":"19%s-12-31T23:5%d:%02d.%dZ"})",
             customers[shape % 6], rates[input->byte() % 8], when % 2 == 0 ? "69" : "70", when % 3, when % 60,
             when % 4);
    return text;
}

std::string text_of(const Batch &batch, BatchBytes piece) {
    require(piece.size >= 0 && piece.position + static_cast<size_t>(piece.size) <= batch.bytes.size());
    return {batch.at(piece), static_cast<size_t>(piece.size)};
}

void add_all(Input *input, Batch *batch, std::vector<Kept> *kept, std::map<int32_t, int64_t> *next) {
    while (input->size > 0 && kept->size() < 64) {
        const int32_t partition = input->byte() % 3;
        // mostly a later offset, and sometimes an earlier offset, as after a seek
        const int64_t offset = std::max<int64_t>(0, (*next)[partition] + input->byte() % 8 - 2);
        const std::string payload = make_payload(input);
        const MessageView message = {
            .partition = partition, .offset = offset, .payload = {payload.data(), payload.size()}};
        require(pipeline_take(decoder_of_heartbeat(), message, 0, batch));
        if (offset < (*next)[partition])
            continue;
        kept->push_back({payload, partition, offset});
        (*next)[partition] = offset + 1;
    }
}

void check_messages(const Batch &batch, const std::vector<Kept> &kept,
                    const std::map<int32_t, int64_t> &next) {
    require(batch.messages.size() == kept.size());
    int64_t counted = 0;
    for (size_t i = 0; i < kept.size(); i++) {
        const BatchMessage &message = batch.messages[i];
        require(message.offset == kept[i].offset);
        require(batch.partitions[message.partition_index].partition == kept[i].partition);
        require(text_of(batch, message.payload) == kept[i].payload);
        Decoded decoded;
        const bool good = decoder_of_heartbeat()->decode(
            {.payload = {kept[i].payload.data(), kept[i].payload.size()}}, &decoded);
        const Reading &reading = decoded.reading;
        require(message.is_reading() == good);
        if (good)
            require(text_of(batch, message.customer_id) ==
                        std::string(reading.customer_id, reading.customer_id_size) &&
                    message.heart_rate == reading.heart_rate && message.event_time == reading.event_time);
    }
    for (const BatchPartition &progress : batch.partitions) {
        require(progress.next_offset == next.at(progress.partition));
        counted += progress.messages;
    }
    require(counted == static_cast<int64_t>(kept.size()));
}

using Key = std::pair<std::string, int64_t>;

Key key_of(const Batch &batch, uint32_t index) {
    return {text_of(batch, batch.messages[index].customer_id), batch.messages[index].event_time};
}

// Checks the lists. std::map orders keys as the tables do, and keeps the first message of each key.
void check_lists(const Batch &batch) {
    std::map<Key, uint32_t> tables[2];
    std::vector<uint32_t> dead_letters;
    std::set<int64_t> minutes;
    for (uint32_t i = 0; i < batch.messages.size(); i++) {
        const BatchMessage &message = batch.messages[i];
        if (message.error != DecodeErrorCode::none) {
            require(!message.duplicate);
            dead_letters.push_back(i);
            continue;
        }
        int64_t minute = message.event_time / microseconds_per_minute * microseconds_per_minute;
        minutes.insert(minute <= message.event_time ? minute : minute - microseconds_per_minute);
        auto &table = tables[message.heart_rate_class == HeartRateClass::normal ? 0 : 1];
        require(message.duplicate == !table.emplace(key_of(batch, i), i).second);
    }
    require(batch.dead_letters == dead_letters);
    require(batch.minutes == std::vector<int64_t>(minutes.begin(), minutes.end()));
    for (int table = 0; table < 2; table++) {
        std::vector<uint32_t> expected;
        for (const auto &entry : tables[table])
            expected.push_back(entry.second);
        require((table == 0 ? batch.records : batch.anomalies) == expected);
    }
}

// A reading that the database refuses must be on the list of dead letters and on no other list.
void check_reject(Batch *batch) {
    if (batch->records.empty())
        return;
    const uint32_t index = batch->records.front();
    const std::string payload = text_of(*batch, batch->messages[index].payload);
    require(batch_reject(batch, index, "23514", "refused"));
    const BatchMessage &message = batch->messages[index];
    const auto &dead_letters = batch->dead_letters;
    require(!message.is_reading() && std::count(dead_letters.begin(), dead_letters.end(), index) == 1);
    require(std::string(message.sqlstate) == "23514" && text_of(*batch, message.error_text) == "refused");
    require(text_of(*batch, message.payload) == payload);
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
        check_reject(&batch);
        require(batch_restore(&batch));
        check_messages(batch, kept, next);
        check_lists(batch);
        batch.clear();
        require(batch.empty() && batch.messages.empty() && batch.records.empty() && batch.minutes.empty());
    }
    return 0;
}
