// Unit tests: the progress, order, duplicates, dead letters, minutes and limits of a batch.
#include "decode/batch_filler.h"
#include "decode/classify.h"
#include "decode/decoder_of_heartbeat.h"
#include "decode/pipeline.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <tuple>

namespace heartbeat {
namespace {

constexpr int64_t start = 1'763'822'340'000'000; // 2025-11-22 14:39:00 UTC

std::string reading(const std::string &customer, const std::string &rate, const std::string &time) {
    return R"({"customer_id":")" + customer + R"(","heart_rate":)" + rate +
           R"(,"event_timestamp":"2025-11-22T)" + time + R"(Z"})";
}

void take(Batch *batch, const MessageView &message, int64_t first_offset = 0) {
    ASSERT_EQ(pipeline_take(decoder_of_heartbeat(), message, first_offset, batch), PipelineResult::taken);
}

MessageBytes bytes_of(std::string_view text) {
    return {text.data(), text.size()};
}

class BatchTest : public testing::Test {
  protected:
    void add(int32_t partition, int64_t offset, const std::string &payload, int64_t first_offset = 0) {
        take(&batch, {partition, offset, 1000 + offset, -1, bytes_of("key"), bytes_of(payload)},
             first_offset);
    }
    // Adds a message with several readings. All of these readings get the event time `start`.
    void add_many(int64_t offset, const std::vector<ReadingView> &readings) {
        ASSERT_TRUE(batch.begin_message({.offset = offset}, 0));
        for (ReadingView reading : readings) {
            reading.event_time = start;
            batch.add_reading(reading, classify_heart_rate(reading.heart_rate));
        }
        batch.end_message();
    }
    std::string text(BatchBytes piece) const { return {batch.at(piece), static_cast<size_t>(piece.size)}; }
    std::string customers(const std::vector<uint32_t> &indexes) const {
        std::string names;
        for (uint32_t index : indexes)
            names += text(batch.readings[index].customer_id) + " ";
        return names;
    }

    BatchFiller batch{100, 1 << 20};
};

TEST_F(BatchTest, GivesItsMemoryBackWhenItIsReleased) {
    add_many(0, {{"A", "", 70, 0}, {"A", "", 200, 0}});
    ASSERT_TRUE(batch_seal(&batch));
    batch.clear();
    EXPECT_GT(batch.messages.capacity(), 0U) << "the next messages use the memory again";
    batch.release();
    EXPECT_EQ(batch.messages.capacity() + batch.readings.capacity() + batch.bytes.capacity(), 0U);
    EXPECT_EQ(batch.records.capacity() + batch.anomalies.capacity() + batch.minutes.capacity(), 0U);
    EXPECT_TRUE(batch.empty());
}

TEST_F(BatchTest, IsEmptyUntilAnOffsetIsPassed) {
    EXPECT_TRUE(batch.empty());
    batch.add_progress(0, 7, 7);
    EXPECT_TRUE(batch.empty()) << "no offset was passed";
    batch.add_progress(0, 7, 9);
    EXPECT_FALSE(batch.empty());
    EXPECT_EQ(batch.partitions[0].first_offset, 7);
    EXPECT_EQ(batch.partitions[0].next_offset, 9);
    EXPECT_EQ(batch.partitions[0].messages, 0);
}

TEST_F(BatchTest, KeepsTheBytesOfKeyAndPayload) {
    std::string payload = reading("CUST-0001", "74", "14:39:00");
    add(3, 5, payload, 5);
    take(&batch, {.partition = 3, .offset = 6}, 5);
    take(&batch, {.partition = 3, .offset = 7, .key = bytes_of(""), .payload = bytes_of("")}, 5);
    EXPECT_EQ(text(batch.messages[0].key), "key");
    EXPECT_EQ(text(batch.messages[0].payload), payload);
    EXPECT_EQ(batch.messages[1].key.size, -1) << "a missing key differs from an empty key";
    EXPECT_EQ(batch.messages[1].payload.size, -1);
    EXPECT_EQ(batch.messages[2].key.size, 0);
    EXPECT_EQ(batch.messages[2].payload.size, 0);
}

TEST_F(BatchTest, TracksTheOffsetsOfEachPartition) {
    add(0, 10, reading("A", "74", "14:39:05"), 8); // offsets 8 and 9 have no message
    add(1, 0, "garbage");
    add(0, 11, reading("B", "74", "14:39:01"), 8);
    batch.add_progress(0, 8, 14);
    ASSERT_EQ(batch.partitions.size(), 2U);
    const BatchPartition &first = batch.partitions[0];
    EXPECT_EQ(first.first_offset, 8);
    EXPECT_EQ(first.next_offset, 14);
    EXPECT_EQ(first.messages, 2);
    EXPECT_EQ(first.readings, 2);
    EXPECT_EQ(first.last_kafka_time, 1011);
    EXPECT_EQ(first.first_event, start + 1'000'000);
    EXPECT_EQ(first.last_event, start + 5'000'000);
    EXPECT_EQ(batch.partitions[1].readings, 0);
}

TEST_F(BatchTest, IgnoresMessagesBeforeItsNextOffset) {
    add(0, 5, reading("A", "74", "14:39:00"), 5);
    add(0, 5, reading("A", "74", "14:39:00"), 5);
    add(0, 4, reading("B", "74", "14:39:00"), 5);
    EXPECT_EQ(batch.messages.size(), 1U);
    EXPECT_EQ(batch.partitions[0].next_offset, 6);
}

TEST_F(BatchTest, SealsIntoListsInKeyOrder) {
    add(0, 0, reading("CUST-2", "74", "14:39:02"));
    add(0, 1, reading("CUST-1", "74", "14:39:09"));
    add(0, 2, reading("CUST-10", "74", "14:39:00"));
    add(0, 3, reading("CUST-1", "74", "14:39:01"));
    add(0, 4, reading("CUST-3", "181", "14:39:00"));
    add(0, 5, "garbage");
    batch.seal();
    EXPECT_EQ(customers(batch.records), "CUST-1 CUST-1 CUST-10 CUST-2 ");
    EXPECT_EQ(batch.message_of(batch.readings[batch.records[0]]).offset, 3);
    EXPECT_EQ(customers(batch.anomalies), "CUST-3 ");
    ASSERT_EQ(batch.dead_letters.size(), 1U);
    EXPECT_EQ(batch.messages[batch.dead_letters[0]].error, DecodeErrorCode::invalid_json);
}

TEST_F(BatchTest, OrdersIdsAsBytes) {
    add(0, 0, reading("é", "74", "14:39:00"));
    add(0, 1, reading("z", "74", "14:39:00"));
    add(0, 2, reading("Z", "74", "14:39:00"));
    batch.seal();
    EXPECT_EQ(customers(batch.records), "Z z é ") << "as the C collation does";
}

// The test compares the order with the order of a std::map, which sorts ids by their bytes. Some ids differ
// in an early byte, some ids differ in a late byte, and some ids are the beginning of another id.
TEST_F(BatchTest, SortsAnyIdsLikeAMap) {
    for (unsigned seed = 0; seed < 300; seed++) {
        SCOPED_TRACE(seed);
        std::minstd_rand random(seed);
        auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
        std::string common(below(12), '\xC3');
        std::map<std::tuple<std::string, int64_t, std::string>, double> expected;
        batch.clear();
        for (int64_t offset = 0; offset < 60; offset++) {
            std::string id = common, device(below(2), 'd');
            // the id ends inside the eight bytes of BatchKey::word, or after these bytes
            id.append(size_t{4} * below(4), 'm');
            for (unsigned left = below(3) + id.empty(); left > 0; left--)
                id += "\x01"
                      "a\xFF"[below(3)];
            ReadingView reading = {id, device, 60.0 + below(2), start + below(2)};
            expected.emplace(std::tuple{id, reading.event_time, device}, reading.heart_rate);
            ASSERT_TRUE(batch.begin_message({.offset = offset}, 0));
            batch.add_reading(reading, HeartRateClass::normal);
            batch.end_message();
        }
        ASSERT_TRUE(batch_seal(&batch));
        ASSERT_EQ(batch.records.size(), expected.size());
        ASSERT_EQ(batch.records.size() + batch.repetitions.size(), 60U);
        size_t i = 0;
        for (const auto &[key, heart_rate] : expected) {
            const BatchReading &found = batch.readings[batch.records[i++]];
            ASSERT_EQ(std::tuple(text(found.customer_id), found.event_time, text(found.device_id)), key);
            ASSERT_EQ(found.heart_rate, heart_rate) << "the first reading of the key is kept";
        }
        for (uint32_t index : batch.repetitions) {
            const BatchReading &repeated = batch.readings[index], &first = batch.readings[repeated.first];
            ASSERT_LT(repeated.first, index);
            ASSERT_EQ(text(repeated.customer_id), text(first.customer_id));
            ASSERT_EQ(repeated.conflict, repeated.heart_rate != first.heart_rate);
            ASSERT_NE(repeated.conflict, repeated.duplicate);
        }
    }
}

TEST_F(BatchTest, KeepsTheFirstReadingOfAKey) {
    add(0, 0, reading("A", "74", "14:39:00"));
    add(0, 1, reading("A", "75", "14:39:00"));
    add(0, 2, reading("A", "200", "14:39:00")); // an anomaly is in another table, so it has another key
    add(0, 3, reading("A", "201", "14:39:00"));
    batch.seal();
    ASSERT_EQ(batch.records.size(), 1U);
    EXPECT_EQ(batch.readings[batch.records[0]].heart_rate, 74);
    ASSERT_EQ(batch.anomalies.size(), 1U);
    EXPECT_EQ(batch.readings[batch.anomalies[0]].heart_rate, 200);
    EXPECT_EQ(batch.repetitions, (std::vector<uint32_t>{1, 3}));
    EXPECT_EQ(batch.readings[1].first, 0U);
    EXPECT_EQ(batch.readings[3].first, 2U);
}

TEST_F(BatchTest, TellsDuplicatesFromConflicts) {
    add_many(0, {{"A", "", 74, 0}, {"A", "", 74, 0}, {"A", "", 75, 0}});
    add_many(1, {{"A", "", 74, 0}});
    add_many(2, {{"A", "", 73, 0}});
    batch.seal();
    EXPECT_EQ(batch.records, (std::vector<uint32_t>{0}));
    EXPECT_EQ(batch.repetitions, (std::vector<uint32_t>{1, 2, 3, 4}));
    const bool duplicates[] = {false, true, false, true, false},
               conflicts[] = {false, false, true, false, true};
    for (size_t i = 0; i < 5; i++) {
        EXPECT_EQ(batch.readings[i].duplicate, duplicates[i]) << i;
        EXPECT_EQ(batch.readings[i].conflict, conflicts[i]) << i;
    }
    EXPECT_EQ(batch.readings[4].stored_heart_rate, 74);
}

TEST_F(BatchTest, TwoDevicesHaveTwoReadings) {
    add_many(0, {{"A", "watch", 74, 0}, {"A", "belt", 74, 0}, {"A", "", 74, 0}, {"A", "watc", 74, 0}});
    add_many(1, {{"A", "belt", 75, 0}, {"Awatch", "", 74, 0}});
    batch.seal();
    EXPECT_EQ(batch.records, (std::vector<uint32_t>{2, 1, 3, 0, 5})) << "in the order of the primary key";
    EXPECT_EQ(batch.repetitions, (std::vector<uint32_t>{4}));
    EXPECT_TRUE(batch.readings[4].conflict);
}

TEST_F(BatchTest, ListsTheMinutesOfItsNormalReadings) {
    add(0, 0, reading("A", "74", "14:40:59.999999"));
    add(0, 1, reading("A", "200", "14:39:30"));
    add(0, 2, reading("B", "74", "14:40:00"));
    batch.seal();
    EXPECT_EQ(batch.minutes, (std::vector<int64_t>{start, start + microseconds_per_minute}));
}

TEST_F(BatchTest, FindsTheMinuteBefore1970) {
    std::string payload = R"({"customer_id":"A","heart_rate":74,"event_timestamp":"1969-12-31T23:59:30Z"})";
    add(0, 0, payload);
    batch.seal();
    EXPECT_EQ(batch.minutes, (std::vector<int64_t>{-microseconds_per_minute}));
}

TEST_F(BatchTest, IsFullByCountAndByBytes) {
    BatchFiller two(2, 1 << 20);
    take(&two, {.offset = 0, .payload = bytes_of("x")});
    EXPECT_FALSE(two.full());
    take(&two, {.offset = 1, .payload = bytes_of("x")});
    EXPECT_TRUE(two.full());

    BatchFiller small(100, 64);
    std::string payload(100, 'x');
    take(&small, {.payload = bytes_of(payload)});
    EXPECT_TRUE(small.full());
}

TEST_F(BatchTest, IsEmptyAndUsableAfterClear) {
    add(0, 0, reading("A", "74", "14:39:00"));
    batch.seal();
    batch.clear();
    EXPECT_TRUE(batch.empty());
    EXPECT_TRUE(batch.records.empty());
    EXPECT_TRUE(batch.minutes.empty());
    add(0, 1, reading("A", "74", "14:39:01"), 1);
    ASSERT_TRUE(batch_seal(&batch));
    EXPECT_EQ(customers(batch.records), "A ");
}

TEST_F(BatchTest, TurnsARefusedReadingIntoADeadLetter) {
    add(0, 0, reading("A", "74", "14:39:00"));
    ASSERT_TRUE(batch_seal(&batch));
    ASSERT_TRUE(batch_reject(&batch, 0, "P0001", "refused"));
    EXPECT_TRUE(batch.messages[0].is_dead_letter());
    EXPECT_EQ(batch.dead_letters, (std::vector<uint32_t>{0}));
    EXPECT_STREQ(batch.messages[0].sqlstate, "P0001");
    EXPECT_EQ(text(batch.messages[0].error_text), "refused");
}

TEST_F(BatchTest, RefusesTheRepetitionsOfARefusedReading) {
    add(0, 0, reading("A", "74", "14:39:00"));
    add(0, 1, reading("A", "74", "14:39:00"));
    add(0, 2, reading("A", "200", "14:39:00")); // an anomaly, which goes to another table
    add(0, 3, reading("A", "200", "14:39:00"));
    add(0, 4, reading("A", "75", "14:39:00"));
    ASSERT_TRUE(batch_seal(&batch));
    ASSERT_TRUE(batch_reject(&batch, 0, "23514", "refused"));
    EXPECT_EQ(batch.dead_letters, (std::vector<uint32_t>{0, 1}))
        << "the database may accept another heart rate";
    EXPECT_STREQ(batch.messages[1].sqlstate, "23514");
    EXPECT_FALSE(batch.messages[3].is_dead_letter()) << "it repeats the anomaly, which is still stored";
}

TEST_F(BatchTest, RefusesAMessageWhole) {
    add_many(0, {{"A", "", 74, 0}, {"B", "", 74, 0}, {"C", "", 200, 0}});
    add_many(1, {{"A", "", 75, 0}, {"D", "", 74, 0}});
    ASSERT_TRUE(batch_seal(&batch));
    EXPECT_EQ(customers(batch.records), "A B D ");
    ASSERT_TRUE(batch_reject(&batch, 1, "23514", "refused"));
    ASSERT_TRUE(batch_seal_again(&batch));
    EXPECT_EQ(batch.dead_letters, (std::vector<uint32_t>{0}));
    EXPECT_EQ(customers(batch.records), "A D ");
    EXPECT_EQ(batch.readings[batch.records[0]].heart_rate, 75)
        << "the other message's reading is now the first";
    EXPECT_FALSE(batch.readings[3].conflict);
    EXPECT_TRUE(batch.anomalies.empty());
    EXPECT_TRUE(batch.repetitions.empty());
}

TEST_F(BatchTest, RefusesEachMessageThatRepeatsARefusedOne) {
    add_many(0, {{"A", "", 74, 0}, {"B", "", 74, 0}});
    add_many(1, {{"B", "", 74, 0}, {"C", "", 74, 0}});
    add_many(2, {{"C", "", 75, 0}});
    add_many(3, {{"D", "", 75, 0}});
    ASSERT_TRUE(batch_seal(&batch));
    ASSERT_TRUE(batch_reject(&batch, 0, "23514", "refused"));
    ASSERT_TRUE(batch_reject_repetitions(&batch));
    ASSERT_TRUE(batch_seal_again(&batch));
    EXPECT_EQ(batch.dead_letters, (std::vector<uint32_t>{0, 1, 2}));
    EXPECT_STREQ(batch.messages[2].sqlstate, "23514");
    EXPECT_EQ(customers(batch.records), "D ");
}

TEST_F(BatchTest, LeavesAMessageOut) {
    add(2, 0, reading("A", "74", "14:39:00"));
    add(2, 1, reading("B", "74", "14:39:00"));
    batch_leave_out(&batch, 2, 0);
    batch_leave_out(&batch, 1, 1);
    batch.seal();
    EXPECT_EQ(customers(batch.records), "B ");
    EXPECT_TRUE(batch.dead_letters.empty());
}

TEST_F(BatchTest, RoomIsForReadings) {
    BatchFiller few(10, 1 << 20);
    EXPECT_EQ(few.room(), 10U);
    for (int64_t offset = 0; offset < 2; offset++) {
        ASSERT_TRUE(few.begin_message({.offset = offset}, 0));
        for (int i = 0; i < 3; i++)
            few.add_reading({"A", "", 74, i}, HeartRateClass::normal);
        few.end_message();
    }
    EXPECT_EQ(few.room(), 1U) << "there is room for 4 readings, and messages have 3";
    EXPECT_FALSE(few.full());
    for (int i = 0; i < 5; i++)
        if (few.begin_message({.offset = 2 + i}, 0)) {
            few.add_reading({"A", "", 74, i}, HeartRateClass::normal);
            few.end_message();
        }
    EXPECT_TRUE(few.full()) << "7 messages have 11 readings";
    few.clear();
    EXPECT_EQ(few.room(), 3U) << "the next messages can have as many readings as those of the batch before";
}

TEST_F(BatchTest, AnAbandonedMessageLeavesNothing) {
    add_many(0, {{"A", "", 74, 0}});
    ASSERT_TRUE(batch.begin_message({.offset = 1}, 0));
    batch.add_reading({"B", "", 74, start}, HeartRateClass::normal);
    batch.abandon_message();
    add_many(1, {{"C", "", 74, 0}, {"D", "", 74, 0}});
    batch.seal();
    EXPECT_EQ(customers(batch.records), "A C D ");
    EXPECT_EQ(batch.messages[1].first_reading, 1U);
    EXPECT_EQ(batch.partitions[0].readings, 3);
}

TEST_F(BatchTest, RestoresItsStateAfterSeal) {
    add(0, 0, reading("A", "74", "14:39:00"));
    add(0, 1, reading("A", "75", "14:39:00"));
    add(0, 2, "garbage");
    ASSERT_TRUE(batch_seal(&batch));
    size_t bytes = batch.bytes.size();
    for (int attempt = 0; attempt < 3; attempt++) {
        ASSERT_TRUE(batch_reject(&batch, 0, "P0001", "refused"));
        batch.records.clear();
        ASSERT_TRUE(batch_restore(&batch));
        EXPECT_EQ(batch.records, (std::vector<uint32_t>{0}));
        EXPECT_EQ(batch.dead_letters, (std::vector<uint32_t>{2}));
        EXPECT_FALSE(batch.messages[0].is_dead_letter());
        EXPECT_EQ(batch.repetitions, (std::vector<uint32_t>{1}));
        EXPECT_EQ(batch.bytes.size(), bytes) << "another attempt needs no more bytes";
        EXPECT_EQ(text(batch.messages[2].error_text).empty(), false);
    }
}

} // namespace
} // namespace heartbeat
