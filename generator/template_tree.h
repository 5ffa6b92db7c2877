// Generator, templates: a template as a tree of values, with the placeholders of its texts. template_tree.cpp
// reads the tree from JSON and checks the tree. template_compile.cpp makes the text of messages from the
// tree. For Avro, Protobuf and JSON Schema, the generator also makes the schema from the tree.
#pragma once

#include "placeholder.h"

#include <cstdint>
#include <jansson.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat::generator {

// A mistake in a template. what() names the line or the JSON pointer of the mistake, and the legal values at
// this place.
struct TemplateError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

using Pieces = std::vector<TextPiece>;

struct TemplateNode {
    // `text`: a text with or without placeholders. `number`: a placeholder that is written as a number.
    // `constant`: null, true, false or a number.
    enum class Kind { object, array, repeat, text, number, constant };

    Kind kind = Kind::constant;
    std::string path;   // JSON pointer of the value in the template
    json_type constant; // JSON_NULL, JSON_TRUE, JSON_FALSE, JSON_INTEGER or JSON_REAL
    int64_t integer = 0;
    double real = 0;           // the value of a JSON_INTEGER or a JSON_REAL
    std::string json;          // the JSON text of a constant
    Pieces pieces;             // the pieces of a text or of a number
    size_t count = 0;          // the number of elements of a repeat
    size_t stride = 0;         // the number of readings in each element of a repeat
    size_t readings = 1;       // the number of readings that the value writes, at least 1
    std::vector<Pieces> names; // the names of an object's members; a repeat that makes an object has one name
    std::vector<TemplateNode> elements; // members, elements of an array, or the element of a repeat

    // Returns true if $repeat makes the object, or if the name of a member has a placeholder. The names of
    // the members can then differ from message to message.
    bool has_changing_names() const;
};

struct HeaderNode {
    std::string name;
    TemplateNode value;
};

struct TemplateTree {
    std::string name; // the beginning of the text of an error
    TemplateNode value;
    std::optional<TemplateNode> key;
    std::vector<HeaderNode> headers;
    std::string schema;     // the Avro schema of the value; empty: the generator derives the schema
    std::string key_schema; // the Avro schema of the key; empty: the key is text
    std::string format;     // the format if --format is missing; empty: JSON

    int64_t resolution = 1; // resolution and the next three members are as in MessageTemplate
    bool has_repeat = false;
    bool has_device = false;
    std::optional<int64_t> day_zone;
};

// Returns whether the pieces have a placeholder.
bool has_placeholder(const Pieces &pieces);

// Returns the text of pieces without a placeholder.
std::string fixed_text(const Pieces &pieces);

// The text of an error begins with `name`. If `samples` has a value, each $repeat that contains no other
// $repeat has this number of elements. Throws TemplateError.
TemplateTree template_tree(std::string_view json, const std::string &name,
                           std::optional<uint32_t> samples = std::nullopt);

} // namespace heartbeat::generator
