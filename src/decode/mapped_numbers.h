// Reads the number at a place of a message. mapped_numbers.cpp calls mapped_number() for the heart rate.
// mapped_time.cpp calls mapped_number() for the time.
#pragma once

#include "decode/mapped_fields.h"

namespace heartbeat {

enum class NumberResult : uint8_t { found, missing, failed };

// The function accepts a text such as "72" only if `text` is true, or if `place` is the name of a list
// element.
NumberResult mapped_number(const MappedMessage &message, const Place &place, bool text, const char *name,
                           ValueNode *number, DecodeError *error) noexcept;

} // namespace heartbeat
