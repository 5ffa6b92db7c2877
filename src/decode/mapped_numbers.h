// Reads the number at a place of a message. mapped_numbers.cpp calls mapped_number() for the heart rate.
// mapped_time.cpp calls mapped_number() for the time.
#pragma once

#include "decode/mapped_fields.h"

namespace heartbeat {

enum class NumberResult : uint8_t { found, missing, failed };

// If `text` is true, the function also accepts a text that contains a number. If `place` is the name of a
// list element, the function accepts such a text even if `text` is false.
NumberResult mapped_number(const MappedMessage &message, const Place &place, bool text, const char *name,
                           ValueNode *number, DecodeError *error) noexcept;

} // namespace heartbeat
