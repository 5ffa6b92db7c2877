// Unit test: the values of Avro messages, and the errors of messages that do not fit their schema.
#include "avro_examples.h"

#include <limits>

namespace heartbeat {
namespace {

using namespace std::string_literals;

TEST(AvroReader, Scalars) {
    EXPECT_EQ(avro_read({"'null'"}, ""), "null");
    EXPECT_EQ(avro_read({"'boolean'"}, "\1"), "true");
    EXPECT_EQ(avro_read({"'boolean'"}, "\0"s), "false");
    EXPECT_EQ(avro_read({"'boolean'"}, "\2"),
              avro_fault("a boolean that is neither 0 nor 1 at byte 0; expected 0 or 1"));
    EXPECT_EQ(avro_read({"'int'"}, varint(INT32_MIN)), "-2147483648");
    EXPECT_EQ(avro_read({"'int'"}, varint(int64_t{INT32_MAX} + 1)),
              avro_fault("a number of more than 32 bits at byte 0; expected an int of 32 bits"));
    EXPECT_EQ(avro_read({"'long'"}, varint(INT64_MIN)), "-9223372036854775808");
    EXPECT_EQ(avro_read({"'long'"}, varint(INT64_MAX)), "9223372036854775807");
    EXPECT_EQ(avro_read({"'long'"}, "\x80\0"s), "0") << "a longer form is legal";
    EXPECT_EQ(avro_read({"'long'"}, std::string(9, '\xff') + "\2"),
              avro_fault("a number of more than 64 bits at byte 0; expected at most 64 bits"));
    EXPECT_EQ(avro_read({"'float'"}, little_endian(std::bit_cast<uint32_t>(1.5F))), "1.5");
    EXPECT_EQ(avro_read({"'double'"}, avro_double(-74.25)), "-74.25");
    EXPECT_EQ(avro_read({"'string'"}, avro_text("a\u00e9")), "'a\u00e9'");
    EXPECT_EQ(avro_read({"'bytes'"}, avro_text("\xff\0"s)), "<\xff\0>"s);
    EXPECT_EQ(avro_read({"{'type':'fixed','name':'F','size':3}"}, "abc"), "<abc>");
    EXPECT_EQ(avro_read({"{'type':'enum','name':'E','symbols':['A','B']}"}, varint(1)), "'B'");
}

TEST(AvroReader, NumbersThatAreNotFinite) {
    const std::string expected = "NUMBER_OUT_OF_RANGE: payload: a number that is not finite at byte 0 in "
                                 "/hr; expected a finite number";
    const std::string schema = avro_record(avro_field("hr", "'double'"));
    EXPECT_EQ(avro_read({schema}, avro_double(std::numeric_limits<double>::infinity())), expected);
    EXPECT_EQ(avro_read({schema}, avro_double(std::numeric_limits<double>::quiet_NaN())), expected);
    EXPECT_EQ(avro_read({schema}, avro_double(std::numeric_limits<double>::quiet_NaN()), wanted_of("'/x'")),
              "{}")
        << "it is not read";
}

TEST(AvroReader, LogicalTypes) {
    const auto at = [](TimeScale scale) { return "5@" + std::to_string(static_cast<int>(scale)); };
    EXPECT_EQ(avro_read({logical("int", "date")}, varint(5)), at(TimeScale::days));
    EXPECT_EQ(avro_read({logical("int", "time-millis")}, varint(5)), at(TimeScale::day_ms));
    EXPECT_EQ(avro_read({logical("long", "time-micros")}, varint(5)), at(TimeScale::day_us));
    EXPECT_EQ(avro_read({logical("long", "timestamp-millis")}, varint(5)), at(TimeScale::ms));
    EXPECT_EQ(avro_read({logical("long", "timestamp-micros")}, varint(5)), at(TimeScale::us));
    EXPECT_EQ(avro_read({logical("long", "timestamp-nanos")}, varint(5)), at(TimeScale::ns));
    EXPECT_EQ(avro_read({logical("long", "local-timestamp-millis")}, varint(5)), at(TimeScale::local_ms));
    EXPECT_EQ(avro_read({logical("long", "local-timestamp-micros")}, varint(5)), at(TimeScale::local_us));
    EXPECT_EQ(avro_read({logical("long", "local-timestamp-nanos")}, varint(5)), at(TimeScale::local_ns));
    EXPECT_EQ(avro_read({logical("int", "timestamp-millis")}, varint(5)), "5") << "not legal with int";
    EXPECT_EQ(avro_read({logical("long", "no-such-type")}, varint(5)), "5");
    EXPECT_EQ(avro_read({logical("string", "uuid")}, avro_text("any")), "'any'");
    EXPECT_EQ(avro_read({logical("fixed", "uuid", ",'name':'U','size':16")},
                        "\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\0"s),
              "'123e4567-e89b-12d3-a456-426614174000'");
    EXPECT_EQ(avro_read({logical("fixed", "uuid", ",'name':'U','size':2")}, "ab"), "<ab>");
}

TEST(AvroReader, Decimals) {
    const auto decimal = [](const std::string &bytes, const std::string &options) {
        return avro_read({logical("bytes", "decimal", options)}, avro_text(bytes));
    };
    EXPECT_EQ(decimal("\x1d\x24", ",'precision':5,'scale':2"), "74.6");
    EXPECT_EQ(decimal("\xff", ",'precision':5"), "-1.0");
    EXPECT_EQ(decimal("", ",'precision':5"), "0.0");
    EXPECT_EQ(decimal("\x80", ",'precision':5"), "-128.0");
    EXPECT_EQ(decimal("\0\0\x80"s, ",'precision':5"), "128.0");
    EXPECT_EQ(decimal("\x20\0\0\0\0\0\1"s, ",'precision':20"), "9007199254740992.0") << "rounds to even";
    EXPECT_EQ(decimal("\x7f" + std::string(63, '\xff'), ",'precision':154,'scale':154"),
              "0.6703903964971298");
    EXPECT_EQ(decimal("\1", ",'precision':400,'scale':400"), "0.0");
    EXPECT_EQ(
        decimal("\1" + std::string(64, '\0'), ",'precision':200"),
        "NUMBER_OUT_OF_RANGE: payload: a decimal of more than 64 bytes at byte 0; expected at most 64 bytes");
    EXPECT_EQ(decimal(std::string(500, '\xff'), ",'precision':200"), "-1.0") << "only sign bytes";
    EXPECT_EQ(decimal("a", ",'precision':2,'scale':3"), "<a>") << "not legal, so it is no decimal";
    EXPECT_EQ(decimal("a", ",'precision':0"), "<a>");
    EXPECT_EQ(
        avro_read({logical("fixed", "decimal", ",'name':'D','size':2,'precision':4,'scale':1")}, "\xff\x9c"),
        "-10.0");
    EXPECT_EQ(avro_read({logical("fixed", "decimal", ",'name':'D','size':2,'precision':5")}, "ab"), "<ab>")
        << "2 bytes cannot hold 5 digits";
}

TEST(AvroReader, Containers) {
    EXPECT_EQ(avro_read({avro_record(avro_field("a", "'int'") + "," + avro_field("b", "'string'"))},
                        varint(7) + avro_text("x")),
              "{a:7,b:'x'}");
    EXPECT_EQ(avro_read({array_of("'int'")}, varint(0)), "[]");
    EXPECT_EQ(
        avro_read({array_of("'int'")}, varint(2) + varint(7) + varint(8) + varint(1) + varint(9) + varint(0)),
        "[7,8,9]");
    EXPECT_EQ(avro_read({array_of("'int'")}, varint(-2) + varint(2) + varint(7) + varint(8) + varint(0)),
              "[7,8]");
    EXPECT_EQ(avro_read({map_of("'int'")}, varint(1) + avro_text("k") + varint(7) + varint(0)), "{k:7}");
    EXPECT_EQ(avro_read({"['null','int',{'type':'array','items':'int'}]"},
                        varint(2) + varint(1) + varint(7) + varint(0)),
              "[7]");
    EXPECT_EQ(avro_read({"['null','int']"}, varint(0)), "null");
    const std::string tree = avro_record(avro_field("v", "'int'") + "," + avro_field("next", "['null','R']"));
    EXPECT_EQ(avro_read({tree}, varint(1) + varint(1) + varint(2) + varint(0)), "{v:1,next:{v:2,next:null}}");
}

TEST(AvroReader, NamesThePlaceOfAFault) {
    const std::string sample =
        "{'type':'record','name':'S','fields':[" + avro_field("bpm", "'string'") + "]}";
    const std::string schema = avro_record(avro_field("samples", array_of(sample)));
    EXPECT_EQ(
        avro_read({schema}, varint(2) + avro_text("x") + avro_text("\xff") + varint(0)),
        avro_fault("a string that is not valid text at byte 3 in /samples/1/bpm; expected UTF-8 without the "
                   "character U+0000"));
    EXPECT_EQ(
        avro_read({schema}, varint(2) + avro_text("\0"s) + avro_text("") + varint(0)),
        avro_fault("a string that is not valid text at byte 1 in /samples/0/bpm; expected UTF-8 without the "
                   "character U+0000"));
    EXPECT_EQ(avro_read({map_of("'int'")}, varint(1) + avro_text("secret")),
              avro_fault("an unexpected end at byte 8 in /(member 0); expected more bytes"));
    EXPECT_EQ(avro_read({map_of("'int'")}, varint(1) + avro_text("\xff") + varint(1)),
              avro_fault("a key that is not valid text at byte 3 in /(member 0); expected UTF-8 without the "
                         "character U+0000"));
    EXPECT_EQ(
        avro_read({avro_record(avro_field("\u00e9" + std::string(100, 'x'), "'int'"))}, ""),
        avro_fault("an unexpected end at byte 0 in ..." + std::string(77, 'x') + "; expected more bytes"));
}

TEST(AvroReader, RefusesBytesThatDoNotFit) {
    EXPECT_EQ(avro_read({"'int'"}, varint(1) + "x"),
              avro_fault("bytes after the value at byte 1; expected no more bytes (perhaps the message has "
                         "another schema)"));
    EXPECT_EQ(avro_read({"'int'"}, ""), avro_fault("an unexpected end at byte 0; expected more bytes"));
    EXPECT_EQ(avro_read({"'int'"}, "\x80"), avro_fault("an unexpected end at byte 0; expected more bytes"));
    EXPECT_EQ(avro_read({"'double'"}, "1234567"),
              avro_fault("an unexpected end at byte 0; expected more bytes"));
    EXPECT_EQ(avro_read({"'string'"}, varint(-1)),
              avro_fault("a negative length at byte 0; expected 0 or more"));
    EXPECT_EQ(avro_read({"'string'"}, varint(int64_t{1} << 31) + "x"),
              avro_fault("a length beyond the end at byte 0; expected more bytes, or a smaller length"));
    EXPECT_EQ(
        avro_read({"['null']"}, varint(1)),
        avro_fault("an index that is not in the union or enum at byte 1; expected an index of the schema"));
    EXPECT_EQ(
        avro_read({"['null']"}, varint(-1)),
        avro_fault("an index that is not in the union or enum at byte 1; expected an index of the schema"));
    EXPECT_EQ(
        avro_read({"{'type':'enum','name':'E','symbols':[]}"}, varint(0)),
        avro_fault("an index that is not in the union or enum at byte 0; expected an index of the schema"));
    EXPECT_EQ(avro_read({map_of("'int'")},
                        varint(2) + avro_text("k") + varint(1) + avro_text("k") + varint(1) + varint(0)),
              avro_fault("a map that repeats a key at byte 8; expected different keys"));
}

TEST(AvroReader, RefusesWrongBlocks) {
    const auto read = [](const std::string &bytes) { return avro_read({array_of("'int'")}, bytes); };
    EXPECT_EQ(read(varint(INT64_MIN)),
              avro_fault("a block with too many elements at byte 10; expected fewer"));
    EXPECT_EQ(read(varint(-1) + varint(-1)),
              avro_fault("a block with a negative size at byte 2; expected 0 or more"));
    EXPECT_EQ(read(varint(-1) + varint(9) + varint(1)),
              avro_fault("a block beyond the end at byte 2; expected more bytes, or a smaller block"));
    EXPECT_EQ(read(varint(-1) + varint(2) + varint(1) + varint(0)),
              avro_fault("a block whose size differs from the size of its elements at byte 3; expected the "
                         "size of the elements"));
    EXPECT_EQ(read(varint(1) + varint(1)), avro_fault("an unexpected end at byte 2; expected more bytes"));
}

} // namespace
} // namespace heartbeat
