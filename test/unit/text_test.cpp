// Unit tests: heartbeat cleans the texts that come from Kafka and librdkafka. So heartbeat can store and show
// these texts safely.
#include "decode/utf8_text.h"

#include <gtest/gtest.h>
#include <string>

namespace heartbeat {
namespace {

std::string copied(const std::string &text, size_t size = 4096) {
    std::string copy(size, '#');
    utf8_copy(copy.data(), size, text.c_str());
    copy.resize(copy.find('\0')); // ends the copy at its zero byte
    return copy;
}

std::string identified(const std::string &text, size_t size = 64) {
    std::string copy(size, '#');
    ascii_copy(copy.data(), size, text.c_str());
    copy.resize(copy.find('\0')); // ends the copy at its zero byte
    return copy;
}

bool is_valid(const std::string &text) {
    for (size_t at = 0, length; at < text.size(); at += length) {
        length = utf8_shown_length(text.data() + at, text.size() - at);
        if (length == 0)
            return false;
    }
    return true;
}

TEST(Text, LeavesPrintableText) {
    for (const char *text : {"", "plain", "Zoë 心拍 😀", "a\\b \\x41", "\xf4\x8f\xbf\xbf", "\u00a0"})
        EXPECT_EQ(copied(text), text);
}

TEST(Text, EscapesInvalidUtf8) {
    EXPECT_EQ(copied("a\xff\xfe z"), "a\\xff\\xfe z");
    EXPECT_EQ(copied("\xc3"), "\\xc3") << "an incomplete character";
    EXPECT_EQ(copied("\xc3(\xa9"), "\\xc3(\\xa9");
    EXPECT_EQ(copied("\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf"), "\\xc0\\xaf\\xe0\\x80\\xaf\\xf0\\x80\\x80\\xaf")
        << "overlong";
    EXPECT_EQ(copied("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
    EXPECT_EQ(copied("\xf4\x90\x80\x80\xf5\x80\x80\x80"), "\\xf4\\x90\\x80\\x80\\xf5\\x80\\x80\\x80");
}

TEST(Text, EscapesControlCharacters) {
    EXPECT_EQ(copied("\x1b[2J\r\n\t\x7f"), "\\x1b[2J\\x0d\\x0a\\x09\\x7f");
    EXPECT_EQ(copied("\u009b2J\u0085"), "\\xc2\\x9b2J\\xc2\\x85");
    EXPECT_EQ(copied("\u202eevil\u2028\u2066"), "\\xe2\\x80\\xaeevil\\xe2\\x80\\xa8\\xe2\\x81\\xa6");
}

TEST(Text, IsTheSameWhenCopiedAgain) {
    for (const std::string &text : {std::string("\xff\x1b ë \\x41 \\"), std::string(300, '\xff')}) {
        EXPECT_EQ(copied(copied(text)), copied(text));
        EXPECT_EQ(copied(copied(text, 50), 50), copied(text, 50));
    }
}

TEST(Text, CutsAtTheEndOfACharacter) {
    for (const char *character : {"é", "心", "😀", "\xff", "\x1b", "x"})
        for (size_t size = 1; size < 40; size++)
            for (size_t before = 0; before < 5; before++) {
                std::string text(before, 'a');
                for (int i = 0; i < 40; i++)
                    text += character;
                std::string cut = copied(text, size);
                EXPECT_LT(cut.size(), size);
                EXPECT_GE(cut.size() + 4, size) << "the text fills the buffer";
                EXPECT_TRUE(is_valid(cut)) << size;
                EXPECT_EQ(copied(text).compare(0, cut.size(), cut), 0);
            }
}

TEST(Text, PrintsWithTheSameEscapesAndCuts) {
    char text[16];
    utf8_print(text, sizeof(text), "%d %s", 7, "ééééééééé\n");
    EXPECT_STREQ(text, "7 éééééé");
    utf8_print(text, sizeof(text), "%s", std::string(10000, 'x').c_str());
    EXPECT_STREQ(text, "xxxxxxxxxxxxxxx");
}

TEST(Text, MakesIdentifiersAscii) {
    EXPECT_EQ(identified("MkU3OEVBNTcwNTJENDM2Qg"), "MkU3OEVBNTcwNTJENDM2Qg");
    EXPECT_EQ(identified("é\n\xff"), "\\xc3\\xa9\\x0a\\xff");
    EXPECT_EQ(identified(identified("é\n\xff")), identified("é\n\xff"));
    EXPECT_EQ(identified(std::string(100, '\xff')).size(), 60U) << "only complete escapes";
}

// Version 1.1 stored the first 63 bytes of an id unchanged. ascii_copy() must convert the stored bytes and
// the complete id to the same text, so that heartbeat recognizes the id.
TEST(Text, RecognizesAnIdThatWasStoredUnchanged) {
    for (const std::string &id : {std::string("\xff\xfe cluster"), std::string(100, '\xfe'),
                                  "é" + std::string(80, 'a'), std::string(62, 'a') + "😀"})
        EXPECT_EQ(identified(id), identified(id.substr(0, 63)));
}

} // namespace
} // namespace heartbeat
