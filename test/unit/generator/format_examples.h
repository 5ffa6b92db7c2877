// Unit tests of the generator's formats: makes plans from the JSON text of a template, and writes a message.
#pragma once

#include "avro_plan.h"
#include "binary_plan.h"
#include "protobuf_plan.h"
#include "shape.h"
#include "template_tree.h"

#include <initializer_list>
#include <random>
#include <string>
#include <vector>

namespace heartbeat::generator {

inline MessageReadings format_readings(const std::vector<double> &heart_rates = {74, 80, 81, 82}) {
    MessageReadings readings{9, 7, 2, "CUST-0007", "DEV-0007-2", {}};
    for (const double heart_rate : heart_rates)
        readings.samples.push_back(
            {1'795'358'342'123'456 + 1'500'000 * static_cast<int64_t>(readings.samples.size()),
             heart_rate}); // from 2026-11-22T14:39:02.123456Z
    return readings;
}

inline std::string format_bytes(std::initializer_list<int> bytes) {
    std::string text;
    for (const int byte : bytes)
        text += static_cast<char>(byte);
    return text;
}

inline std::string format_written(const BinaryPlan &plan,
                                  const MessageReadings &readings = format_readings()) {
    std::mt19937_64 random(1);
    std::string bytes;
    binary_write(plan, readings, &random, &bytes);
    return bytes;
}

inline TemplateTree format_tree(const std::string &value) {
    return template_tree(R"({"value": )" + value + "}", "t");
}

// Writes the value with the schema. If `schema` is empty, the function derives the schema from the value.
inline std::string avro_of(const std::string &value, std::string schema = "",
                           const MessageReadings &readings = format_readings()) {
    const TemplateTree tree = format_tree(value);
    if (schema.empty())
        schema = avro_schema_of(shape_of(tree.value, "t"));
    return format_written(avro_plan(tree.value, AvroSchema(schema, "s"), "t"), readings);
}

inline std::string protobuf_of(const std::string &value,
                               const MessageReadings &readings = format_readings()) {
    const TemplateTree tree = format_tree(value);
    const Shape shape = shape_of(tree.value, "t");
    protobuf_schema_of(shape, "t");
    return format_written(protobuf_plan(tree.value, shape), readings);
}

// Returns the text of the error, or "".
template <typename Make> std::string format_mistake(const Make &make) {
    try {
        make();
    } catch (const TemplateError &error) {
        return error.what();
    }
    return "";
}

} // namespace heartbeat::generator
