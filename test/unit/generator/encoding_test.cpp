// Unit tests of the generator: the format of a run, the frame before each message, and options that do not
// fit the format.
#include "encoding.h"

#include "layout.h"
#include "template_compile.h"

#include <gtest/gtest.h>
#include <string>

namespace heartbeat::generator {
namespace {

MessageEncoding load(Options options) {
    const auto layout = layout_load(&options);
    return layout ? encoding_load(options, *layout) : MessageEncoding();
}

std::string mistake_of(const Options &options) {
    try {
        load(options);
    } catch (const LayoutError &error) {
        return error.what();
    }
    return "";
}

Options options_with(const char *format, const char *preset = "heartbeat") {
    Options options;
    options.preset = preset;
    if (*format != '\0')
        options.format = format;
    return options;
}

TEST(Encoding, IsJsonByDefault) {
    const MessageEncoding encoding = load(options_with("", "fhir-observation"));
    EXPECT_EQ(encoding.format, Format::json);
    EXPECT_FALSE(encoding.is_binary());
    EXPECT_FALSE(load(options_with("json")).is_binary());
}

TEST(Encoding, TheTemplateCanNameTheFormat) {
    EXPECT_EQ(load(options_with("", "radar")).format, Format::avro);
    EXPECT_TRUE(load(options_with("", "radar")).key.plan);
    EXPECT_EQ(load(options_with("json", "radar")).format, Format::json);
    EXPECT_FALSE(load(options_with("protobuf", "radar")).key.plan);
}

TEST(Encoding, PutsTheFrameBeforeAMessage) {
    Options options = options_with("protobuf");
    EXPECT_EQ(load(options).value.prefix, "");
    options.schema_id = 0x01020304;
    EXPECT_EQ(load(options).value.prefix, std::string("\0\1\2\3\4\0", 6));
    options.format = "avro";
    EXPECT_EQ(load(options).value.prefix, std::string("\0\1\2\3\4", 5));
    EXPECT_EQ(load(options).key.prefix, "");
    options.format = "json-schema";
    EXPECT_TRUE(load(options).is_binary());
    EXPECT_FALSE(load(options).value.plan);
}

TEST(Encoding, RefusesOptionsThatDoNotFitTheFormat) {
    Options options = options_with("json");
    options.schema_registry = "http://localhost";
    EXPECT_NE(mistake_of(options).find("--schema-registry needs --format"), std::string::npos);
    options = options_with("protobuf");
    options.schema_file = "/dev/null";
    EXPECT_NE(mistake_of(options).find("--schema needs --format avro"), std::string::npos);
    options = options_with("avro");
    options.schema_id = options.key_schema_id = 1;
    EXPECT_NE(mistake_of(options).find("--key-schema-id needs a schema of the key"), std::string::npos);
    options = options_with("", "radar");
    options.schema_id = 1;
    EXPECT_NE(mistake_of(options).find("give both --schema-id and --key-schema-id"), std::string::npos);
    options = options_with("avro");
    options.schema_file = "/nonexistent";
    EXPECT_EQ(mistake_of(options), "--schema /nonexistent: No such file or directory");
}

} // namespace
} // namespace heartbeat::generator
