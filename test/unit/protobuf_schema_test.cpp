// Unit test: the Protobuf descriptors that the reader accepts, and the error texts of all other descriptors.
#include "protobuf_examples.h"

namespace heartbeat {
namespace {

const Bytes plain = pb_message("M", {pb_field("a", 1, PbType::int32)});

TEST(ProtobufSchema, RefusesDamagedDescriptors) {
    const std::string set = pb_set({pb_file("proto3", {plain})});
    EXPECT_EQ(pb_refused(set), "");
    for (size_t size = 1; size < set.size(); ++size)
        EXPECT_NE(pb_refused(set.substr(0, size)), "") << size;
    EXPECT_EQ(pb_refused("text"),
              "the descriptors are damaged: the end of a group without its beginning; expected the "
              "bytes of a google.protobuf.FileDescriptorSet");
    EXPECT_EQ(pb_refused(""), "the last file of the schema has no message; expected at least one");
    EXPECT_EQ(pb_refused(pb_set({pb_file("proto3", {plain}), pb_file("proto3", {})})),
              "the last file of the schema has no message; expected at least one");
    EXPECT_EQ(pb_refused(std::string(protobuf_descriptor_bytes_max + 1, 'x')),
              "the descriptors have 8388609 bytes; expected at most 8388608");
}

TEST(ProtobufSchema, RefusesWrongTypes) {
    const auto refused = [](const Bytes &field) {
        return pb_refused(pb_set({pb_file("proto3", {pb_message("M", {field})})}));
    };
    EXPECT_EQ(refused(pb_field("a", 1, PbType::message, ".p.N")),
              "the field a of the message p.M has a type that no file of the schema declares");
    EXPECT_EQ(refused(pb_field("a", 1, PbType::enumeration, ".p.M")),
              "the field a of the message p.M has a type that no file of the schema declares");
    EXPECT_EQ(refused(pb_field("a", 1, PbType::message, "M")),
              "the field a of the message p.M has no complete name of its type; expected a name such as "
              ".package.Type");
    EXPECT_EQ(refused(pb_field("a", 0, PbType::int32)),
              "the field a of the message p.M has no legal number; expected a number from 1 to 536870911");
    EXPECT_EQ(refused(pb_field("a", 1U << 29U, PbType::int32)),
              "the field a of the message p.M has no legal number; expected a number from 1 to 536870911");
    EXPECT_EQ(refused(pb_field("a\n", 1, PbType::int32)).substr(0, 51),
              "the name of a field in the schema is not legal; exp");
    EXPECT_EQ(refused(pb_field("a", 1, PbType::int32).varint(9, 0)),
              "a field of p.M is in a oneof that the message lacks");
    EXPECT_EQ(pb_refused(pb_set({pb_file("proto3", {plain, plain})})),
              "the schema declares the type p.M twice");
    EXPECT_EQ(pb_refused(pb_set({pb_file("proto3", {pb_message("M", {pb_field("a", 1, PbType::int32),
                                                                     pb_field("b", 1, PbType::int32)})})})),
              "two fields of the message p.M have the same number");
    EXPECT_EQ(pb_refused(pb_set({pb_file("proto3", {plain}, {pb_enum("E", {})})})),
              "the enum p.E has no values; expected at least one");
}

TEST(ProtobufSchema, RefusesWrongMaps) {
    const auto refused = [](const Bytes &entry, bool is_list) {
        Bytes message = pb_message("M", {(is_list ? pb_list : pb_field)("m", 1, PbType::message, ".p.M.E")});
        return pb_refused(pb_set({pb_file("proto3", {message.bytes(3, entry)})}));
    };
    const Bytes key = pb_field("key", 1, PbType::string), value = pb_field("value", 2, PbType::int32);
    EXPECT_EQ(refused(pb_entry("E", key, value), true), "");
    EXPECT_EQ(refused(pb_entry("E", key, value), false),
              "the field m of the message p.M is a single entry of a map; expected a repeated field");
    const std::string fault =
        "the map entry p.M.E has other fields than a key and a value; expected a key that "
        "is an integer, a boolean or a string, and a value";
    EXPECT_EQ(refused(pb_entry("E", pb_field("key", 1, PbType::float64), value), true), fault);
    EXPECT_EQ(refused(pb_entry("E", key, pb_list("value", 2, PbType::int32)), true), fault);
    EXPECT_EQ(refused(pb_entry("E", value, key), true), fault);
    EXPECT_EQ(refused(pb_message("E", {key}).bytes(7, Bytes().varint(7, 1)), true), fault);
}

TEST(ProtobufSchema, LimitsNesting) {
    const auto nested = [](uint32_t levels) {
        Bytes message = pb_message("N", {});
        for (uint32_t i = 1; i < levels; ++i)
            message = pb_message("N", {}).bytes(3, message);
        return pb_set({pb_file("proto3", {message})});
    };
    EXPECT_EQ(pb_refused(nested(protobuf_type_depth_max)), "");
    EXPECT_EQ(pb_refused(nested(protobuf_type_depth_max + 1)),
              "types are nested too deeply; expected at most 32 levels");
}

TEST(ProtobufSchema, LimitsNamesAndDeclarations) {
    Bytes named;
    named.bytes(4, pb_message(std::string(protobuf_name_bytes_max, 'N'), {}));
    EXPECT_EQ(pb_refused(pb_set({named})), "");
    named.bytes(4, pb_message(std::string(protobuf_name_bytes_max + 1, 'N'), {}));
    EXPECT_EQ(
        pb_refused(pb_set({named})),
        "the name of a message in the schema is not legal; expected letters, digits and underscores, at "
        "most 1024 bytes including the names of the package and the outer types");
    Bytes values;
    values.bytes(1, std::string("E"));
    for (size_t i = 0; i <= protobuf_declarations_max; ++i)
        values.bytes(2, Bytes().bytes(1, std::string("V")));
    EXPECT_EQ(pb_refused(pb_set({pb_file("proto3", {plain}, {values})})),
              "the schema has too many messages, fields, enums and names of enums; expected at most 131072 "
              "together");
}

// If two wanted values have the same type, the reader makes a plan for each of these values.
TEST(ProtobufSchema, LimitsPlans) {
    std::vector<Bytes> fields;
    for (uint32_t i = 1; i <= 600; ++i)
        fields.push_back(pb_field("f" + std::to_string(i), i, PbType::message, ".p.M"));
    std::string places;
    for (int i = 1; i <= 600; ++i)
        places += "/f" + std::to_string(i) + "/*/x ";
    const std::string set = pb_set({pb_file("proto3", {pb_message("M", fields)})});
    EXPECT_EQ(pb_refused(set, "/f1/f2/f3"), "");
    EXPECT_EQ(pb_refused(set, "whole"), "");
    EXPECT_EQ(
        pb_refused(set, places),
        "the schema has too many fields for this mapping; expected at most 262144 fields that the mapping "
        "reads, those of nested messages included");
}

TEST(ProtobufSchema, ReadsTypesOfOtherFiles) {
    Bytes other;
    other.bytes(2, std::string("o")).bytes(4, pb_message("O", {pb_field("x", 1, PbType::string)}));
    const std::string set =
        pb_set({other, pb_file("proto3", {pb_message("M", {pb_field("o", 1, PbType::message, ".o.O"),
                                                           // if the type of a field is a message, a compiler
                                                           // may write only the name of the type
                                                           pb_field("n", 2, PbType::none, ".o.O")})})});
    EXPECT_EQ(pb_read(set, "whole",
                      Bytes()
                          .bytes(1, Bytes().bytes(1, std::string("a")))
                          .bytes(2, Bytes().bytes(1, std::string("b")))),
              R"({"o":{"x":"a"},"n":{"x":"b"}})");
}

} // namespace
} // namespace heartbeat
