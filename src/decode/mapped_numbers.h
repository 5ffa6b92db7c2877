// Reads the number at a place of a message. mapped_numbers.cpp reads the heart rate with it, and
// mapped_time.cpp reads the time.
#pragma once

#include "decode/mapped_fields.h"

namespace heartbeat {

enum class NumberResult : uint8_t { found, missing, failed };

// `text`: also takes a number that is written as text. The function always takes the name of a member as such
// a number.
NumberResult mapped_number(const MappedMessage &message, const Place &place, bool text, const char *name,
                           ValueNode *number, DecodeError *error) noexcept;

} // namespace heartbeat
