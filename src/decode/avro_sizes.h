// The types of an Avro schema whose values all have the same number of bytes. The compiler of plans skips
// such values at once. avro_plan.cpp calls it.
#pragma once

#include "decode/avro_types.h"

#include <optional>

namespace heartbeat {

inline constexpr uint32_t avro_size_max = UINT32_MAX; // also stands for larger sizes

constexpr uint32_t avro_add_sizes(uint32_t left, uint32_t right) noexcept {
    return left > avro_size_max - right ? avro_size_max : left + right;
}

// Returns for each type its size, if it is fixed. A value of each other type has at least one byte. May throw
// std::bad_alloc.
std::vector<std::optional<uint32_t>> avro_fixed_sizes(const AvroSchema &schema);

} // namespace heartbeat
