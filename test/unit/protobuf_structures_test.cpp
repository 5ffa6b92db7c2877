// Unit test: the tree that the reader of Protobuf makes of oneofs, maps, groups and well-known types.
#include "protobuf_examples.h"

namespace heartbeat {
namespace {

TEST(ProtobufStructures, Oneofs) {
    Bytes message =
        pb_message("M", {pb_field("a", 1, PbType::int32).varint(9, 0), pb_field("x", 9, PbType::int32),
                         pb_field("b", 100, PbType::message, ".p.M").varint(9, 0),
                         pb_field("c", 3, PbType::string).varint(9, 0)});
    const std::string set = set_of("proto3", message.bytes(8, Bytes().bytes(1, std::string("o"))));
    EXPECT_EQ(pb_read(set, "whole", {}), R"({"x":0})");
    EXPECT_EQ(pb_read(set, "whole", Bytes().varint(1, 0)), R"({"a":0,"x":0})");
    const Bytes inner = Bytes().varint(9, 5);
    EXPECT_EQ(pb_read(set, "whole", Bytes().varint(1, 1).bytes(100, inner)), R"({"x":0,"b":{"x":5}})");
    EXPECT_EQ(pb_read(set, "/a", Bytes().varint(1, 1).bytes(100, inner)), "{}");
    EXPECT_EQ(pb_read(set, "/a", Bytes().bytes(3, std::string("x")).varint(1, 1)), R"({"a":1})");
    EXPECT_EQ(pb_read(set, "/b", Bytes().bytes(100, inner).varint(1, 1).bytes(100, Bytes().varint(1, 2))),
              R"({"b":{"a":2,"x":0}})")
        << "the first message of the oneof was replaced";
}

TEST(ProtobufStructures, Maps) {
    const auto read = [](PbType key, const std::string &places, const Bytes &bytes) {
        const Bytes entry =
            pb_entry("E", pb_field("key", 1, key), pb_field("value", 2, PbType::message, ".p.M"));
        const Bytes field = pb_list("m", 1, PbType::message, ".p.M.E");
        return pb_read(
            set_of("proto3", pb_message("M", {field, pb_field("v", 2, PbType::int32)}).bytes(3, entry)),
            places, bytes);
    };
    const auto entry = [](const Bytes &key, uint64_t value) {
        return Bytes(key).bytes(2, Bytes().varint(2, value));
    };
    const auto text = [](const std::string &name) { return Bytes().bytes(1, name); };
    Bytes maps;
    maps.bytes(1, entry(text("a"), 1)).bytes(1, entry(text("b"), 2)).bytes(1, entry(text("a"), 3));
    EXPECT_EQ(read(PbType::string, "/m", maps), R"({"m":{"b":{"m":{},"v":2},"a":{"m":{},"v":3}}})");
    EXPECT_EQ(read(PbType::string, "/m/a/v", maps), R"({"m":{"a":{"v":3}}})");
    EXPECT_EQ(read(PbType::string, "/m/*/v", maps), R"({"m":{"b":{"v":2},"a":{"v":3}}})");
    EXPECT_EQ(read(PbType::string, "/m/0", maps), R"({"m":{}})");
    EXPECT_EQ(read(PbType::string, "/m", Bytes().bytes(1, Bytes())), R"({"m":{"":{"m":{},"v":0}}})");
    EXPECT_EQ(read(PbType::string, "/m", Bytes().bytes(1, entry(text("\xff"), 1))),
              "INVALID_PROTOBUF: the field m of p.M in payload has a key that is not a text; expected UTF-8 "
              "without the character U+0000");
    EXPECT_EQ(
        read(PbType::boolean, "/m/*/v", Bytes().bytes(1, entry(Bytes().varint(1, 1), 1)).bytes(1, Bytes())),
        R"({"m":{"true":{"v":1},"false":{"v":0}}})");
    EXPECT_EQ(read(PbType::int32, "/m/*/v", Bytes().bytes(1, entry(Bytes().varint(1, UINT64_MAX), 1))),
              R"({"m":{"-1":{"v":1}}})");
    EXPECT_EQ(read(PbType::uint64, "/m/18446744073709551615/v",
                   Bytes().bytes(1, entry(Bytes().varint(1, UINT64_MAX), 1))),
              R"({"m":{"18446744073709551615":{"v":1}}})");
    Bytes many;
    for (int round = 0; round < 2; ++round)
        for (uint64_t key = 0; key < 40; ++key)
            many.bytes(1, entry(Bytes().varint(1, key), key + 100 * static_cast<uint64_t>(round)));
    const std::string found = read(PbType::int64, "/m/*/v", many);
    EXPECT_EQ(found.substr(0, 38), R"({"m":{"0":{"v":100},"1":{"v":101},"2":)");
    EXPECT_NE(found.find(R"("39":{"v":139}}})"), std::string::npos) << found;
}

TEST(ProtobufStructures, GroupsAndUnknownFields) {
    const std::string set =
        set_of("proto2",
               pb_message("M", {pb_field("a", 1, PbType::int32), pb_field("g", 2, PbType::group, ".p.M")}));
    const Bytes unknown = Bytes().group(9, Bytes().group(8, Bytes().bytes(1, std::string("x"))).varint(7, 1));
    Bytes message;
    message.fixed(30, 4, 1).fixed(31, 8, 1).group(2, Bytes(unknown).varint(1, 5)).bytes(32, std::string("y"));
    message.text += unknown.text;
    EXPECT_EQ(pb_read(set, "whole", message), R"({"g":{"a":5}})");
    const auto fault = [&](const std::string &text) {
        const std::string found = pb_read(*pb_reader(set, "whole"), text);
        return found.substr(0, found.find(", at byte"));
    };
    const std::string begin = "INVALID_PROTOBUF: payload is not valid Protobuf: ";
    EXPECT_EQ(fault("\x0C"), begin + "the end of a group without its beginning");
    EXPECT_EQ(fault("\x13"), begin + "the bytes end in the middle of a group");
    EXPECT_EQ(fault("\x13\x0C"), begin + "a group ends with the number of another field");
    EXPECT_EQ(fault("\x0F"), begin + "a field has an unknown wire type");
    EXPECT_EQ(fault(std::string("\0\0", 2)), begin + "a field number is not from 1 to 536870911");
    EXPECT_EQ(fault(std::string("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01")),
              begin + "a varint has more than 10 bytes");
    EXPECT_EQ(fault("\x0A\xFF\xFF\xFF\xFF\x07"),
              begin + "a length is greater than the number of bytes that follow");
    std::string deep;
    for (uint32_t i = 0; i <= message_depth_max; ++i)
        deep += '\x4B';
    EXPECT_EQ(fault(deep), begin + "groups are nested too deeply");
}

TEST(ProtobufStructures, WellKnownTypes) {
    const Bytes known = pb_well_known({pb_message("Timestamp", {pb_field("seconds", 1, PbType::int64),
                                                                pb_field("nanos", 2, PbType::int32)}),
                                       pb_message("DoubleValue", {pb_field("value", 1, PbType::float64)})});
    const std::string set = pb_set(
        {known,
         pb_file("proto3",
                 {pb_message("M", {pb_field("t", 1, PbType::message, ".google.protobuf.Timestamp"),
                                   pb_field("d", 2, PbType::message, ".google.protobuf.DoubleValue")})})});
    const auto time = [](uint64_t seconds, uint64_t nanos) {
        return Bytes().bytes(1, Bytes().varint(1, seconds).varint(2, nanos));
    };
    EXPECT_EQ(pb_read(set, "t:/t", time(5, 1499)), R"({"t":{"time":5000001}})");
    EXPECT_EQ(pb_read(set, "t:/t", time(UINT64_MAX, 999999500)), R"({"t":{"time":0}})");
    EXPECT_EQ(pb_read(set, "t:/t", Bytes().bytes(1, Bytes())), R"({"t":{"time":0}})");
    EXPECT_EQ(pb_read(set, "t:/t", {}), "{}");
    // the mapping reads the time and a part of the time
    const std::string both = R"({"t":{"time":5000001,"seconds":5,"nanos":1499}})";
    EXPECT_EQ(pb_read(set, "t:/t /t/nanos", time(5, 1499)), both);
    EXPECT_EQ(pb_read(set, "/t/* t:/t", time(5, 1499)), both);
    EXPECT_EQ(pb_read(set, "t:/t /t/nanos", Bytes().bytes(1, Bytes())),
              R"({"t":{"time":0,"seconds":0,"nanos":0}})");
    EXPECT_EQ(pb_read(set, "t:/t /t/nanos", {}), "{}");
    EXPECT_EQ(pb_read(set, "/t", time(5, 7)), R"({"t":{"seconds":5,"nanos":7}})");
    EXPECT_EQ(pb_read(set, "/t/seconds", time(5, 7)), R"({"t":{"seconds":5}})");
    EXPECT_EQ(pb_read(set, "t:/t", time(253402300800, 0)),
              "INVALID_TIMESTAMP: the field seconds of google.protobuf.Timestamp in payload is out of range; "
              "expected a time in the years 0001 to 9999");
    EXPECT_EQ(pb_read(set, "t:/t", time(0, 1000000000)),
              "INVALID_TIMESTAMP: the field nanos of google.protobuf.Timestamp in payload is out of range; "
              "expected 0 to 999999999 nanoseconds");
    EXPECT_EQ(pb_read(set, "/d", Bytes().bytes(2, Bytes().real(1, 7.5))), R"({"d":7.5})");
    EXPECT_EQ(pb_read(set, "/d", Bytes().bytes(2, Bytes())), R"({"d":0.0})");
    EXPECT_EQ(pb_read(set, "/d", {}), "{}");
    EXPECT_EQ(pb_read(set, "/d/value", Bytes().bytes(2, Bytes())), R"({"d":{"value":0.0}})");
}

} // namespace
} // namespace heartbeat
