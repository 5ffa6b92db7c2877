// Unit tests of the generator: a replay publishes the lines of a file byte for byte, with the right keys.
#include "replay.h"

#include "replay_key.h"

#include <cstdio>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace heartbeat::generator {
namespace {

using Key = std::optional<std::string_view>;

TEST(ReplayKey, IsFoundInReadings) {
    EXPECT_EQ(replay_key(R"({"customer_id":"CUST-0007","heart_rate":74})"), Key("CUST-0007"));
    EXPECT_EQ(replay_key(R"( { "heart_rate" : 74 , "customer_id" : "A b" } )"), Key("A b"));
    EXPECT_EQ(replay_key(R"({"customer_id":12})"), Key("12"));
    EXPECT_EQ(replay_key(R"({"customer_id": -12 ,"x":1})"), Key("-12"));
    EXPECT_EQ(replay_key(R"({"customer_id":-0})"), Key("0"));
    EXPECT_EQ(replay_key("{\"customer_id\":\"Zo\xC3\xAB\"}"), Key("Zo\xC3\xAB"));
}

TEST(ReplayKey, IsFoundAfterOtherMembers) {
    EXPECT_EQ(replay_key(R"({"a":{"customer_id":"no"},"b":["customer_id",{"c":[1,2]}],"customer_id":"yes"})"),
              Key("yes"));
    EXPECT_EQ(replay_key(R"({"a":"}\",\"customer_id\":\"no","customer_id":"yes"})"), Key("yes"));
    EXPECT_EQ(replay_key(R"({"a":null,"b":true,"c":-1.5e3,"customer_id":"yes"})"), Key("yes"));
}

TEST(ReplayKey, IsFoundAlthoughTheRestIsInvalid) {
    EXPECT_EQ(replay_key(R"({"customer_id":"CUST-0007","heart_rate":)"), Key("CUST-0007"));
    EXPECT_EQ(replay_key(R"({"heart_rate":seventy,"customer_id":"CUST-0007"})"), Key("CUST-0007"));
}

TEST(ReplayKey, IsMissingInOtherLines) {
    const char *lines[] = {
        "",
        "   ",
        "not JSON",
        "{",
        "{}",
        "[]",
        R"(["customer_id","A"])",
        R"({"a":{"customer_id":"A"}})",
        R"({"Customer_id":"A"})",
        R"({"customer_id")",
        R"({"customer_id":)",
        R"({"customer_id":"A)",
        R"({"customer_id":""})",
        R"({"customer_id":"A\u0042"})",
        R"({"customer_id":null})",
        R"({"customer_id":1.5})",
        R"({"customer_id":1e3})",
        R"({"customer_id":-})",
        R"({"customer_id":12)",
        R"({"customer_id":{"customer_id":"A"}})",
        R"({"a":"\)",
        R"({"a":[1,2})",
    };
    for (const char *line : lines)
        EXPECT_EQ(replay_key(line), std::nullopt) << line;
}

TEST(ReplayKey, EndsAtAZeroByte) {
    EXPECT_EQ(replay_key(std::string_view("{\"a\":\0,\"customer_id\":\"A\"}", 25)), std::nullopt);
}

class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string &content) {
        const int fd = mkstemp(path_.data());
        EXPECT_GE(fd, 0);
        EXPECT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
        close(fd);
    }
    ~TemporaryFile() { unlink(path_.c_str()); }
    const std::string &path() const { return path_; }

  private:
    std::string path_ = testing::TempDir() + "replay-XXXXXX";
};

std::vector<std::string> lines_of(const std::string &content) {
    const TemporaryFile file(content);
    ReplaySource source(file.path());
    std::vector<std::string> lines;
    Message message;
    SourceState state = SourceState::waiting;
    while ((state = source.next(&message)) == SourceState::message || state == SourceState::waiting)
        if (state == SourceState::message)
            lines.emplace_back(message.payload);
    EXPECT_EQ(state, SourceState::end);
    EXPECT_EQ(source.next(&message), SourceState::end);
    return lines;
}

TEST(Replay, PublishesLinesUnchanged) {
    using Lines = std::vector<std::string>;
    EXPECT_EQ(lines_of(""), Lines());
    EXPECT_EQ(lines_of("\n"), Lines({""}));
    EXPECT_EQ(lines_of("a\n\nb"), Lines({"a", "", "b"}));
    EXPECT_EQ(lines_of(" a \r\n\xFF\xFE\n"), Lines({" a \r", "\xFF\xFE"}));
    EXPECT_EQ(lines_of(std::string("a\0b\n", 4)), Lines({std::string("a\0b", 3)}));
}

TEST(Replay, PublishesLinesLongerThanOneRead) {
    const std::string huge(3'000'001, 'x');
    EXPECT_EQ(lines_of("a\n" + huge + "\nb\n" + huge), std::vector<std::string>({"a", huge, "b", huge}));
}

TEST(Replay, PublishesManyLinesInOrder) {
    std::string content;
    for (int i = 0; i < 100'000; i++)
        content += std::to_string(i) + "\n";
    const auto lines = lines_of(content);
    ASSERT_EQ(lines.size(), 100'000U);
    for (int i = 0; i < 100'000; i++)
        ASSERT_EQ(lines[static_cast<size_t>(i)], std::to_string(i));
}

TEST(Replay, MessagesHaveKeysAndNoTimestamps) {
    const TemporaryFile file("{\"customer_id\":\"A\"}\nnonsense\n");
    ReplaySource source(file.path());
    Message message;
    ASSERT_EQ(source.next(&message), SourceState::message);
    EXPECT_TRUE(message.has_key);
    EXPECT_EQ(message.key, "A");
    EXPECT_EQ(message.timestamp_ms, 0);
    ASSERT_EQ(source.next(&message), SourceState::message);
    EXPECT_FALSE(message.has_key);
}

TEST(Replay, WaitsForASilentPipe) {
    const std::string path = testing::TempDir() + "replay-pipe-" + std::to_string(getpid());
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    FILE *writer = fopen(path.c_str(), "r+"); // "r+" opens the pipe without waiting for a reader
    ReplaySource source(path);
    Message message;
    EXPECT_EQ(source.next(&message), SourceState::waiting);
    fputs("half a", writer);
    fflush(writer);
    EXPECT_EQ(source.next(&message), SourceState::waiting);
    fputs(" line\n", writer);
    fflush(writer);
    ASSERT_EQ(source.next(&message), SourceState::message);
    EXPECT_EQ(message.payload, "half a line");
    fclose(writer);
    EXPECT_EQ(source.next(&message), SourceState::end);
    unlink(path.c_str());
}

TEST(Replay, ReportsFilesThatCannotBeRead) {
    EXPECT_THROW(ReplaySource("/nonexistent/file"), std::system_error);
    ReplaySource folder("/");
    Message message;
    EXPECT_EQ(folder.next(&message), SourceState::failed);
    EXPECT_NE(folder.error(), "");
}

} // namespace
} // namespace heartbeat::generator
