// Unit tests of the generator: the file whose age shows when Kafka last acknowledged a message.
#include "alive_file.h"

#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace heartbeat::generator {
namespace {

using std::chrono::milliseconds;

class AliveFileTest : public testing::Test {
  protected:
    ~AliveFileTest() override { unlink(path_.c_str()); }

    time_t touched() const {
        struct stat status {};
        return stat(path_.c_str(), &status) == 0 ? status.st_mtime : -1;
    }
    void age() const {
        const timespec old[2] = {{1, 0}, {1, 0}};
        ASSERT_EQ(utimensat(AT_FDCWD, path_.c_str(), old, 0), 0);
    }

    std::string path_ = testing::TempDir() + "alive-" + std::to_string(getpid());
    const AliveFile::Clock::time_point start_ = AliveFile::Clock::now();
    const time_t now_ = time(nullptr);
};

TEST_F(AliveFileTest, IsOldUntilTheFirstMessageIsAccepted) {
    AliveFile file(path_);
    EXPECT_EQ(touched(), 0);
    file.note(0, start_);
    EXPECT_EQ(touched(), 0);
    file.note(1, start_);
    EXPECT_GE(touched(), now_);
}

TEST_F(AliveFileTest, ExistingFileKeepsItsContentAndIsOld) {
    std::ofstream(path_) << "kept";
    const AliveFile file(path_);
    EXPECT_EQ(touched(), 0);
    std::string content;
    std::ifstream(path_) >> content;
    EXPECT_EQ(content, "kept");
}

TEST_F(AliveFileTest, IsTouchedOnceASecondAtMost) {
    AliveFile file(path_);
    file.note(1, start_);
    age();
    file.note(2, start_ + milliseconds(999));
    EXPECT_EQ(touched(), 1);
    file.note(2, start_ + milliseconds(1000));
    EXPECT_GE(touched(), now_);
}

TEST_F(AliveFileTest, IsNotTouchedWhileNoMessageIsAccepted) {
    AliveFile file(path_);
    file.note(1, start_);
    age();
    file.note(1, start_ + milliseconds(5000));
    EXPECT_EQ(touched(), 1);
}

TEST_F(AliveFileTest, IsCreatedAgainAfterItWasDeleted) {
    AliveFile file(path_);
    unlink(path_.c_str());
    file.note(1, start_);
    EXPECT_GE(touched(), now_);
}

TEST(AliveFile, NamesAFileThatCannotBeCreated) {
    try {
        AliveFile file("/nonexistent/alive");
        FAIL() << "no exception was thrown";
    } catch (const std::system_error &error) {
        EXPECT_STREQ(error.what(), "--alive-file /nonexistent/alive: No such file or directory");
    }
}

} // namespace
} // namespace heartbeat::generator
