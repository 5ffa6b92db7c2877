// A plan for reading the messages of one Avro schema with one mapping. The plan is a flat list of steps, and
// each step takes or skips a value. avro_plan_compile() makes the plan once. The reader follows the plan for
// each message, and does not compare the names of fields.
#pragma once

#include "decode/avro_types.h"
#include "decode/wanted_values.h"

#include <deque>

namespace heartbeat {

enum class AvroOp : uint8_t {
    none,
    // skip a value
    skip_bytes, // the schema defines the number of bytes
    skip_varint,
    skip_text,
    skip_blocks, // an array or a map
    skip_record,
    skip_choice,
    // take a value
    null,
    boolean,
    integer,
    long_integer,
    float_real,
    double_real,
    bytes,
    string,
    fixed,
    decimal,
    fixed_decimal,
    fixed_uuid,
    enumeration,
    array,
    map,
    record,
    choice
};

// A step has `count` inner steps, which begin at the index `first`. If a plan reads several values of one
// type in the same way, these values share their inner steps. So even the plan of a type that contains itself
// has an end.
//
// inner steps of      are
// a record            a step for each field; one step skips several neighboring fields of known size
// a choice            a step for each branch
// skip_blocks         the step that skips an element, or the two steps that skip a key and a value
// an array, a map     1. the step that skips an element or a value; 2. the step that takes all elements or
//                     members that have no step of their own, or `none` if the mapping does not read them;
//                     3. a step for each element (in the order of `number`) or member that the mapping names
struct AvroStep {
    // the name of a record's field, or of a map's member that the mapping names
    const char *name_data = nullptr;
    uint32_t name_size = 0;
    uint32_t number = no_value; // the index of an array's element that the mapping names
    // The number of bytes of a value with a fixed size. In the step for a record, `size` is the number of
    // fields that the step takes. In the step for an integer, `size` is the TimeScale.
    uint32_t size = 0;
    uint32_t first = 0; // the index of the first inner step; for an enum: the index of its type
    uint32_t count = 0; // the number of inner steps; for a decimal: the scale
    AvroOp op = AvroOp::none;

    std::string_view name() const { return {name_data, name_size}; }
    bool is_skip() const { return op < AvroOp::null; }
};

struct AvroPlan {
    std::vector<AvroStep> steps;
    AvroStep root;
    std::deque<std::string> names; // the names of the members of maps
};

// The plan contains pointers into the schema, so the schema must live as long as the plan. May throw
// AvroSchemaFault and std::bad_alloc.
AvroPlan avro_plan_compile(const AvroSchema &schema, const WantedValue &wanted);

} // namespace heartbeat
