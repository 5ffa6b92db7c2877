// Reads the number at a place of a message. mapped_rate.cpp and mapped_time.cpp call it.
#pragma once

#include "decode/mapped_fields.h"

namespace heartbeat {

enum class NumberResult : uint8_t { found, missing, failed };

// text: a number that is written as text is taken. The name of a member is always taken as a number.
NumberResult mapped_number(const MappedMessage &message, const Place &place, bool text, const char *name,
                           ValueNode *number, DecodeError *error) noexcept;

} // namespace heartbeat
