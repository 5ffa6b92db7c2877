// One Kafka message's payload to one reading, or to the reason why it is none.
#pragma once

#include "decode/decode_error.h"
#include "decode/reading.h"

#include <cstddef>

namespace heartbeat {

// payload == nullptr is a tombstone. Returns true with *reading filled in, or false with *error filled in and
// *reading unspecified. A text may say where in the payload something was found, never the payload's
// contents: errors travel to logs, payloads do not. A number is the nearest double, as everywhere in JSON:
// 1e-400 is zero. Any number of threads may decode at once, also while the process changes its locale.
bool decode_message(const void *payload, size_t size, Reading *reading, DecodeError *error) noexcept;

} // namespace heartbeat
