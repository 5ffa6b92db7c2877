// Unit test: the limits of the Avro reader. For hostile messages and schemas, the reader uses only bounded
// time and memory. For usual messages the reader allocates no memory. If an allocation fails, the reader
// reports this failure, and not an error of the message.
#include "avro_examples.h"

#include "failing_allocations.h"

namespace heartbeat {
namespace {

TEST(AvroLimits, HostileMessagesAreBounded) {
    const std::string many = varint(int64_t{1} << 60) + varint(0);
    const auto skipped = [&](const std::string &type) {
        return avro_read({avro_record(avro_field("a", array_of(type)))}, many, wanted_of("'/x'"));
    };
    const std::string empty = "{'type':'record','name':'E','fields':[{'name':'n','type':'null'}]}";
    EXPECT_EQ(skipped("'null'"), "{}");
    EXPECT_EQ(skipped(empty), "{}");
    EXPECT_EQ(skipped("'boolean'"), avro_fault("an unexpected end at byte 9 in /a; expected more bytes"));
    EXPECT_EQ(skipped("'string'"), avro_fault("an unexpected end at byte 9 in /a; expected more bytes"));
    const std::string too_many = "too many values at byte 9; expected at most 1048576 values";
    EXPECT_EQ(avro_read({array_of("'null'")}, many), avro_fault(too_many));
    EXPECT_EQ(avro_read({array_of("'null'")}, many, wanted_of("'/4000000000'")), avro_fault(too_many));
    EXPECT_EQ(avro_read({array_of("'null'")}, many, wanted_of("'/2'")), "[null,null,null]");
    EXPECT_EQ(avro_read({"'bytes'"}, std::string(message_bytes_max + 1, '\0')),
              "INVALID_AVRO: payload has 16777217 bytes; expected at most 16777216");
}

TEST(AvroLimits, HostileSchemasAreBounded) {
    const std::string deep = "a value that is nested too deeply";
    const std::string endless = avro_record(avro_field("a", "'R'"));
    EXPECT_NE(avro_read({endless}, "").find(deep), std::string::npos);
    const std::string inner = "{'type':'record','name':'E','fields':[" + avro_field("a", "'E'") + "]}";
    EXPECT_NE(avro_read({avro_record(avro_field("b", inner))}, "", wanted_of("'/x'")).find(deep),
              std::string::npos);
    const std::string list = avro_record(avro_field("next", "['null','R']"));
    EXPECT_EQ(avro_read({list}, repeat(varint(1), 255) + varint(0)).substr(0, 6), "{next:");
    EXPECT_NE(avro_read({list}, repeat(varint(1), 256) + varint(0)).find(deep), std::string::npos);
    EXPECT_NE(avro_read({list}, repeat(varint(1), 1000) + varint(0), wanted_of("'/x'")).find(deep),
              std::string::npos);
    // each record after the first has two fields, and the type of both fields is the record before it
    std::vector<std::string> doubled = {"{'type':'record','name':'R0','fields':[" +
                                        avro_field("a", "'null'") + "]}"};
    for (int i = 1; i < 60; i++) {
        const std::string before = "'R" + std::to_string(i - 1) + "'";
        doubled.push_back("{'type':'record','name':'R" + std::to_string(i) + "','fields':[" +
                          avro_field("a", before) + "," + avro_field("b", before) + "]}");
    }
    EXPECT_EQ(avro_read(doubled, "", wanted_of("'/x'")), "{}");
    EXPECT_NE(avro_read(doubled, "").find("too many values"), std::string::npos);
    // an element of the array is an int inside 70 nested records: it has one byte, but the reader skips many
    // values
    std::string nested = "'int'";
    for (int i = 0; i < 70; i++)
        nested = "{'type':'record','name':'N" + std::to_string(i) + "','fields':[" + avro_field("a", nested) +
                 "]}";
    const std::string bytes = varint(1'000'000) + std::string(1'000'000, '\2') + varint(0);
    EXPECT_NE(avro_read({avro_record(avro_field("a", array_of(nested)))}, bytes, wanted_of("'/x'"))
                  .find("too many values that are skipped"),
              std::string::npos);
}

TEST(AvroLimits, UuidsAreBounded) {
    const std::string uuid = logical("fixed", "uuid", ",'name':'U','size':16");
    EXPECT_EQ(
        avro_read({array_of(uuid)}, varint(600'000) + std::string(size_t{600'000} * 16, 'x') + varint(0))
            .substr(0, 55),
        avro_fault("too many UUIDs"));
}

TEST(AvroLimits, AFailedAllocationIsNoFaultOfTheMessage) {
    const std::string schema = quoted(array_of(logical("fixed", "uuid", ",'name':'U','size':16")));
    const std::string bytes = varint(100) + std::string(1600, 'x') + varint(0);
    const WantedValue wanted = whole_value();
    long failures = 0;
    for (bool done = false; !done && failures < 1000; failures++) {
        ReaderMemory memory;
        ValueTree tree;
        SchemaError refused{};
        DecodeError error{};
        const std::vector<std::string_view> schemas = {schema};
        allocations_left = failures;
        const ReaderPointer reader(avro_reader(schemas, wanted, &refused));
        const bool is_read = reader != nullptr && reader->read(bytes, "payload", &memory, &tree, &error);
        done = allocations_left.exchange(no_limit) >= 0;
        EXPECT_EQ(is_read, done) << failures;
        EXPECT_TRUE(reader != nullptr || refused.out_of_memory) << refused.text;
        EXPECT_TRUE(reader == nullptr || is_read || error.code == DecodeErrorCode::out_of_memory)
            << error.text;
    }
    EXPECT_GT(failures, 20);
}

TEST(AvroLimits, UsualMessagesNeedNoAllocation) {
    std::string problem;
    const std::string schema =
        avro_record(avro_field("id", "'string'") + "," + avro_field("m", map_of("'int'")));
    const ReaderPointer reader = reader_of({schema}, whole_value(), &problem);
    const std::string bytes = avro_text("CUST-1") + varint(1) + avro_text("k") + varint(7) + varint(0);
    ReaderMemory memory;
    ValueTree tree;
    DecodeError error;
    EXPECT_TRUE(reader->read(bytes, "payload", &memory, &tree, &error)) << error.text;
    allocations_left = 0;
    memory.clear();
    EXPECT_TRUE(reader->read(bytes, "payload", &memory, &tree, &error)) << error.text;
    EXPECT_EQ(allocations_left.exchange(no_limit), 0) << "an allocation was made";
}

TEST(ReaderMemory, FreesTheMemoryOfGiants) {
    ReaderMemory memory;
    memory.names.resize(message_values_kept + 1);
    memory.clear();
    EXPECT_EQ(memory.names.capacity(), 0U);
    memory.names.resize(10);
    memory.clear();
    EXPECT_TRUE(memory.names.empty());
    EXPECT_GE(memory.names.capacity(), 10U);
}

} // namespace
} // namespace heartbeat
