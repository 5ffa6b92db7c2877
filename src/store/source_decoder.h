// Makes the decoder of a source's messages. The messages have heartbeat's own layout, or the layout of a
// preset or of a mapping. The ingest workers call this file. The SQL functions that replay messages, retry
// dead letters or try a source also call this file. This file decodes no message.
#pragma once

#include "kafka/error.h"
#include "store/sources.h"

namespace heartbeat {

class Decoder;

// If the source's layout is wrong or unknown, or if the necessary module heartbeat_formats cannot be loaded,
// returns nullptr and sets *error. *lacks_module is true if the module cannot be loaded: a later call can
// then succeed. Raises an error if no memory is left. decoder_destroy() destroys the decoder.
Decoder *source_decoder_create(const Source &source, Error *error, bool *lacks_module);

// Does the same as source_decoder_create(), but raises an error instead of returning nullptr.
Decoder *source_decoder_require(const Source &source);

} // namespace heartbeat
