// Finds the types of an Avro schema that have a fixed size. A plan skips a value of a fixed size in one step.
// avro_plan.cpp calls avro_fixed_sizes().
#pragma once

#include "decode/avro_types.h"

#include <optional>

namespace heartbeat {

inline constexpr uint32_t avro_size_max = UINT32_MAX; // avro_size_max also stands for all larger sizes

constexpr uint32_t avro_add_sizes(uint32_t left, uint32_t right) noexcept {
    return left > avro_size_max - right ? avro_size_max : left + right;
}

// Returns one element for each type: the size of the type, or an empty element if the type has no fixed size.
// A value of a type without a fixed size has at least one byte. May throw std::bad_alloc.
std::vector<std::optional<uint32_t>> avro_fixed_sizes(const AvroSchema &schema);

} // namespace heartbeat
