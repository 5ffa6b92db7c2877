// An Avro schema as a graph of types, which avro_schema_parse() makes from the JSON of schemas. avro_plan.cpp
// makes a plan from this graph and from the list of values that a mapping reads.
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
    uint32_t type;    // index in AvroSchema::types
};

struct AvroType {
    AvroKind kind = AvroKind::null;
    TimeScale time = TimeScale::none; // the unit of an int or a long whose logical type is a time
    bool is_decimal = false;          // of bytes or fixed
    bool is_uuid = false;             // of fixed
    uint32_t decimal_scale = 0;
    // the size of a fixed. UINT32_MAX also stands for larger sizes, which no message can have
    uint32_t size = 0;
    std::vector<AvroMember> members;  // fields of a record, branches of a union, or one element
    std::vector<std::string> symbols; // of an enum
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
