// Unit test: the Avro schemas that the reader accepts, and the error texts of all other schemas.
#include "avro_examples.h"

namespace heartbeat {
namespace {

constexpr char type_expected[] = "; expected a type of Avro, or the name of a type that is defined before";

std::string refusal(const std::vector<std::string> &schemas) {
    std::string problem;
    return reader_of(schemas, whole_value(), &problem) == nullptr ? problem : "accepted";
}

std::string enumeration(const std::string &name, const std::string &more = "") {
    return "{'type':'enum','name':'" + name + "','symbols':['A','B']" + more + "}";
}

TEST(AvroSchema, AllWaysToWriteAType) {
    EXPECT_EQ(avro_read({"'int'"}, varint(5)), "5");
    EXPECT_EQ(avro_read({"{'type':'int'}"}, varint(5)), "5");
    EXPECT_EQ(avro_read({"{'type':{'type':'int'}}"}, varint(5)), "5");
    EXPECT_EQ(avro_read({"{'type':['null','int']}"}, varint(1) + varint(5)), "5");
    EXPECT_EQ(avro_read({"{'type':'error','name':'E','fields':[]}"}, ""), "{}");
    EXPECT_EQ(avro_read({avro_record("{'name':'a','type':'int','default':{},'aliases':['b'],'order':'x'}")},
                        varint(5)),
              "{a:5}");
}

TEST(AvroSchema, Names) {
    // each record has two fields: the first defines an enum, and the type of the second is the enum's name
    const auto read = [](const std::string &record_name, const std::string &definition,
                         const std::string &reference) {
        const std::string fields = avro_field("a", definition) + "," + avro_field("b", "'" + reference + "'");
        return avro_read({"{'type':'record','name':'" + record_name + "','fields':[" + fields + "]}"},
                         varint(0) + varint(1));
    };
    const std::string both = "{a:'A',b:'B'}";
    EXPECT_EQ(read("R", enumeration("E"), "E"), both);
    EXPECT_EQ(read("n.R", enumeration("E"), "E"), both);
    EXPECT_EQ(read("n.R", enumeration("E"), "n.E"), both);
    EXPECT_EQ(read("n.R", enumeration("m.o.E"), "m.o.E"), both);
    EXPECT_EQ(read("n.R", enumeration("E", ",'namespace':'m'"), "m.E"), both);
    EXPECT_EQ(read("n.R", enumeration("m.E", ",'namespace':'ignored'"), "m.E"), both);
    EXPECT_EQ(read("n.R", enumeration("E", ",'namespace':''"), "E"), both) << "as in Avro's Java library";
    EXPECT_EQ(read("n.R", enumeration("E", ",'namespace':'m'"), "E"),
              std::string("schema at /fields/1/type is \"E\", which is not defined") + type_expected);
    EXPECT_EQ(read("R", enumeration("E", ",'aliases':['F']"), "F"),
              std::string("schema at /fields/1/type is \"F\", which is not defined") + type_expected);
    EXPECT_EQ(read("R", enumeration("string"), "string").substr(0, 24), "INVALID_AVRO: payload is")
        << "the name of a primitive type is always this type";
}

TEST(AvroSchema, References) {
    const std::string device =
        "{'type':'record','name':'a.D','fields':[" + avro_field("id", "'string'") + "]}";
    const std::string user = "{'type':'record','name':'a.U','fields':[" + avro_field("d", "'D'") + "]}";
    EXPECT_EQ(avro_read({device, user, avro_record(avro_field("u", "'a.U'"))}, avro_text("x")),
              "{u:{d:{id:'x'}}}");
    EXPECT_EQ(refusal({user, avro_record(avro_field("u", "'a.U'"))}),
              std::string("referenced schema 1 at /fields/0/type is \"D\", which is not defined") +
                  type_expected);
    EXPECT_EQ(refusal({device, device}),
              "schema at /name is \"a.D\", which is defined before; expected another name");
}

TEST(AvroSchema, RefusesWrongSchemas) {
    const std::string expected = type_expected;
    EXPECT_EQ(refusal({}), "no schema is given; expected the schema of the messages");
    EXPECT_EQ(refusal({"{"}).substr(0, 25), "schema is not valid JSON:");
    EXPECT_EQ(refusal({"5"}), "schema is an integer" + expected);
    EXPECT_EQ(refusal({"'flot'"}), "schema is \"flot\", which is not defined" + expected);
    EXPECT_EQ(refusal({"'a\\u0007\u00e9'"}),
              "schema is \"a\\x07\\xc3\\xa9\", which is not defined" + expected);
    EXPECT_EQ(refusal({"{}"}), "schema at /type is missing" + expected);
    EXPECT_EQ(refusal({"{'type':'array'}"}), "schema at /items is missing" + expected);
    EXPECT_EQ(refusal({"{'type':'map','values':null}"}), "schema at /values is null" + expected);
    EXPECT_EQ(refusal({"['int',['null']]"}), "schema at /1 is a union in a union; expected another type");
    EXPECT_EQ(refusal({"{'type':'record','fields':[]}"}),
              "schema at /name is missing; expected the name of the type");
    EXPECT_EQ(refusal({"{'type':'record','name':'a.','fields':[]}"}),
              "schema at /name is empty; expected the name of the type");
    EXPECT_EQ(refusal({"{'type':'record','name':'R','namespace':1,'fields':[]}"}),
              "schema at /namespace is an integer; expected a namespace");
    EXPECT_EQ(refusal({"{'type':'record','name':'R'}"}),
              "schema at /fields is missing; expected an array of fields");
    EXPECT_EQ(refusal({avro_record("5")}), "schema at /fields/0 is an integer; expected a field");
    EXPECT_EQ(refusal({avro_record("{'name':'a'}")}), "schema at /fields/0/type is missing" + expected);
    EXPECT_EQ(refusal({avro_record(avro_field("a", "'int'") + "," + avro_field("a", "'int'"))}),
              "schema at /fields has the field \"a\" twice; expected a name of its own for each field");
    EXPECT_EQ(refusal({"{'type':'enum','name':'E','symbols':[1]}"}),
              "schema at /symbols/0 is an integer; expected a text");
    EXPECT_EQ(refusal({"{'type':'fixed','name':'F','size':-1}"}),
              "schema at /size is negative; expected the number of bytes");
    EXPECT_EQ(refusal({"{'type':'fixed','name':'F','size':'1'}"}),
              "schema at /size is a string; expected the number of bytes");
}

TEST(AvroSchema, Limits) {
    EXPECT_EQ(refusal({"'" + std::string(schema_bytes_max, 'x') + "'"}),
              "schema has 1048578 bytes; expected at most 1048576");
    EXPECT_EQ(refusal({repeat("{'type':'array','items':", 300) + "'int'" + repeat("}", 300)}).substr(0, 24),
              "schema is not valid JSON");
    EXPECT_EQ(
        refusal({"{'type':'enum','name':'E','symbols':[" + repeat("'A',", schema_members_max) + "'A']}"}),
        "schema has more than 65536 fields; expected fewer");
    EXPECT_EQ(refusal({"[" + repeat("{'type':'int'},", schema_types_max) + "'int']"}),
              "schema has more than 16384 types; expected fewer");
    // The mapping reads one field from each of more than 30 records in a map. The reader's plan has a step
    // for each field of these records, also for fields that the reader skips. This is more than the limit.
    std::string fields, places;
    for (int i = 0; i < 10'000; i++)
        fields += (i == 0 ? "" : ",") + avro_field("f" + std::to_string(i), "'int'");
    for (int i = 0; i < 30; i++)
        places += (i == 0 ? "'" : ",'") + std::string("/m/x") + std::to_string(i) + "/f0':1";
    std::string problem;
    const std::string inner = "{'type':'record','name':'I','fields':[" + fields + "]}";
    const std::string schema = avro_record(avro_field("m", "{'type':'map','values':" + inner + "}"));
    EXPECT_EQ(reader_of({schema}, wanted_of("'/m/x/f1'", "'when':{" + places + "}"), &problem), nullptr);
    EXPECT_EQ(problem,
              "schema needs more than 262144 steps to read with this mapping; expected a smaller schema");
}

TEST(AvroSchema, ALongChainOfTypesNeedsNoStack) {
    std::vector<std::string> chain = {"{'type':'record','name':'R0','fields':[]}"};
    for (int i = 1; i < 5000; i++)
        chain.push_back("{'type':'record','name':'R" + std::to_string(i) + "','fields':[" +
                        avro_field("a", "'R" + std::to_string(i - 1) + "'") + "]}");
    EXPECT_EQ(refusal(chain), "accepted");
    EXPECT_EQ(avro_read(chain, "").substr(0, 77),
              "INVALID_AVRO: payload is not valid Avro: a value that is nested too deeply at");
}

} // namespace
} // namespace heartbeat
