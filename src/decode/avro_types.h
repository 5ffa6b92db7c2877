// An Avro schema as a graph of types. avro_schema_parse() makes the graph from the JSON of schemas.
// avro_plan.cpp makes a plan from the graph and from the list of values that a mapping reads.
#pragma once

#include "decode/value_tree.h"

#include <string>
#include <vector>

namespace heartbeat {

enum class AvroKind : uint8_t {
    null,
    boolean,
    integer, // Avro's int
    long_integer,
    float_real,
    double_real,
    bytes,
    string,
    fixed,
    enumeration,
    array,
    map,
    record,
    choice // Avro's union
};

struct AvroMember {
    std::string name; // only a record's field has a name
    uint32_t type;    // the index in AvroSchema::types
};

struct AvroType {
    AvroKind kind = AvroKind::null;
    TimeScale time = TimeScale::none; // the unit of an int or a long whose logical type is a time
    bool is_decimal = false;          // true: bytes or Avro's `fixed` with the logical type decimal
    bool is_uuid = false;             // true: Avro's `fixed` with the logical type uuid
    uint32_t decimal_scale = 0;
    // the size of a `fixed`. UINT32_MAX stands for every size that does not fit: no message has so many bytes
    uint32_t size = 0;
    // the fields of a record, the branches of a union, or the type of the elements of an array or map
    std::vector<AvroMember> members;
    std::vector<std::string> symbols; // the names of an enum
};

struct AvroSchema {
    std::vector<AvroType> types; // a type can contain itself
    uint32_t root = 0;
};

// A fault of a schema, as a text for a person.
struct AvroSchemaFault {
    std::string text;
    bool out_of_memory = false;
};

} // namespace heartbeat
