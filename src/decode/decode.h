// Decodes the payload of one Kafka message into a reading, or into the error that makes it a dead letter. The
// batch calls it for each message.
#pragma once

#include "decode/decode_error.h"
#include "decode/reading.h"

#include <cstddef>

namespace heartbeat {

// payload == nullptr is a tombstone. Returns true with *reading filled in, or false with *error filled in and
// *reading unspecified. An error text may name a position in the payload, but never has content of the
// payload, because error texts go to logs. A number becomes the nearest double, as usual in JSON: 1e-400 is
// zero. Any number of threads may decode at once, also while the process changes its locale.
bool decode_message(const void *payload, size_t size, Reading *reading, DecodeError *error) noexcept;

} // namespace heartbeat
