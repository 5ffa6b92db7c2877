// Generator, formats: writes the JSON Schema (draft 7) of a template's values.
#include "shape.h"

#include "json_text.h"

#include <algorithm>
#include <vector>

namespace heartbeat::generator {

namespace {

std::string type_of(const TemplateNode &node);

// Returns a JSON Schema that fits all elements of an array, or all values of an object whose member names
// differ from message to message.
std::string common_type(const TemplateNode &node) {
    std::vector<std::string> types;
    for (const TemplateNode &element : node.elements) {
        std::string type = type_of(element);
        if (std::find(types.begin(), types.end(), type) == types.end())
            types.push_back(std::move(type));
    }
    if (types.size() == 1)
        return types[0];
    std::string text;
    for (const std::string &type : types)
        text += (text.empty() ? "" : ",") + type;
    return text.empty() ? "true" : R"({"anyOf":[)" + text + "]}";
}

std::string object_type(const TemplateNode &node) {
    if (node.has_changing_names())
        return R"({"type":"object","additionalProperties":)" + common_type(node) + "}";
    std::string properties;
    std::string required;
    for (size_t i = 0; i < node.elements.size(); i++) {
        const std::string name = "\"" + json_escaped(fixed_text(node.names[i])) + "\"";
        properties += (i > 0 ? "," : "") + name + ":" + type_of(node.elements[i]);
        required += (i > 0 ? "," : "") + name;
    }
    return R"({"type":"object","properties":{)" + properties + R"(},"required":[)" + required +
           R"(],"additionalProperties":false})";
}

std::string constant_type(json_type constant) {
    switch (constant) {
    case JSON_NULL:
        return R"({"type":"null"})";
    case JSON_INTEGER:
        return R"({"type":"integer"})";
    case JSON_REAL:
        return R"({"type":"number"})";
    default:
        return R"({"type":"boolean"})";
    }
}

std::string type_of(const TemplateNode &node) {
    switch (node.kind) {
    case TemplateNode::Kind::object:
        return object_type(node);
    case TemplateNode::Kind::repeat:
        if (!node.names.empty())
            return object_type(node);
        [[fallthrough]];
    case TemplateNode::Kind::array:
        return R"({"type":"array","items":)" + common_type(node) + "}";
    case TemplateNode::Kind::text:
        return R"({"type":"string"})";
    case TemplateNode::Kind::number:
        return placeholder_is_whole(*node.pieces[0].placeholder) ? R"({"type":"integer"})"
                                                                 : R"({"type":"number"})";
    case TemplateNode::Kind::constant:
        return constant_type(node.constant);
    }
    return "";
}

} // namespace

std::string json_schema_of(const TemplateNode &node) {
    const std::string type = type_of(node);
    return R"({"$schema":"http://json-schema.org/draft-07/schema#",)" + type.substr(1);
}

} // namespace heartbeat::generator
