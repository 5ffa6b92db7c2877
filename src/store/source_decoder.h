// Makes the decoder of a source's messages: of heartbeat's own layout, of a preset, or of a mapping. The
// ingest workers call it, and so do the functions for replay, retry and trying a source. This file does not
// know how a message is decoded.
#pragma once

#include "kafka/error.h"
#include "store/sources.h"

namespace heartbeat {

class Decoder;

// Returns nullptr if the source's layout is wrong or unknown, or if the source needs the module
// heartbeat_formats and the module cannot be loaded: then *lacks_module is true, and a later call can
// succeed. *error says why. Raises an error if no memory is left. decoder_destroy() destroys the decoder.
Decoder *source_decoder_create(const Source &source, Error *error, bool *lacks_module);

// Does the same, but raises an error instead of returning nullptr.
Decoder *source_decoder_require(const Source &source);

} // namespace heartbeat
