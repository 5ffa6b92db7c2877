// The decoder of heartbeat's own message layout: the payload is a JSON object with the three fields of a
// reading. The ingest worker and the functions for replay and retry use this decoder.
#pragma once

#include "decode/decoder.h"

namespace heartbeat {

// A message without a payload (a tombstone) is an error. The number in heart_rate becomes the nearest double.
// For example, 1e-400 becomes zero. The decoder lives as long as the process. This decoder has no state, so
// several threads may call it at the same time.
Decoder *decoder_of_heartbeat() noexcept;

} // namespace heartbeat
