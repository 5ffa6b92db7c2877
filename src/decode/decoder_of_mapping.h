// The decoder of a layout that a mapping describes. The ingest worker, the functions that try a source, and
// those for replay and retry make one for a source.
#pragma once

#include "decode/decoder.h"
#include "decode/mapping_compile.h"

#include <string_view>

namespace heartbeat {

// Compiles the mapping. nullptr: *error is filled in. The decoders of a thread share one memory.
Decoder *decoder_of_mapping(std::string_view json, MappingError *error) noexcept;

// nullptr, and the decoder of heartbeat's own layout, are allowed.
void decoder_destroy(Decoder *decoder) noexcept;

} // namespace heartbeat
