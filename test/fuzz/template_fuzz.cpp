// Fuzzing of the generator: for any text, the compiler returns a template whose messages are JSON, or an
// error with a reason.
#include "avro_plan.h"
#include "protobuf_plan.h"
#include "require.h"
#include "shape.h"
#include "template_compile.h"

#include <jansson.h>
#include <string>

namespace {

using namespace heartbeat::generator;

// Even a short template can make a very long message, if the template has arrays in arrays. The harness skips
// a template whose message can be longer than this number of bytes.
constexpr size_t most_bytes = size_t{1} << 20;

bool is_short(const MessageTemplate &layout, size_t template_bytes) {
    return layout.samples <= most_bytes / (template_bytes + 1000);
}

MessageReadings readings_of(size_t count) {
    MessageReadings readings{1, 7, 2, "CUST-0007", "DEV-0007-2", {}};
    for (size_t i = 0; i < count; i++)
        readings.samples.push_back({1'795'358'342'123'456 + static_cast<int64_t>(i) * 1'000'000, 74});
    return readings;
}

// Writes the message of the template in Avro and in Protobuf. If a schema cannot express the message, the
// thrown TemplateError has the reason.
void write_formats(const TemplateTree &tree, const MessageReadings &readings) {
    std::mt19937_64 random(1);
    std::string message;
    require(json_schema_of(tree.value).starts_with("{\"$schema\""));
    const Shape shape = shape_of(tree.value, "fuzz");
    binary_write(avro_plan(tree.value, AvroSchema(avro_schema_of(shape), "fuzz"), "fuzz"), readings, &random,
                 &message);
    if (!tree.schema.empty())
        binary_write(avro_plan(tree.value, AvroSchema(tree.schema, "fuzz"), "fuzz"), readings, &random,
                     &message);
    protobuf_schema_of(shape, "fuzz");
    binary_write(protobuf_plan(tree.value, shape), readings, &random, &message);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string text(reinterpret_cast<const char *>(data), size);
    try {
        const MessageTemplate layout = template_compile(text, "fuzz", 3);
        require(layout.samples >= 1 && layout.resolution >= 1);
        if (!is_short(layout, size))
            return 0;
        const MessageReadings readings = readings_of(layout.samples);
        std::mt19937_64 random(1);
        std::string message;
        template_write(layout.value, readings, &random, &message);
        json_error_t error;
        json_t *json = json_loadb(message.data(), message.size(), JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        require(json != nullptr);
        json_decref(json);
        message.clear();
        if (layout.key)
            template_write(*layout.key, readings, &random, &message);
        for (const HeaderTemplate &header : layout.headers)
            template_write(header.value, readings, &random, &message);
        write_formats(*layout.tree, readings);
    } catch (const TemplateError &error) {
        require(std::string(error.what()).size() > 8); // longer than "fuzz: "
    }
    return 0;
}
