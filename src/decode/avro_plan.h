// How to read messages of one Avro schema for one mapping: a flat list of steps, each of which takes or skips
// a value. avro_plan_compile() makes it once, and the reader follows it for each message without comparing
// names of fields.
#pragma once

#include "decode/avro_types.h"
#include "decode/wanted_values.h"

#include <deque>

namespace heartbeat {

enum class AvroOp : uint8_t {
    none,
    // skip a value
    skip_bytes, // a number of bytes that the schema knows
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

// The inner steps of a step are `count` steps from `first` on. Values with the same type that are read in the
// same way share their inner steps. So a recursive schema has a finite plan.
//
// inner steps of      are
// a record            one for each field. Neighbours that are skipped as bytes are one step
// a choice            one for each branch
// skip_blocks         skips of what an element has, or of the key and of the value
// an array, a map     1. a skip of the element, or of the value; 2. the step for all elements, or `none`;
//                     3. the steps for the elements or members that the mapping names, in order of `number`
struct AvroStep {
    const char *name_data = nullptr; // of a field of a record, or of a member of a map that the mapping names
    uint32_t name_size = 0;
    uint32_t number = no_value; // of an element of an array that the mapping names
    // number of bytes of fixed types, number of fields of a record that are taken, TimeScale of integers
    uint32_t size = 0;
    uint32_t first = 0; // of an enum: index of its type
    uint32_t count = 0; // of a decimal: its scale
    AvroOp op = AvroOp::none;

    std::string_view name() const { return {name_data, name_size}; }
    bool is_skip() const { return op < AvroOp::null; }
};

struct AvroPlan {
    std::vector<AvroStep> steps;
    AvroStep root;
    std::deque<std::string> names; // of the members of maps
};

// The plan has pointers into the schema, which must live longer. May throw AvroSchemaFault
// and std::bad_alloc.
AvroPlan avro_plan_compile(const AvroSchema &schema, const WantedValue &wanted);

} // namespace heartbeat
