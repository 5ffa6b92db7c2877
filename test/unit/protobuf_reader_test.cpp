// Unit test: the tree that the reader of Protobuf makes, for each type and rule of the encoding.
#include "protobuf_examples.h"

#include <limits>

namespace heartbeat {
namespace {

const std::string four = set_of(
    "proto3", pb_message("M", {pb_field("id", 1, PbType::string), pb_field("heart_rate", 2, PbType::int32),
                               pb_field("at", 3, PbType::int64), pb_field("device", 4, PbType::string)}));

TEST(ProtobufReader, Numbers) {
    const auto read = [](PbType type, const Bytes &message) {
        return pb_read(set_of("proto3", pb_message("M", {pb_field("a", 1, type)})), "whole", message);
    };
    const Bytes minus_one = Bytes().varint(1, UINT64_MAX), big = Bytes().varint(1, (uint64_t{1} << 32U) + 5);
    EXPECT_EQ(read(PbType::int32, minus_one), R"({"a":-1})");
    EXPECT_EQ(read(PbType::int32, big), R"({"a":5})");
    EXPECT_EQ(read(PbType::int64, minus_one), R"({"a":-1})");
    EXPECT_EQ(read(PbType::uint32, minus_one), R"({"a":4294967295})");
    EXPECT_EQ(read(PbType::uint64, minus_one), R"({"a":18446744073709551615})");
    EXPECT_EQ(read(PbType::sint32, minus_one), R"({"a":-2147483648})");
    EXPECT_EQ(read(PbType::sint64, minus_one), R"({"a":-9223372036854775808})");
    EXPECT_EQ(read(PbType::sint64, Bytes().varint(1, 2)), R"({"a":1})");
    EXPECT_EQ(read(PbType::boolean, big), R"({"a":true})");
    EXPECT_EQ(read(PbType::fixed32, Bytes().fixed(1, 4, UINT32_MAX)), R"({"a":4294967295})");
    EXPECT_EQ(read(PbType::sfixed32, Bytes().fixed(1, 4, UINT32_MAX)), R"({"a":-1})");
    EXPECT_EQ(read(PbType::fixed64, Bytes().fixed(1, 8, UINT64_MAX)), R"({"a":18446744073709551615})");
    EXPECT_EQ(read(PbType::sfixed64, Bytes().fixed(1, 8, UINT64_MAX)), R"({"a":-1})");
    EXPECT_EQ(read(PbType::float64, Bytes().real(1, 72.5)), R"({"a":72.5})");
    EXPECT_EQ(read(PbType::float32, Bytes().fixed(1, 4, std::bit_cast<uint32_t>(0.5F))), R"({"a":0.5})");
    EXPECT_EQ(
        read(PbType::float64, Bytes().real(1, std::numeric_limits<double>::infinity())),
        "NUMBER_OUT_OF_RANGE: the field a of p.M in payload is infinite or not a number; expected a finite "
        "number");
    EXPECT_EQ(read(PbType::int32, Bytes().fixed(1, 4, 1)), R"({"a":0})") << "another wire type is unknown";
}

TEST(ProtobufReader, Texts) {
    const std::string set = set_of(
        "proto3", pb_message("M", {pb_field("s", 1, PbType::string), pb_field("b", 2, PbType::bytes)}));
    const std::string invalid =
        "INVALID_PROTOBUF: the field s of p.M in payload is not a text; expected UTF-8 "
        "without the character U+0000";
    EXPECT_EQ(pb_read(set, "whole", Bytes().bytes(1, std::string("x")).bytes(2, std::string("\xff\0", 2))),
              R"({"s":"x","b":{"bytes":"ff00"}})");
    EXPECT_EQ(pb_read(set, "whole", Bytes().bytes(1, std::string("\xff"))), invalid);
    EXPECT_EQ(pb_read(set, "whole", Bytes().bytes(1, std::string("\0", 1))), invalid);
    EXPECT_EQ(pb_read(set, "/b", Bytes().bytes(1, std::string("\xff"))), R"({"b":{"bytes":""}})");
}

TEST(ProtobufReader, PresenceAndDefaults) {
    const Bytes message =
        pb_message("M", {pb_field("n", 1, PbType::int32), pb_field("f", 2, PbType::float64),
                         pb_field("b", 3, PbType::boolean), pb_field("s", 4, PbType::string),
                         pb_field("e", 5, PbType::enumeration, ".p.E"), pb_list("l", 6, PbType::int32),
                         pb_field("m", 7, PbType::message, ".p.M")});
    const std::vector<Bytes> enums = {pb_enum("E", {{"ZERO", 0}, {"ONE", 1}, {"UN", 1}})};
    EXPECT_EQ(pb_read(pb_set({pb_file("proto3", {message}, enums)}), "whole", {}),
              R"({"n":0,"f":0.0,"b":false,"s":"","e":"ZERO","l":[]})");
    EXPECT_EQ(pb_read(pb_set({pb_file("proto2", {message}, enums)}), "whole", {}), R"({"l":[]})");
    EXPECT_EQ(pb_read(pb_set({pb_file("editions", {message}, enums)}), "whole", {}), R"({"l":[]})");
    const Bytes open = Bytes().varint(5, 9), known = Bytes().varint(5, 1);
    EXPECT_EQ(pb_read(pb_set({pb_file("proto3", {message}, enums)}), "/e", open), R"({"e":9})");
    EXPECT_EQ(pb_read(pb_set({pb_file("proto2", {message}, enums)}), "/e", open), R"({})");
    EXPECT_EQ(pb_read(pb_set({pb_file("proto2", {message}, enums)}), "/e", known), R"({"e":"ONE"})");
    const auto with = [](PbType type, const std::string &text) {
        return pb_read(set_of("proto2", pb_message("M", {pb_field("a", 1, type).bytes(7, text)})), "whole",
                       {});
    };
    EXPECT_EQ(with(PbType::int32, "-7"), R"({"a":-7})");
    EXPECT_EQ(with(PbType::uint64, "18446744073709551615"), R"({"a":18446744073709551615})");
    EXPECT_EQ(with(PbType::float32, "1.5"), R"({"a":1.5})");
    EXPECT_EQ(with(PbType::float64, "inf"), R"({})");
    EXPECT_EQ(with(PbType::boolean, "true"), R"({"a":true})");
    EXPECT_EQ(with(PbType::string, "a\"b"), R"({"a":"a\u0022b"})");
    EXPECT_EQ(with(PbType::bytes, "a\\001\\n\\\\"), R"({"a":{"bytes":"61010a5c"}})");
    const Bytes optional = pb_message("M", {pb_field("a", 1, PbType::int32).varint(9, 0).varint(17, 1)});
    EXPECT_EQ(
        pb_read(set_of("proto3", Bytes(optional).bytes(8, Bytes().bytes(1, std::string("_a")))), "whole", {}),
        "{}");
}

TEST(ProtobufReader, FeaturesOfEditions) {
    const auto features = [](uint32_t option, uint32_t feature, uint64_t value) {
        return Bytes().bytes(option, Bytes().varint(feature, value));
    };
    const Bytes implicit = pb_field("a", 1, PbType::int32).bytes(8, features(21, 1, 2));
    const Bytes group = pb_field("g", 2, PbType::message, ".p.M").bytes(8, features(21, 5, 2));
    const std::string set = set_of("editions", pb_message("M", {implicit, group}));
    EXPECT_EQ(pb_read(set, "whole", Bytes().group(2, Bytes().varint(1, 5))), R"({"a":0,"g":{"a":5}})");
    Bytes file = pb_file("editions", {pb_message("M", {pb_field("a", 1, PbType::int32)})});
    EXPECT_EQ(pb_read(pb_set({file}), "whole", {}), "{}");
    EXPECT_EQ(pb_read(pb_set({file.bytes(8, features(50, 1, 2))}), "whole", {}), R"({"a":0})");
}

TEST(ProtobufReader, RepeatedFields) {
    const std::string set =
        set_of("proto3",
               pb_message("M", {pb_list("n", 1, PbType::int32), pb_list("s", 2, PbType::string),
                                pb_list("f", 3, PbType::fixed32), pb_list("m", 4, PbType::message, ".p.M")}));
    Bytes mixed;
    mixed.varint(1, 1).bytes(2, std::string("x")).bytes(1, std::string("\2\xAC\2")).bytes(2, std::string(""));
    mixed.bytes(1, std::string("")).varint(1, 4).fixed(3, 4, 9).bytes(4, Bytes().varint(1, 7)).varint(1, 5);
    EXPECT_EQ(pb_read(set, "whole", mixed),
              R"({"n":[1,2,300,4,5],"s":["x",""],"f":[9],"m":[{"n":[7],"s":[],"f":[],"m":[]}]})");
    EXPECT_EQ(pb_read(set, "/n/2 /s/1", mixed), R"({"n":[null,null,300],"s":[null,""]})");
    EXPECT_EQ(pb_read(set, "/n/9 /m/0/n/0", mixed), R"({"n":[null,null,null,null,null],"m":[{"n":[7]}]})");
    EXPECT_EQ(pb_read(set, "/n/x", mixed), R"({"n":[]})");
    EXPECT_EQ(pb_read(set, "/m/*/n", mixed), R"({"m":[{"n":[7]}]})");
    EXPECT_EQ(
        pb_read(set, "whole", Bytes().bytes(1, std::string("\xFF"))),
        "INVALID_PROTOBUF: payload is not valid Protobuf: the bytes end in the middle of a varint, at byte "
        "2; expected a message of the type p.M");
    EXPECT_EQ(
        pb_read(set, "whole", Bytes().bytes(3, std::string("123"))),
        "INVALID_PROTOBUF: payload is not valid Protobuf: a number of fixed size has too few bytes, at byte "
        "2; expected a message of the type p.M");
}

TEST(ProtobufReader, LastValueWinsAndMessagesMerge) {
    const std::string set =
        set_of("proto3", pb_message("M", {pb_field("a", 1, PbType::int32), pb_list("l", 2, PbType::int32),
                                          pb_field("m", 3, PbType::message, ".p.M")}));
    const Bytes first = Bytes().varint(1, 1).varint(2, 1), second = Bytes().varint(2, 2).varint(1, 2);
    EXPECT_EQ(pb_read(set, "whole", Bytes().varint(1, 1).bytes(3, first).varint(1, 9).bytes(3, second)),
              R"({"a":9,"l":[],"m":{"a":2,"l":[1,2]}})");
    EXPECT_EQ(pb_read(set, "/m/a", Bytes().bytes(3, Bytes()).bytes(3, first)), R"({"m":{"a":1}})");
}

TEST(ProtobufReader, NamesInJson) {
    const Bytes message = Bytes().varint(2, 74);
    EXPECT_EQ(pb_read(four, "/heartRate", message), R"({"heartRate":74})");
    EXPECT_EQ(pb_read(four, "/heart_rate /heartRate", message), R"({"heart_rate":74,"heartRate":74})");
    const std::string custom =
        set_of("proto3", pb_message("M", {pb_field("a", 1, PbType::int32).bytes(10, std::string("b")),
                                          pb_field("b", 2, PbType::int32)}));
    EXPECT_EQ(pb_read(custom, "/b", Bytes().varint(1, 1).varint(2, 2)), R"({"b":2})");
}

TEST(ProtobufReader, MessageIndexes) {
    const Bytes inner = pb_message("I", {pb_field("i", 1, PbType::int32)});
    Bytes outer = pb_message("O", {pb_field("o", 1, PbType::int32)});
    outer.bytes(3, pb_entry("E", pb_field("key", 1, PbType::int32), pb_field("value", 2, PbType::int32)));
    const std::string set = pb_set(
        {pb_file("proto3", {pb_message("A", {pb_field("a", 1, PbType::int32)}), outer.bytes(3, inner)})});
    const auto reader = pb_reader(set, "whole", true);
    const std::string value = Bytes().varint(1, 5).text;
    EXPECT_EQ(pb_read(*reader, std::string("\0", 1) + value), R"({"a":5})");
    EXPECT_EQ(pb_read(*reader, std::string("\2\0", 2) + value), R"({"a":5})");
    EXPECT_EQ(pb_read(*reader, std::string("\2\2", 2) + value), R"({"o":5})");
    EXPECT_EQ(pb_read(*reader, std::string("\4\2\2", 3) + value), R"({"i":5})");
    EXPECT_EQ(pb_read(*reader, std::string("\2\0", 2)), R"({"a":0})");
    for (const std::string &frame :
         {std::string(), std::string("\2"), std::string("\2\4"), std::string("\4\2\0", 3), std::string("\1"),
          std::string("\4\2\4"), std::string("\xFE\xFF\xFF\xFF\x0F"), std::string("\4\0\0", 3)})
        EXPECT_EQ(pb_read(*reader, frame), "INVALID_PROTOBUF: payload does not begin with message indexes of "
                                           "its schema; expected the indexes of a "
                                           "message type that the last file of the schema declares");
}

} // namespace
} // namespace heartbeat
