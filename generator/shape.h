// Generator, formats: the type of the values that a template writes. The schemas of Avro and Protobuf come
// from this type. encoding.cpp calls shape_of() and the functions that write schemas.
#pragma once

#include "template_tree.h"

#include <string>
#include <vector>

namespace heartbeat::generator {

struct Shape {
    // `nothing`: an empty array has elements of this type. `millis`, `micros` and `nanos`: a time as the
    // number of milliseconds, microseconds or nanoseconds since 1970.
    enum class Kind {
        nothing,
        null,
        boolean,
        integer,
        real,
        millis,
        micros,
        nanos,
        text,
        record,
        map,
        array
    };

    Kind kind = Kind::nothing;
    std::string path;               // JSON pointer in the template
    std::string type_name;          // the name of a record: legal in Avro and Protobuf, and unique
    std::vector<std::string> names; // the names of a record's fields, as in the template
    std::vector<Shape> elements;    // the fields of a record, or one type for all values of a map or an array

    const Shape &element() const { return elements[0]; }
};

// Throws TemplateError for an array whose elements have different types. Also throws TemplateError for an
// object with changing member names, if its values have different types. The text of the error begins with
// `name`.
Shape shape_of(const TemplateNode &node, const std::string &name);

// Returns a legal name for a field. An underscore replaces each byte that is not legal. If the name begins
// with a digit, the function adds an underscore at the beginning.
std::string legal_name(const std::string &name);

std::string avro_schema_of(const Shape &shape);
// Throws TemplateError if Protobuf cannot express the shape, for example an array in an array.
std::string protobuf_schema_of(const Shape &shape, const std::string &name);
// JSON Schema needs no shape: it can express each template.
std::string json_schema_of(const TemplateNode &node);

} // namespace heartbeat::generator
