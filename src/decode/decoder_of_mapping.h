// The decoder of a layout that a mapping describes. The ingest worker, the function that tries a source, the
// replay and the retry make such a decoder for a source.
#pragma once

#include "decode/decoder.h"
#include "decode/mapping_compile.h"

#include <string_view>

namespace heartbeat {

// Compiles the mapping. If it returns nullptr, *error is filled in. All decoders of a thread share one
// MappedMemory.
Decoder *decoder_of_mapping(std::string_view json, MappingError *error) noexcept;

// Destroys a decoder of decoder_of_mapping(). It does nothing with nullptr and with the decoder of
// heartbeat's own layout.
void decoder_destroy(Decoder *decoder) noexcept;

} // namespace heartbeat
