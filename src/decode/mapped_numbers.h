// Reads the number at a place of a message. mapped_numbers.cpp reads the heart rate with it, and
// mapped_time.cpp reads the time.
#pragma once

#include "decode/mapped_fields.h"

namespace heartbeat {

enum class NumberResult : uint8_t { found, missing, failed };

// If `text` is true, the function also accepts a number that is written as text. If the place is the name of
// a member, the function always accepts such a number.
NumberResult mapped_number(const MappedMessage &message, const Place &place, bool text, const char *name,
                           ValueNode *number, DecodeError *error) noexcept;

} // namespace heartbeat
