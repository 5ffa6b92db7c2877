// Generator, formats: writes the Avro schema of a template's values.
#include "shape.h"

#include "json_text.h"

namespace heartbeat::generator {

namespace {

using Kind = Shape::Kind;

std::string time_type(const char *logical) {
    return std::string(R"({"type":"long","logicalType":")") + logical + "\"}";
}

std::string record_type(const Shape &shape) {
    // Only the root record names the namespace: the records inside the root inherit it.
    const std::string space = shape.type_name == "Message" ? R"("namespace":"heartbeat.generator",)" : "";
    std::string text = R"({"type":"record",)" + space + R"("name":")" + shape.type_name + R"(","fields":[)";
    for (size_t i = 0; i < shape.elements.size(); i++)
        text += (i > 0 ? R"(,{"name":")" : R"({"name":")") + legal_name(shape.names[i]) + R"(","type":)" +
                avro_schema_of(shape.elements[i]) + "}";
    return text + "]}";
}

} // namespace

std::string avro_schema_of(const Shape &shape) {
    switch (shape.kind) {
    case Kind::null:
        return R"("null")";
    case Kind::boolean:
        return R"("boolean")";
    case Kind::integer:
        return R"("long")";
    case Kind::real:
        return R"("double")";
    case Kind::millis:
        return time_type("timestamp-millis");
    case Kind::micros:
        return time_type("timestamp-micros");
    case Kind::nanos:
        return time_type("timestamp-nanos");
    case Kind::nothing:
    case Kind::text:
        return R"("string")";
    case Kind::record:
        return record_type(shape);
    case Kind::map:
        return R"({"type":"map","values":)" + avro_schema_of(shape.element()) + "}";
    case Kind::array:
        return R"({"type":"array","items":)" + avro_schema_of(shape.element()) + "}";
    }
    return "";
}

} // namespace heartbeat::generator
