// Unit tests: the marks of consumed messages, and their text in heartbeat_offsets.
#include "decode/message_mark.h"

#include <gtest/gtest.h>
#include <string>

namespace heartbeat {
namespace {

int64_t checksum(const char *key, const char *value) {
    auto size_of = [](const char *text) {
        return text == nullptr ? -1 : static_cast<int64_t>(std::string(text).size());
    };
    return message_checksum(key, size_of(key), value, size_of(value));
}

TEST(MessageMarkTest, ChecksumIsTheSameOnAllMachinesAndVersions) {
    // databases contain checksums of messages, so a new version must compute the same checksum
    EXPECT_EQ(checksum("CUST-0001", "{}"), 438659715);
}

TEST(MessageMarkTest, ChecksumDependsOnKeyValueAndNulls) {
    EXPECT_NE(checksum("ab", "c"), checksum("a", "bc"));
    EXPECT_NE(checksum(nullptr, "a"), checksum("", "a"));
    EXPECT_NE(checksum("a", nullptr), checksum("a", ""));
    EXPECT_NE(checksum("a", "b"), checksum("a", "c"));
    EXPECT_GE(checksum(nullptr, nullptr), 0);
}

TEST(MessageMarkTest, ComparesTimeAndChecksumIfBothAreKnown) {
    MessageMark mark = {5, 1000, 7, 1};
    EXPECT_TRUE(mark_agrees(mark, {5, 1000, 7, 1}));
    EXPECT_TRUE(mark_agrees(mark, {5, 1000, 7, 2}));
    EXPECT_TRUE(mark_agrees({5, 1000}, mark)) << "version 1.1 stored no checksum";
    EXPECT_FALSE(mark_agrees(mark, {5, 1001, 7, 1}));
    EXPECT_FALSE(mark_agrees(mark, {5, 1000, 8, 1}));
}

TEST(MessageMarkTest, TrailKeepsTheNewestAndSomeOldMarks) {
    MarkTrail trail;
    for (int64_t offset = 0; offset < 100000; offset += 7)
        trail.add({offset, offset, offset, 0});
    ASSERT_EQ(trail.count, trail_marks_max);
    EXPECT_EQ(trail.marks[0].offset, 0);
    EXPECT_EQ(trail.marks[trail.count - 1].offset, 99995);
    EXPECT_GE(trail.marks[trail.count - 2].offset, 99995 - 70);
    for (size_t i = 1; i < trail.count; i++)
        EXPECT_LT(trail.marks[i - 1].offset, trail.marks[i].offset);
    EXPECT_EQ(trail.find(99995)->checksum, 99995);
    EXPECT_EQ(trail.find(3), nullptr);
}

TEST(MessageMarkTest, TrailForgetsOffsetsThatAreReadAgain) {
    MarkTrail trail;
    for (int64_t offset : {10, 20, 30})
        trail.add({offset, 1, 1, 1});
    trail.add({20, 2, 2, 2});
    ASSERT_EQ(trail.count, 2U);
    EXPECT_EQ(trail.marks[1].checksum, 2);
}

TEST(MessageMarkTest, TextHasRoomForTheLongestTrailAndParsesBack) {
    MarkTrail trail;
    for (size_t i = 0; i < trail_marks_max; i++)
        trail.add({INT64_MAX - 100 + static_cast<int64_t>(i), INT64_MAX, UINT32_MAX, INT32_MAX});
    char text[trail_text_size];
    trail_print(trail, text);
    MarkTrail read = trail_parse(text);
    ASSERT_EQ(read.count, trail.count);
    for (size_t i = 0; i < trail.count; i++)
        EXPECT_TRUE(read.marks[i].offset == trail.marks[i].offset &&
                    mark_agrees(read.marks[i], trail.marks[i]) && read.marks[i].leader_epoch == INT32_MAX);
    trail_print({}, text);
    EXPECT_STREQ(text, "");
}

TEST(MessageMarkTest, TextIsReadUpToTheFirstInvalidMark) {
    EXPECT_EQ(trail_parse("").count, 0U);
    EXPECT_EQ(trail_parse("1:2:3").count, 0U);
    EXPECT_EQ(trail_parse("1:2:3:4 junk").count, 1U);
    EXPECT_EQ(trail_parse("5:2:3:4 4:2:3:4").count, 1U) << "offsets ascend";
    EXPECT_EQ(trail_parse("-1:2:3:4").count, 0U);
    EXPECT_EQ(trail_parse("1:2:3:99999999999").count, 0U);
    EXPECT_EQ(trail_parse("99999999999999999999999:1:1:1 2:2:2:2").count, 1U);
}

} // namespace
} // namespace heartbeat
