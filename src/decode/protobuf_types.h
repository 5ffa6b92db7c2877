// Functions for the types of Protobuf: the encoding of a value, and the value of a field that is missing in a
// message. protobuf_compile.cpp and ProtobufTreeBuilder call these functions.
#pragma once

#include "decode/protobuf_plan.h"

namespace heartbeat {

WireType protobuf_wire(ProtobufType type) noexcept; // the wire type of a single value

// Sets *node to zero, false or an empty text. The type must not be an enum.
void protobuf_set_zero(ProtobufType type, ValueNode *node) noexcept;

// Sets *node to the default that the schema declares, or to the first value of the enum.
void protobuf_set_enum(const ProtobufField &field, const ProtobufEnum &type, const ProtobufPlanEnum &names,
                       ValueNode *node) noexcept;

// Sets *node to the default that the schema declares. Returns false if the text of the default is not a
// finite value of this type. The type must not be an enum. The node can point into *text, so *text must live
// as long as the node. May throw std::bad_alloc.
bool protobuf_set_default(const ProtobufField &field, std::string *text, ValueNode *node);

// Makes the plan of an enum. The names in the plan point into *texts. May throw std::bad_alloc.
ProtobufPlanEnum protobuf_plan_enum(const ProtobufEnum &type, std::deque<std::string> *texts);

// Converts `value` to an integer of the type, and sets *node to this integer. `value` is the number that
// WireCursor has read. `type` must be an integer type.
void protobuf_set_number(ProtobufType type, uint64_t value, ValueNode *node) noexcept;

// Sets *node to an integer, or to an unsigned integer if int64_t cannot hold the number.
inline void protobuf_set_unsigned(uint64_t number, ValueNode *node) noexcept {
    node->type = number <= INT64_MAX ? ValueType::integer : ValueType::unsigned_integer;
    if (number <= INT64_MAX)
        node->integer = static_cast<int64_t>(number);
    else
        node->unsigned_integer = number;
}

} // namespace heartbeat
