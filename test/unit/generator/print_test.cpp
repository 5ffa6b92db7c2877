// Unit tests of the generator: lines on standard output, and errors of writing.
#include "print.h"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace heartbeat::generator {
namespace {

class Pipe {
  public:
    Pipe() { EXPECT_EQ(pipe(ends_), 0); }
    Pipe(const Pipe &) = delete;
    Pipe &operator=(const Pipe &) = delete;
    ~Pipe() {
        close_reader();
        close(ends_[1]);
    }

    int writer() const { return ends_[1]; }
    void close_reader() {
        if (ends_[0] >= 0)
            close(ends_[0]);
        ends_[0] = -1;
    }
    std::string read_some() const {
        char text[1000];
        fcntl(ends_[0], F_SETFL, O_NONBLOCK);
        const ssize_t size = read(ends_[0], text, sizeof(text));
        return {text, static_cast<size_t>(size < 0 ? 0 : size)};
    }

  private:
    int ends_[2];
};

Message line(const char *text) {
    return {"", false, text, 0};
}

TEST(Print, LineBufferedLinesAppearAtOnce) {
    const Pipe pipe;
    Console console(true);
    PrintSink sink(pipe.writer(), true, PrintForm::text, &console);
    EXPECT_EQ(sink.send(line("one")), SendResult::sent);
    EXPECT_EQ(pipe.read_some(), "one\n");
    EXPECT_EQ(sink.counts().acknowledged, 1U);
}

TEST(Print, BufferedLinesAppearWhenServed) {
    const Pipe pipe;
    Console console(true);
    PrintSink sink(pipe.writer(), false, PrintForm::text, &console);
    EXPECT_EQ(sink.send(line("one")), SendResult::sent);
    EXPECT_EQ(sink.send(line("two")), SendResult::sent);
    EXPECT_EQ(pipe.read_some(), "");
    EXPECT_EQ(sink.counts().in_flight(), 2U);
    sink.serve(0);
    EXPECT_EQ(pipe.read_some(), "one\ntwo\n");
    EXPECT_EQ(sink.counts().in_flight(), 0U);
}

TEST(Print, WritesBytesAsHexadecimalDigits) {
    Pipe pipe;
    Console console(true);
    PrintSink hex(pipe.writer(), true, PrintForm::hex, &console);
    PrintSink with_key(pipe.writer(), true, PrintForm::hex_with_key, &console);
    Message message = line("");
    message.payload = {"\0\xff\n", 3};
    message.key = "ab";
    hex.send(message);
    with_key.send(message);
    EXPECT_EQ(pipe.read_some(), "00ff0a\n6162 00ff0a\n");
}

TEST(Print, CountsUnreadLinesAsFailed) {
    const auto previous = std::signal(SIGPIPE, SIG_IGN);
    Pipe pipe;
    pipe.close_reader();
    FILE *silence = fopen("/dev/null", "w");
    Console console(true, silence);
    PrintSink sink(pipe.writer(), false, PrintForm::text, &console);
    EXPECT_EQ(sink.send(line("one")), SendResult::sent);
    sink.serve(0);
    EXPECT_TRUE(sink.broken());
    EXPECT_EQ(sink.counts().failed, 1U);
    EXPECT_EQ(sink.send(line("two")), SendResult::broken);
    fclose(silence);
    std::signal(SIGPIPE, previous);
}

} // namespace
} // namespace heartbeat::generator
